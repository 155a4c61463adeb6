// Texts of the documents with their links: rules, problem codes, schemas and operations where they are named.

import { h } from "./dom.js";
import { address } from "./places.js";

const NUMBERS = String.raw`\d+(?:\.\d+)?(?:(?:, | and | or | to )\d+(?:\.\d+)?)*`;
const TOKEN = new RegExp(
  [
    "`([^`]+)`",
    String.raw`\*\*(.+?)\*\*`,
    String.raw`RFC \d+(?: section [\d.]+)?`,
    String.raw`(v[12])-behaviour\.md`,
    String.raw`(behaviour rules?)`,
    String.raw`\b([Rr]ules?) (${NUMBERS})`,
    String.raw`\b(section) (\d+)\b`,
  ].join("|"),
  "g",
);

export function prose(text, reference) {
  return text
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph.trim())
    .map((paragraph) => h("p", {}, inline(paragraph.replace(/\s*\n\s*/g, " ").trim(), reference)));
}

export function inline(text, reference) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    if (found.index > at) nodes.push(text.slice(at, found.index));
    nodes.push(...linked(found, reference));
    at = found.index + found[0].length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

function linked([whole, code, bold, api, behaviour, rules, numbers, section, number], reference) {
  const own = reference.name;
  if (code !== undefined) return [named(code, reference)];
  if (bold !== undefined) return [h("strong", {}, bold)];
  if (api) return [h("a", { href: address(api, "rules") }, "the rules of behaviour")];
  if (behaviour && reference.rules.length) return [h("a", { href: address(own, "rules") }, behaviour)];
  if (rules && reference.rules.length) {
    const parts = numbers.split(/(\d+(?:\.\d+)?)/).filter(Boolean);
    return [`${rules} `, ...parts.map((part) => (/\d/.test(part) ? ruleLink(own, part) : part))];
  }
  if (section && own === "v2") return [h("a", { href: address(own, "rules", number) }, whole)];
  return [whole];
}

function ruleLink(api, number) {
  return h("a", { href: address(api, "rules", number) }, number);
}

export function named(text, reference) {
  const code = h("code", {}, text);
  let href = "";
  if (reference.problemOf.has(text)) href = address(reference.name, "problems", text);
  else if (text in reference.schemas) href = address(reference.name, "schemas", text);
  else if (reference.callOf.has(text)) href = address(reference.name, "operations", text);
  return href ? h("a", { href }, code) : code;
}
