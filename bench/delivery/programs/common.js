// What the programs of Node's clients share: options, the line of JSON, and the way to the sink.
"use strict";

const tls = require("tls");
const { parseArgs } = require("util");

// The options that bench.delivery gives to every program.
function options() {
  const text = { type: "string" };
  const { values } = parseArgs({
    options: { port: text, ca: text, body: text, key: text, token: text, requests: text, streams: text },
  });
  return { ...values, port: Number(values.port), requests: Number(values.requests), streams: Number(values.streams) };
}

// TLS connections go to the sink, whatever host and port a client insists on. The name that it checks stays the same.
function leadToSink(port) {
  const connect = tls.connect;
  tls.connect = function (...args) {
    const callback = typeof args.at(-1) === "function" ? args.pop() : undefined;
    const chosen = { ...args.find((each) => typeof each === "object") };
    const host = args.find((each) => typeof each === "string") ?? chosen.host;
    return connect.call(tls, { ...chosen, servername: chosen.servername ?? host, host: "127.0.0.1", port }, callback);
  };
}

// Run `work`, which resolves to the number of requests answered with success, and print what it took.
async function measure(work) {
  const before = process.cpuUsage();
  const begun = process.hrtime.bigint();
  const answered = await work();
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  console.log(
    JSON.stringify({ answered, user_before: before.user / 1e6, system_before: before.system / 1e6, seconds })
  );
}

module.exports = { options, leadToSink, measure };
