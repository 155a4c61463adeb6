// The process that measures @parse/node-apn: its client's own `write`, without building the notification's JSON, so
// that the transport is what is compared. Prints one line of JSON like channel_client.py.
"use strict";

const fs = require("fs");
const apn = require("@parse/node-apn");

const [port, ca, body, key, requests, streams] = process.argv.slice(2);

async function main() {
  const payload = fs.readFileSync(body, "utf8");
  const total = Number(requests);
  const before = process.cpuUsage();
  const begun = process.hrtime.bigint();
  const provider = new apn.Provider({
    token: { key, keyId: "ABC123DEFG", teamId: "DEF123GHIJ" },
    address: "localhost",
    port: Number(port),
    ca: fs.readFileSync(ca),
    production: false,
  });
  let sent = 0;
  let answered = 0;

  async function worker() {
    while (sent < total) {
      const number = sent++;
      const headers = {
        "apns-topic": "com.example.app",
        "apns-push-type": "alert",
        "apns-priority": 10,
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

  await Promise.all(Array.from({ length: Math.min(Number(streams), total) }, worker));
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  console.log(
    JSON.stringify({ answered, user_before: before.user / 1e6, system_before: before.system / 1e6, seconds })
  );
  provider.shutdown();
}

main();
