// The page: which API is shown, the contents at its side with their search, and the way from an address to a view.

import { h, replace } from "./dom.js";
import { address, read } from "./places.js";
import * as views from "./views.js";

const APIS = [["v2", "v2"], ["v1", "v1"], ["sdk", "Devices"], ["admin", "Administration"]];
const THEMES = [["", "as the system"], ["light", "light"], ["dark", "dark"]];
const MOST_FOUND = 60;

const models = new Map();
const at = { api: "", reference: null, links: [] };
const parts = Object.fromEntries(["documents", "side", "search", "contents", "main", "menu", "theme", "skip"].map((id) => [id, document.getElementById(id)]));

async function load(api) {
  if (!models.has(api)) {
    const response = await fetch(`/reference/${api}.json`, { credentials: "omit" });
    if (!response.ok) throw new Error(`The description of ${api} cannot be read: the answer was ${response.status}.`);
    const reference = await response.json();
    reference.callOf = new Map(reference.calls.map((call) => [call.id, call]));
    reference.problemOf = new Map(reference.problems.map((problem) => [problem.code, problem]));
    models.set(api, reference);
  }
  return models.get(api);
}

async function show(move = true) {
  const place = read(location.hash);
  const api = APIS.some(([name]) => name === place.api) ? place.api : APIS[0][0];
  try {
    const reference = await load(api);
    if (at.api !== api) {
      Object.assign(at, { api, reference });
      parts.search.value = "";
      listContents();
    }
    const [title, content] = view(place, reference);
    document.title = `${title} · API reference`;
    replace(parts.main, content);
    mark();
    closeMenu();
    if (move) arrive(place);
  } catch (error) {
    replace(parts.main, views.missing(error.message));
  }
}

function view(place, reference) {
  const { kind, name } = place;
  if (kind === "operations" && reference.callOf.has(name)) {
    const call = reference.callOf.get(name);
    return [call.summary, views.operation(call, reference)];
  }
  if (kind === "schemas" && !name) return ["Schemas", views.schemas(reference)];
  if (kind === "schemas" && name in reference.schemas) return [name, views.schema(name, reference)];
  if (kind === "rules" && reference.rules.length) return ["Rules", views.rules(reference)];
  if (kind === "problems" && reference.problems.length) return ["Problem codes", views.problems(reference)];
  if (kind) return ["Not found", views.missing(`${reference.title} has nothing called ${name || kind}.`)];
  return [reference.title, views.overview(reference)];
}

// To the rule or problem code an address names, else to the beginning.
function arrive(place) {
  const named = place.name && document.getElementById(`${place.kind.slice(0, -1)}-${place.name}`);
  const target = named || parts.main.querySelector("h1");
  if (!named) window.scrollTo(0, 0);
  if (!target) return;
  target.tabIndex = -1;
  target.focus({ preventScroll: !named });
  if (named) {
    document.querySelectorAll(".arrived").forEach((each) => each.classList.remove("arrived"));
    named.classList.add("arrived");
    named.scrollIntoView({ block: "center" });
  }
}

function listContents() {
  const { reference } = at;
  const own = reference.name;
  at.links = [];
  const link = (href, text, words, ...before) => {
    const item = h("a", { href }, ...before, h("span", {}, text));
    at.links.push({ item, words: words.toLowerCase() });
    return item;
  };
  const groups = reference.tags.map((tag) => {
    const calls = reference.calls.filter((call) => call.tag === tag.name);
    const links = calls.map((call) => link(address(own, "operations", call.id), call.summary, [call.id, call.method, call.path, call.summary, tag.name].join(" "), views.method(call.method)));
    return links.length ? group(tag.name, links) : null;
  });
  const about = [link(address(own), "Overview", "overview beginning")];
  if (reference.rules.length) about.push(link(address(own, "rules"), "Rules of behaviour", "rules of behaviour"));
  if (reference.problems.length) about.push(link(address(own, "problems"), "Problem codes", "problem codes errors"));
  about.push(link(address(own, "schemas"), "Schemas", "schemas"));
  const schemas = group("Schemas", Object.keys(reference.schemas).map((name) => link(address(own, "schemas", name), name, `schema ${name}`)));
  const problems = group("Problem codes", reference.problems.map((problem) => link(address(own, "problems", problem.code), problem.code, `problem ${problem.code} ${problem.title}`)));
  [schemas, problems].forEach((each) => each.removeAttribute("open"));
  replace(parts.contents, h("div", { class: "about-links" }, about), groups, schemas, reference.problems.length > 0 && problems);
}

function group(title, links) {
  return h("details", { open: true, class: "contents" }, h("summary", {}, title), h("ul", {}, links.map((link) => h("li", {}, link))));
}

function search() {
  const words = parts.search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const { item, words: text } of at.links) {
    const fits = words.every((word) => text.includes(word)) && (!words.length || found < MOST_FOUND);
    found += fits ? 1 : 0;
    (item.closest("li") || item).hidden = !fits;
  }
  for (const each of parts.contents.querySelectorAll("details")) {
    const some = [...each.querySelectorAll("li")].some((item) => !item.hidden);
    each.hidden = !some;
    if (words.length && some) each.open = true;
  }
}

function visibleLinks() {
  return at.links.map((link) => link.item).filter((item) => item.offsetParent !== null);
}

function mark() {
  const here = location.hash || address(at.api);
  for (const { item } of at.links) {
    if (item.getAttribute("href") === here) {
      item.setAttribute("aria-current", "page");
      item.closest("details")?.setAttribute("open", "");
      item.scrollIntoView({ block: "nearest" });
    } else {
      item.removeAttribute("aria-current");
    }
  }
  for (const link of parts.documents.children) {
    if (link.getAttribute("href") === address(at.api)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

function closeMenu() {
  document.body.classList.remove("menu-open");
  parts.menu.setAttribute("aria-expanded", "false");
}

function keys(event) {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.body.classList.add("menu-open");
    parts.search.focus();
  } else if (event.key === "Escape") {
    if (event.target === parts.search) {
      parts.search.value = "";
      search();
    }
    closeMenu();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && parts.side.contains(event.target)) {
    const links = visibleLinks();
    const next = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    if (next < 0) parts.search.focus();
    else links[Math.min(next, links.length - 1)]?.focus();
  } else if (event.key === "Enter" && event.target === parts.search) {
    visibleLinks()[0]?.click();
  }
}

function begin() {
  replace(parts.documents, APIS.map(([name, title]) => h("a", { href: address(name) }, title)));
  parts.search.addEventListener("input", search);
  parts.skip.addEventListener("click", () => parts.main.querySelector("h1")?.focus());
  parts.menu.addEventListener("click", () => {
    const open = document.body.classList.toggle("menu-open");
    parts.menu.setAttribute("aria-expanded", String(open));
  });
  let theme = 0;
  parts.theme.addEventListener("click", () => {
    theme = (theme + 1) % THEMES.length;
    document.documentElement.dataset.theme = THEMES[theme][0];
    parts.theme.textContent = `Theme: ${THEMES[theme][1]}`;
  });
  document.addEventListener("keydown", keys);
  window.addEventListener("hashchange", () => show());
  show(location.hash !== "");
}

begin();
