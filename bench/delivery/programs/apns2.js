// apns2 at its `sendMany`, as many notifications in a call as the others have in flight. It sends no apns-id.
"use strict";

const fs = require("fs");
const { options, leadToSink, measure } = require("./common");

const { port, body, key, requests, streams } = options();
leadToSink(port);
const { ApnsClient, Notification } = require("apns2");

const { aps } = JSON.parse(fs.readFileSync(body, "utf8"));
const notifications = Array.from({ length: requests }, (_, number) => {
  const token = number.toString(16).padStart(64, "0");
  return new Notification(token, { aps, expiration: 1800000000 });
});

measure(async () => {
  const client = new ApnsClient({
    team: "DEF123GHIJ",
    keyId: "ABC123DEFG",
    signingKey: fs.readFileSync(key, "utf8"),
    defaultTopic: "com.example.app",
  });
  let answered = 0;
  for (let first = 0; first < requests; first += streams) {
    for (const result of await client.sendMany(notifications.slice(first, first + streams))) {
      if (result.error) console.error(result.error);
      else answered++;
    }
  }
  await client.close();
  return answered;
});
