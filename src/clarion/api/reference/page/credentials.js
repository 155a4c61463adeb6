// Who calls: what a person types is held in this module while the page is open, and nowhere else.
//
// It leaves the page in requests to its own origin only.

import { h } from "./dom.js";
import { sign } from "./signing.js";

const held = { v1: {}, v2: {}, sdk: {}, admin: {} };

export function forget() {
  for (const api of Object.keys(held)) held[api] = {};
}

// The scheme by which an operation is let in, as `authorise` and `curl` take it.
export function schemeOf(call, reference) {
  if (reference.name === "v1") return "signature";
  const names = call.security.flatMap((each) => Object.keys(each));
  if (names.includes("clientBasic")) return "basic";
  if (names.includes("application")) return "application";
  if (names.includes("device")) return "device";
  return names.length ? "bearer" : "none";
}

// The headers that let a request in. `body` is the text that is sent. Throws Error for what is missing.
export function authorise(call, reference, body) {
  const own = held[reference.name];
  const token = () => required(own.token, "There is no token yet: get one above.");
  switch (schemeOf(call, reference)) {
    case "signature": {
      const time = String(Math.floor(Date.now() / 1000));
      const key = required(own.key, "The API key is missing.");
      const signed = { "Accengage-Time": time, "Accengage-Signature": sign(call.method === "GET" ? "" : body, key, time) };
      return needsToken(call) ? { ...signed, Authorization: `Bearer ${token()}` } : signed;
    }
    case "basic":
      return { Authorization: basic(own) };
    case "application":
      return { Authorization: `Clarion-App ${required(own.application, "Partner id and private key are missing.")}` };
    case "device":
      return { Authorization: `Clarion-Device ${required(own.device, "Partner id and device secret are missing.")}` };
    case "bearer":
      return { Authorization: `Bearer ${token()}` };
    default:
      return {};
  }
}

export function needsToken(call) {
  return call.security.some((each) => "bearer" in each || "oauth2" in each || "session" in each);
}

function basic(own) {
  const id = required(own.id, "The client id is missing.");
  const secret = required(own.secret, "The client secret is missing.");
  const text = [id, secret].map((part) => encodeURIComponent(part).replaceAll("%20", "+")).join(":");
  return `Basic ${btoa(text)}`;
}

function required(value, message) {
  if (!value) throw new Error(message);
  return value;
}

// The fields for what a call needs. Nothing is named so that no browser offers to keep it.
export function fields(call, reference) {
  const scheme = schemeOf(call, reference);
  if (scheme === "none") return null;
  const own = held[reference.name];
  const state = h("p", { class: "small", role: "status" });
  const tell = () => (state.textContent = own.token ? `A token is held${own.until ? ` until ${own.until}` : ""}.` : "");
  const parts = [];
  const lacking = reference.name === "v2" && own.token && own.granted && needsToken(call) && !covers(call, own.granted);
  const get = (label, obtain) => {
    const button = h("button", { type: "button" }, label);
    button.addEventListener("click", async () => {
      button.disabled = true;
      state.textContent = "Asking for a token…";
      try {
        await obtain();
        tell();
      } catch (error) {
        state.textContent = error.message;
      }
      button.disabled = false;
    });
    return button;
  };
  if (scheme === "signature") {
    parts.push(field(own, "email", "E-mail of the user"), field(own, "key", "API key", true));
    if (needsToken(call)) parts.push(get("Get a token", () => v1Token(own)));
  } else if (scheme === "basic") {
    parts.push(field(own, "id", "Client id"), field(own, "secret", "Client secret", true));
  } else if (scheme === "application") {
    parts.push(field(own, "application", "partner id:private key", true));
  } else if (scheme === "device") {
    parts.push(field(own, "device", "partner id:device secret", true));
  } else if (reference.name === "v2") {
    own.scope = scopesOf(call);
    parts.push(field(own, "id", "Client id"), field(own, "secret", "Client secret", true), field(own, "scope", "Scopes"), get("Get a token", () => v2Token(own)));
    if (lacking) parts.push(h("p", { class: "small" }, `The token held has other scopes (${own.granted}): get one for this operation.`));
  } else {
    parts.push(field(own, "email", "E-mail"), field(own, "key", "API key", true), get("Sign in", () => adminToken(own)));
  }
  if (needsToken(call)) parts.push(field(own, "token", "or paste a token", true, () => ((own.until = own.granted = ""), tell())));
  const clear = h("button", { type: "button", class: "plain" }, "Forget what I typed");
  clear.addEventListener("click", () => {
    forget();
    for (const input of parts.flatMap((part) => [...part.querySelectorAll("input")])) input.value = "";
    Object.keys(own).forEach((name) => delete own[name]);
    held[reference.name] = own;
    tell();
  });
  tell();
  const about = h("p", { class: "small" }, "Held in this page only, until it is closed. ", clear);
  return h("details", { class: "credentials", open: !own.token || Boolean(lacking) }, h("summary", {}, "Credentials"), parts, state, about);
}

