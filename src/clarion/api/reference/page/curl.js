// A request as a command of the shell. Secrets stand in variables, so that the text can be passed on.

const QUOTED = /'/g;

export function quote(text) {
  return `'${text.replace(QUOTED, String.raw`'\''`)}'`;
}

// `request` has method, url, headers (without authorization), body (text or null) and scheme.
export function curl(request) {
  const lines = [];
  const carries = request.body !== null;
  const headers = Object.entries(request.headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);
  if (request.scheme === "signature") {
    lines.push("TIME=$(date +%s)");
    if (carries) lines.push(`BODY=${quote(request.body)}`);
    const signed = carries && request.method !== "GET" ? "$BODY" : "";
    lines.push(`SIGNATURE=$(printf %s "${signed}$API_KEY$TIME" | sha1sum | cut -d " " -f 1)`);
    headers.push('-H "Accengage-Time: $TIME"', '-H "Accengage-Signature: $SIGNATURE"');
  }
  const own = { signature: "Bearer $TOKEN", bearer: "Bearer $TOKEN", application: "Clarion-App $PARTNER_ID:$PRIVATE_KEY" };
  if (request.scheme === "device") headers.push('-H "Authorization: Clarion-Device $PARTNER_ID:$DEVICE_SECRET"');
  else if (request.scheme === "basic") headers.push('-u "$CLIENT_ID:$CLIENT_SECRET"');
  else if (own[request.scheme] && request.withToken !== false) headers.push(`-H "Authorization: ${own[request.scheme]}"`);
  const body = [];
  if (carries) body.push(request.scheme === "signature" ? '--data-binary "$BODY"' : `--data-binary ${quote(request.body)}`);
  lines.push([`curl -X ${request.method} ${quote(request.url)}`, ...headers, ...body].join(" \\\n  "));
  return lines.join("\n");
}
