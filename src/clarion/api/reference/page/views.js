// What the main part shows: the beginning of an API, an operation, a schema, the rules of behaviour, the problem codes.

import { copyable, folded, h } from "./dom.js";
import { address } from "./places.js";
import { inline, named, prose } from "./prose.js";
import { factsOf, schemaView, typeText } from "./schema.js";
import { tryPanel } from "./tryit.js";

export function overview(reference) {
  const own = reference.name;
  const groups = reference.tags.map((tag) => {
    const calls = reference.calls.filter((call) => call.tag === tag.name);
    if (!calls.length) return null;
    return h("section", { class: "group" }, h("h2", {}, tag.name), tag.description && h("p", {}, inline(tag.description, reference)), calls.map((call) => callLink(call, reference)));
  });
  return [
    h("p", { class: "label" }, `Version ${reference.version}`),
    heading(reference.title),
    prose(reference.description, reference),
    h("p", { class: "files" },
      h("a", { href: `/reference/${own}.openapi.json` }, "OpenAPI document (JSON)"),
      reference.rules.length > 0 && h("a", { href: address(own, "rules") }, "Rules of behaviour"),
      reference.problems.length > 0 && h("a", { href: address(own, "problems") }, "Problem codes"),
      h("a", { href: address(own, "schemas") }, "Schemas"),
    ),
    groups,
  ];
}

function callLink(call, reference) {
  return h("a", { class: "row", href: address(reference.name, "operations", call.id) },
    method(call.method), h("code", { class: "path" }, pathOf(call)), h("span", {}, call.summary));
}

export function operation(call, reference) {
  const about = [
    h("p", { class: "label" }, call.tag, " · ", h("code", {}, call.id)),
    heading(call.summary),
    h("p", { class: "target" }, method(call.method), h("code", { class: "path" }, pathOf(call))),
    prose(call.description, reference),
    access(call, reference),
    listing(call),
    parameters(call, reference),
    body(call, reference),
    answers(call, reference),
  ];
  const aside = call.method === "EVENT" ? example(call) : tryPanel(call, reference);
  return [h("div", { class: "operation" }, h("div", { class: "about" }, about), h("aside", { "aria-label": "Try it" }, aside))];
}

function example(call) {
  return [h("h2", {}, "Example"), copyable(JSON.stringify(call.body.example, null, 2), "the example")];
}

// Long paths may break before a slash.
function pathOf(call) {
  return call.path.split(/(?=\/)/).flatMap((part) => [h("wbr"), part]);
}

export function method(name) {
  return h("span", { class: `method ${name.toLowerCase()}` }, name);
}

function access(call, reference) {
  if (call.method === "EVENT") return h("p", { class: "access" }, "Sent by this installation to the endpoints that asked for it.");
  const texts = [];
  const open = !call.security.length || call.security.some((each) => !Object.keys(each).length);
  const ways = call.security.filter((each) => Object.keys(each).length);
  for (const way of ways) {
    const parts = Object.entries(way).map(([scheme, scopes]) => [
      h("code", {}, scheme),
      scopes.length > 0 && [" with ", scopes.map((scope, at) => [at > 0 && ", ", h("code", {}, scope)])],
    ]);
    texts.push(h("li", {}, parts.map((part, at) => [at > 0 && " and ", part])));
  }
  return h("section", { class: "access" }, h("h2", {}, "Access"),
    open && h("p", {}, "Needs no credentials."),
    call.role && h("p", {}, "Least role: ", h("code", {}, call.role)),
    texts.length > 0 && h("ul", {}, texts),
    reference.name === "v2" && !open && h("p", { class: "small" }, "One of the lines is enough. HTTPS only: ", inline("rule 1.1", reference), "."));
}

function listing(call) {
  if (!call.sortable.length && !call.filterable.length) return null;
  const names = (list) => list.map((name) => [h("code", {}, name), " "]);
  return h("section", {}, h("h2", {}, "Lists"),
    call.sortable.length > 0 && h("p", {}, "Sorts by ", names(call.sortable)),
    call.filterable.length > 0 && h("p", {}, "Filters by ", names(call.filterable)),
    call.unindexed.length > 0 && h("p", {}, "No index serves a filter by ", names(call.unindexed), ": it takes longer the more rows there are."));
}

