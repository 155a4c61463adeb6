// Addresses of what the page shows: `#/v2/operations/getAccount`, `#/v2/schemas/Account`, `#/v2/rules/5.8`.

export function address(api, kind = "", name = "") {
  const parts = [api, kind, name].filter(Boolean).map(encodeURIComponent);
  return `#/${parts.join("/")}`;
}

export function read(hash) {
  const [api = "", kind = "", name = ""] = hash.replace(/^#\/?/, "").split("/").map(decoded);
  return { api, kind, name };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
