// firebase-admin at its `sendEach`, with as many messages in a call as the others have in flight (its most is 500).
"use strict";

const fs = require("fs");
const http2 = require("http2");
const { options, leadToSink, measure } = require("./common");

const { port, body, token, requests, streams } = options();
leadToSink(port);

// It writes ":scheme" as "https:", which Google lets pass and nginx, keeping to the RFC, answers with 400.
const connect = http2.connect;
http2.connect = function (...args) {
  const session = connect.apply(http2, args);
  const request = session.request;
  session.request = function (headers, ...rest) {
    headers[":scheme"] = "https";
    return request.call(this, headers, ...rest);
  };
  return session;
};

const { initializeApp } = require("firebase-admin/app");
const { getMessaging } = require("firebase-admin/messaging");

const data = JSON.parse(fs.readFileSync(body, "utf8"));
const filler = "x".repeat(110);
const messages = Array.from({ length: requests }, (_, number) => ({
  token: `cRegistration-${String(number).padStart(10, "0")}:APA91b${filler}`,
  android: { priority: "high", ttl: 3600_000 },
  data,
}));

measure(async () => {
  const credential = { getAccessToken: async () => ({ access_token: token, expires_in: 3599 }) };
  const messaging = getMessaging(initializeApp({ credential, projectId: "clarion-bench" }));
  const size = Math.min(streams, 500);
  let answered = 0;
  for (let first = 0; first < requests; first += size) {
    const { successCount, responses } = await messaging.sendEach(messages.slice(first, first + size));
    answered += successCount;
    const failed = responses.find((each) => !each.success);
    if (failed) console.error(failed.error);
  }
  return answered;
});