function field(own, name, label, secret = false, changed = () => {}) {
  const input = h("input", { type: secret ? "password" : "text", autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
  input.value = own[name] || "";
  input.addEventListener("input", () => {
    own[name] = input.value.trim();
    changed();
  });
  return h("label", {}, h("span", {}, label), input);
}

function scopesOf(call) {
  const way = call.security.find((each) => each.oauth2);
  return way ? way.oauth2.join(" ") : "";
}

function covers(call, granted) {
  const has = new Set(granted.split(" "));
  return call.security.some((each) => each.oauth2 && each.oauth2.every((scope) => has.has(scope)));
}

async function v1Token(own) {
  const body = JSON.stringify({ email: required(own.email, "The e-mail address is missing.") });
  const time = String(Math.floor(Date.now() / 1000));
  const signature = sign(body, required(own.key, "The API key is missing."), time);
  const answer = await ask("/v1/access_token", body, "application/json", { "Accengage-Time": time, "Accengage-Signature": signature });
  Object.assign(own, { token: answer.access_token, until: "24 hours from now" });
}

async function v2Token(own) {
  const form = new URLSearchParams({ grant_type: "client_credentials", scope: required(own.scope, "Name the scopes.") });
  const answer = await ask("/oauth2/token", form.toString(), "application/x-www-form-urlencoded", { Authorization: basic(own) });
  const until = new Date(Date.now() + 1000 * answer.expires_in).toLocaleTimeString();
  Object.assign(own, { token: answer.access_token, granted: answer.scope, until });
}

async function adminToken(own) {
  const body = JSON.stringify({ email: required(own.email, "The e-mail address is missing."), apiKey: required(own.key, "The API key is missing.") });
  const answer = await ask("/admin/sessions", body, "application/json", {});
  Object.assign(own, { token: answer.token, until: answer.expiresAt });
}

async function ask(path, body, type, headers) {
  let response;
  try {
    response = await fetch(path, { method: "POST", body, headers: { ...headers, "Content-Type": type }, credentials: "omit", mode: "same-origin", redirect: "error", cache: "no-store" });
  } catch {
    throw new Error("No answer: the installation cannot be reached from this browser.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(reason(response.status, answer));
  return answer;
}

// One sentence for an error of any of the APIs.
export function reason(status, answer) {
  if (Array.isArray(answer.errors) && answer.errors[0] && answer.errors[0].label) return `${status}: ${answer.errors.map((each) => `${each.label}: ${each.message}`).join("; ")}`;
  if (answer.code === "https_required") return `${status}: v2 answers over HTTPS only. Open this page at the https address of the installation.`;
  if (answer.error) return `${status}: ${answer.error}. ${answer.error_description || ""}`;
  if (answer.detail) return `${status}: ${answer.title}. ${answer.detail}`;
  return `The answer was ${status}.`;
}