function parameters(call, reference) {
  if (!call.parameters.length) return null;
  const places = [["path", "In the path"], ["query", "In the query"], ["header", "In headers"]];
  return h("section", {}, h("h2", {}, "Parameters"), places.map(([place, title]) => {
    const those = call.parameters.filter((parameter) => parameter.place === place);
    if (!those.length) return null;
    return [h("h3", {}, title), h("dl", { class: "members" }, those.map((parameter) => [
      h("dt", {}, h("code", {}, parameter.name), " ", h("span", { class: "type" }, typeText(parameter.schema)), " ",
        parameter.required && h("span", { class: "flag must" }, "required")),
      h("dd", {}, parameter.description && h("p", {}, inline(parameter.description, reference)), bounds(parameter.schema, reference)),
    ]))];
  }));
}

function bounds(schema, reference) {
  if (schema.$ref) return schemaView(schema, reference);
  const { pattern, ...rest } = schema;
  const facts = factsOf(pattern && pattern.length > 80 ? rest : schema);
  return facts.length > 0 && h("p", { class: "facts" }, facts);
}

function body(call, reference) {
  if (!call.body) return null;
  return h("section", {}, h("h2", {}, call.method === "EVENT" ? "What is sent" : "Body"),
    h("p", { class: "small" }, call.body.media.map((media, at) => [at > 0 && " or ", h("code", {}, media)]), call.body.required ? ", required" : ""),
    schemaView(call.body.schema, reference, true));
}

function answers(call, reference) {
  const shown = call.answers.map((answer) => {
    const good = answer.status.startsWith("2");
    const content = () => h("div", {},
      brief(answer) !== answer.description.replace(/\.$/, "") && prose(answer.description, reference),
      answer.headers.length > 0 && h("p", { class: "small" }, "Headers: ", answer.headers.map((name) => [h("code", {}, name), " "])),
      answer.faults.length > 0 && h("ul", { class: "faults" }, answer.faults.map((fault) => h("li", {}, named(fault.code, reference), " ", inline(fault.when, reference)))),
      answer.schema && schemaView(answer.schema, reference, good),
      good && answer.example !== null && answer.example !== undefined && answer.schema && folded("Example", () => copyable(JSON.stringify(answer.example, null, 2), "the example")));
    const summary = [h("span", { class: `status s${answer.status[0]}` }, answer.status), " ", brief(answer)];
    return folded(summary, content, { class: "answer", open: good });
  });
  return h("section", {}, h("h2", {}, "Answers"), shown);
}

function brief(answer) {
  const first = answer.description.split(/[.\n]/)[0];
  return first.length > 90 ? `${first.slice(0, 90)}…` : first;
}

export function schemas(reference) {
  return [heading("Schemas"), h("ul", { class: "columns" }, Object.keys(reference.schemas).map((name) => h("li", {}, h("a", { href: address(reference.name, "schemas", name) }, name))))];
}

export function schema(name, reference) {
  const pointer = `"#/components/schemas/${name}"`;
  const names = (holds) => holds.map((part) => part);
  const users = reference.calls.filter((call) => JSON.stringify([call.body && call.body.schema, call.answers.map((answer) => answer.schema)]).includes(pointer));
  const within = Object.entries(reference.schemas).filter(([other, value]) => other !== name && JSON.stringify(value).includes(pointer));
  return [
    h("p", { class: "label" }, "Schema"),
    heading(name),
    schemaView(reference.schemas[name], reference),
    users.length > 0 && h("section", {}, h("h2", {}, "Operations that show it"), names(users.map((call) => callLink(call, reference)))),
    within.length > 0 && h("section", {}, h("h2", {}, "Schemas that hold it"), h("ul", { class: "columns" }, within.map(([other]) => h("li", {}, h("a", { href: address(reference.name, "schemas", other) }, other))))),
  ];
}

export function rules(reference) {
  return [heading("Rules of behaviour"), reference.rules.map((section) => h("section", { class: "rules" },
    h("h2", { id: `rule-${section.title.split(".")[0]}` }, section.title),
    section.rules.map((rule) => ruleLine(rule, reference))))];
}

function ruleLine(rule, reference) {
  return h("p", { class: "rule", id: `rule-${rule.number}` },
    h("a", { class: "number", href: address(reference.name, "rules", rule.number) }, rule.number), h("span", {}, inline(rule.text, reference)));
}

export function problems(reference) {
  return [heading("Problem codes"), h("p", {}, "What stands in ", h("code", {}, "code"), " of an error, and what to do about it."),
    h("dl", { class: "members" }, reference.problems.map((problem) => [
      h("dt", { id: `problem-${problem.code}` }, h("code", {}, problem.code), " ", h("span", { class: `status s${String(problem.status)[0]}` }, String(problem.status)), " ", problem.title),
      h("dd", {}, h("p", {}, problem.advice)),
    ]))];
}

export function missing(what) {
  return [heading("Not found"), h("p", {}, what)];
}

function heading(text) {
  return h("h1", { tabindex: "-1" }, text);
}
