// Schemas as people read them: members with type, bounds and meaning. A reference opens in place and links to its own page.

import { folded, h } from "./dom.js";
import { inline, prose } from "./prose.js";
import { address } from "./places.js";

const PREFIX = "#/components/schemas/";

// `open` shows what a reference leads to at once.
export function schemaView(schema, reference, open = false) {
  if (typeof schema !== "object") return h("p", {}, schema ? "Any value." : "Never present.");
  const parts = [];
  if (schema.$ref) {
    parts.push(referenceView(schema.$ref, reference, open));
  } else {
    if (schema.description) parts.push(...prose(schema.description, reference));
    const kind = typeText(schema);
    const facts = factsOf(schema);
    if (!schema.properties || facts.length) parts.push(h("p", { class: "facts" }, h("span", { class: "type" }, kind), facts));
    if (schema.properties) parts.push(members(schema, reference));
    parts.push(...composed(schema, reference));
  }
  return h("div", { class: "schema" }, parts);
}

export function typeText(schema) {
  if (typeof schema !== "object") return schema ? "anything" : "nothing";
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const kind = Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type;
  if (kind && kind.startsWith("array")) return `${kind} of ${schema.items ? typeText(schema.items) : "anything"}`;
  if (kind) return schema.format ? `${kind} (${schema.format})` : kind;
  if (schema.oneOf || schema.anyOf) return (schema.oneOf || schema.anyOf).map(typeText).join(" or ");
  if (schema.allOf) return schema.allOf.map(typeText).filter((text) => text !== "anything").join(" and ") || "object";
  if (schema.enum) return "one of";
  return schema.properties ? "object" : "anything";
}

function nameOf(pointer) {
  return pointer.startsWith(PREFIX) ? pointer.slice(PREFIX.length) : pointer;
}

function referenceView(pointer, reference, open = false) {
  const name = nameOf(pointer);
  const link = h("a", { href: address(reference.name, "schemas", name) }, name);
  const target = reference.schemas[name];
  if (target === undefined) return link;
  return h("div", { class: "reference" }, link, folded("members", () => schemaView(target, reference), { open }));
}

function members(schema, reference) {
  const required = new Set(schema.required || []);
  const rows = Object.entries(schema.properties).map(([name, entry]) => member(name, entry, required.has(name), reference));
  return h("dl", { class: "members" }, rows);
}

function member(name, entry, required, reference) {
  const flags = [required && h("span", { class: "flag must" }, "required")];
  const plain = typeof entry === "object" ? entry : {};
  if (plain.readOnly) flags.push(h("span", { class: "flag" }, "read only"));
  if (plain.writeOnly) flags.push(h("span", { class: "flag" }, "write only"));
  if (plain.deprecated) flags.push(h("span", { class: "flag" }, "deprecated"));
  const title = h("dt", {}, h("code", {}, name), " ", h("span", { class: "type" }, typeText(entry)), " ", flags);
  const about = [];
  if (plain.description) about.push(h("p", {}, inline(plain.description, reference)));
  const facts = factsOf(plain);
  if (facts.length) about.push(h("p", { class: "facts" }, facts));
  const inner = nested(plain, reference);
  if (inner) about.push(inner);
  return [title, h("dd", {}, about)];
}

function nested(schema, reference) {
  if (schema.$ref) return referenceView(schema.$ref, reference);
  if (schema.properties) return folded("members", () => members(schema, reference), { open: true });
  const items = schema.items;
  if (items && typeof items === "object" && (items.$ref || items.properties || items.oneOf || items.anyOf))
    return items.$ref ? referenceView(items.$ref, reference) : folded("each entry", () => schemaView(items, reference));
  const extra = composed(schema, reference);
  return extra.length ? h("div", {}, extra) : null;
}

function composed(schema, reference) {
  const parts = [];
  const said = { oneOf: "One of these", anyOf: "Any of these", allOf: "All of these" };
  for (const [keyword, title] of Object.entries(said)) {
    const entries = (schema[keyword] || []).filter((entry) => !(entry && entry.type === "null"));
    if (entries.length) {
      parts.push(
        h("div", { class: "union" }, h("p", { class: "label" }, title), h("ul", {}, entries.map((entry) => h("li", {}, schemaView(entry, reference))))),
      );
    }
  }
  for (const [keyword, title] of [["if", "If it fits this"], ["then", "then also this"], ["else", "else this"], ["not", "Never this"]]) {
    if (schema[keyword] !== undefined) parts.push(folded(title, () => schemaView(schema[keyword], reference)));
  }
  if (schema.items && typeof schema.items === "object" && !schema.properties && !schema.items.$ref && schema.type === "array")
    parts.push(folded("each entry", () => schemaView(schema.items, reference), { open: true }));
  else if (schema.type === "array" && schema.items && schema.items.$ref) parts.push(referenceView(schema.items.$ref, reference));
  const rest = schema.additionalProperties;
  if (rest && typeof rest === "object" && Object.keys(rest).length) parts.push(folded("further members", () => schemaView(rest, reference), { open: true }));
  return parts;
}

const FACTS = [
  ["minLength", (value) => `at least ${value} characters`],
  ["maxLength", (value) => `at most ${value} characters`],
  ["minimum", (value) => `${value} or more`],
  ["maximum", (value) => `${value} or less`],
  ["exclusiveMinimum", (value) => `more than ${value}`],
  ["exclusiveMaximum", (value) => `less than ${value}`],
  ["multipleOf", (value) => `a multiple of ${value}`],
  ["minItems", (value) => `at least ${value} entries`],
  ["maxItems", (value) => `at most ${value} entries`],
  ["uniqueItems", (value) => (value ? "no entry twice" : "")],
  ["minProperties", (value) => `at least ${value} members`],
  ["maxProperties", (value) => `at most ${value} members`],
];

export function factsOf(schema) {
  const facts = FACTS.filter(([name]) => schema[name] !== undefined).map(([name, phrase]) => phrase(schema[name]));
  const shown = facts.filter(Boolean).map((text) => h("span", { class: "fact" }, text));
  if (schema.pattern) shown.push(h("span", { class: "fact" }, "pattern ", h("code", {}, schema.pattern)));
  if (schema.enum) shown.push(h("span", { class: "fact" }, schema.enum.map((value) => [h("code", {}, JSON.stringify(value)), " "])));
  if (schema.default !== undefined) shown.push(h("span", { class: "fact" }, "default ", h("code", {}, JSON.stringify(schema.default))));
  if (schema.additionalProperties === false && schema.properties) shown.push(h("span", { class: "fact" }, "no other members"));
  return shown;
}
