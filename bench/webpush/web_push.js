// The process that measures web-push: `sendNotification` with one keep-alive agent, as its documentation shows it for
// many notifications. Prints one line of JSON like gateway_client.py.
"use strict";

const fs = require("fs");
const https = require("https");
const webpush = require("web-push");

const [work, ca, requests, inFlight] = process.argv.slice(2);

async function main() {
  const { subscriptions, payload, vapid, ttl } = JSON.parse(fs.readFileSync(work));
  const agent = new https.Agent({ keepAlive: true, maxSockets: Number(inFlight), ca: fs.readFileSync(ca) });
  webpush.setVapidDetails(vapid.subject, vapid.public_key, vapid.private_key);
  const options = { TTL: ttl, urgency: "high", agent };
  const total = Number(requests);
  const before = process.cpuUsage();
  const begun = process.hrtime.bigint();
  let sent = 0;
  let answered = 0;

  async function worker() {
    while (sent < total) {
      const subscription = subscriptions[sent++ % subscriptions.length];
      try {
        const answer = await webpush.sendNotification(subscription, payload, options);
        if (answer.statusCode === 201) answered++;
      } catch (error) {
        console.error(error);
      }
    }
  }

  await Promise.all(Array.from({ length: Math.min(Number(inFlight), total) }, worker));
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  console.log(
    JSON.stringify({ answered, user_before: before.user / 1e6, system_before: before.system / 1e6, seconds })
  );
  agent.destroy();
}

main();
