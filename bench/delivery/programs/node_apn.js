// @parse/node-apn, measured at its client's own `write`: building the notification's JSON is left out.
"use strict";

const fs = require("fs");
const apn = require("@parse/node-apn");
const { options, measure } = require("./common");

const { port, ca, body, key, requests, streams } = options();
const payload = fs.readFileSync(body, "utf8");

measure(async () => {
  const provider = new apn.Provider({
    token: { key, keyId: "ABC123DEFG", teamId: "DEF123GHIJ" },
    address: "localhost",
    port,
    ca: fs.readFileSync(ca),
    production: false,
  });
  let sent = 0;
  let answered = 0;

  async function worker() {
    while (sent < requests) {
      const number = sent++;
      const headers = {
        "apns-topic": "com.example.app",
        "apns-push-type": "alert",
        "apns-priority": 10,
        "apns-expiration": 1800000000,
        "apns-id": "00000000-0000-4000-8000-" + number.toString(16).padStart(12, "0"),
      };
      const token = number.toString(16).padStart(64, "0");
      try {
        await provider.client.write({ headers, body: payload }, token, "device", "post");
        answered++;
      } catch (error) {
        console.error(error);
      }
    }
  }

  await Promise.all(Array.from({ length: Math.min(streams, requests) }, worker));
  provider.shutdown();
  return answered;
});
