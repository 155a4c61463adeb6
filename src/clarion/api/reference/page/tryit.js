// Try it: a request is put together, shown as a command, sent to this installation, and its answer explained.

import { authorise, fields, needsToken, reason, schemeOf } from "./credentials.js";
import { curl } from "./curl.js";
import { copyable, h, replace } from "./dom.js";
import { address } from "./places.js";

const SHOWN = ["content-type", "etag", "location", "link", "ratelimit", "retry-after", "x-request-id", "idempotent-replayed", "allow", "www-authenticate"];
const SECRET_FREE = new Set(["GET", "HEAD"]);

export function tryPanel(call, reference) {
  const inputs = call.parameters.map((parameter) => parameterInput(parameter));
  const more = h("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "name=value&name=value" });
  const body = call.body ? h("textarea", { rows: "12", spellcheck: "false", autocapitalize: "off" }) : null;
  if (body) body.value = initial(call.body);
  const command = h("div", {});
  const answer = h("div", { class: "result", "aria-live": "polite" });
  const send = h("button", { type: "submit", class: "main" }, `Send ${call.method}`);
  const stop = h("button", { type: "button", hidden: true }, "Stop");

  const request = () => put(call, reference, inputs, more.value, body);
  const show = () => replace(command, copyable(curl(request()), "the command"));
  const form = h("form", { class: "try", autocomplete: "off" },
    h("h2", {}, "Try it"),
    fields(call, reference),
    inputs.length > 0 && h("fieldset", {}, h("legend", {}, "Parameters"), inputs.map((input) => input.label),
      call.filterable.length > 0 && h("label", {}, h("span", {}, "Further query"), more)),
    body && h("fieldset", {}, h("legend", {}, "Body"), h("label", {}, h("span", { class: "hidden" }, "Body"), body)),
    h("p", { class: "buttons" }, send, stop),
    !SECRET_FREE.has(call.method) && h("p", { class: "small" }, "This is a real request: what it changes on this installation stays changed."),
    answer,
    h("h3", {}, "As a command"), command);
  form.addEventListener("input", show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const ending = new AbortController();
    stop.onclick = () => ending.abort();
    [send.disabled, stop.hidden] = [true, false];
    await run(call, reference, request(), answer, ending.signal);
    [send.disabled, stop.hidden] = [false, true];
  });
  show();
  return form;
}

function parameterInput(parameter) {
  const choices = parameter.schema.enum;
  const given = { autocomplete: "off", spellcheck: "false", required: parameter.required };
  const input = choices
    ? h("select", given, h("option", { value: "" }, ""), choices.map((value) => h("option", { value }, String(value))))
    : h("input", { type: "text", ...given });
  if (parameter.schema.default !== undefined) input.setAttribute("placeholder", String(parameter.schema.default));
  const label = h("label", {}, h("span", {}, h("code", {}, parameter.name), parameter.required && " (required)"), input);
  return { parameter, input, label };
}

function initial(body) {
  if (body.example === null || body.example === undefined) return "";
  if (isForm(body)) return new URLSearchParams(body.example).toString();
  return JSON.stringify(body.example, null, 2);
}

function isForm(body) {
  return body.media[0] === "application/x-www-form-urlencoded";
}

// The request as it stands in the form: method, url, headers without credentials, body, scheme.
function put(call, reference, inputs, more, body) {
  let path = call.path;
  const query = [];
  const headers = {};
  for (const { parameter, input } of inputs) {
    const value = input.value;
    if (parameter.place === "path") path = path.replace(`{${parameter.name}}`, value ? encodeURIComponent(value) : `{${parameter.name}}`);
    else if (!value) continue;
    else if (parameter.place === "query") query.push(`${encodeURIComponent(parameter.name)}=${encodeURIComponent(value)}`);
    else headers[parameter.name] = value;
  }
  if (more.trim()) query.push(more.trim().replace(/^[?&]+/, ""));
  const text = body && body.value !== "" ? body.value : null;
  if (text !== null) headers["Content-Type"] = call.body.media[0];
  const url = location.origin + path + (query.length ? `?${query.join("&")}` : "");
  return { method: call.method, url, headers, body: text, scheme: schemeOf(call, reference), withToken: needsToken(call) };
}

async function run(call, reference, request, answer, signal) {
  const began = performance.now();
  try {
    if (new URL(request.url).origin !== location.origin) throw new Error("Requests go to this installation only.");
    const headers = { ...request.headers, ...authorise(call, reference, request.body || "") };
    replace(answer, h("p", {}, "Waiting for the answer…"));
    const response = await fetch(request.url, {
      method: request.method, headers, body: request.body, signal,
      credentials: "omit", mode: "same-origin", redirect: "manual", cache: "no-store",
    });
    const text = await read(response, signal, (soFar) => replace(answer, head(response, began), copyable(soFar, "the answer so far")));
    replace(answer, head(response, began), explained(response, text, reference), text && copyable(pretty(response, text), "the answer"));
  } catch (error) {
    const message = error instanceof TypeError ? "No answer: the installation cannot be reached from this browser." : error.message;
    replace(answer, h("p", { class: "fault", role: "alert" }, signal.aborted ? "Stopped." : message));
  }
}

async function read(response, signal, show) {
  if (!response.body) return "";
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  const live = (response.headers.get("content-type") || "").startsWith("text/event-stream");
  let text = "";
  while (true) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (signal.aborted) return text;
      throw error;
    }
    if (piece.done) return text + decoder.decode();
    text += decoder.decode(piece.value, { stream: true });
    if (live) show(text);
  }
}

function head(response, began) {
  const headers = SHOWN.filter((name) => response.headers.has(name)).map((name) => [h("dt", {}, name), h("dd", {}, response.headers.get(name))]);
  return [
    h("p", {}, h("span", { class: `status s${String(response.status)[0]}` }, String(response.status)), ` ${response.statusText} in ${Math.round(performance.now() - began)} ms`),
    headers.length > 0 && h("dl", { class: "headers" }, headers),
  ];
}

function pretty(response, text) {
  if (!/json/.test(response.headers.get("content-type") || "")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// The reason of a refusal in plain words, and what to do about it.
function explained(response, text, reference) {
  if (response.status < 400) return null;
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    // The status is all there is to tell.
  }
  const problem = reference.problemOf.get(body.code);
  const findings = (Array.isArray(body.errors) ? body.errors : []).filter((each) => each.detail);
  return h("div", { class: "fault", role: "alert" },
    h("p", {}, reason(response.status, body)),
    findings.length > 0 && h("ul", {}, findings.map((each) => h("li", {}, h("code", {}, each.pointer || each.parameter || each.header || ""), ` ${each.detail}`))),
    problem && h("p", {}, problem.advice, " ", h("a", { href: address(reference.name, "problems", body.code) }, body.code)));
}
