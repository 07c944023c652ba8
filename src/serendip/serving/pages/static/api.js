// The public HTTP interface, and nothing but it.

/** The service does not answer (`status` 0) or refuses; `detail` is its sentence. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const KEY = "serendip.key"; // kept for this tab alone

/** From now on, ask with this key; null: with none. */
export const useKey = (key) => (key ? sessionStorage.setItem(KEY, key) : sessionStorage.removeItem(KEY));

/** Whether there is a key; what it is stays here. */
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** What the service answers to a call; a body that is not a plain object (a file) is sent as it is. */
export async function call(path, body, method = body === undefined ? "GET" : "POST") {
  const key = sessionStorage.getItem(KEY);
  const plain = body !== undefined && !(body instanceof Blob);
  const headers = { ...(plain && { "Content-Type": "application/json" }), ...(key && { Authorization: `Bearer ${key}` }) };
  let response;
  try {
    response = await fetch(path, { method, headers, body: plain ? JSON.stringify(body) : body });
  } catch {
    throw new Problem(0, "");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Problem(response.status, answer?.detail ?? answer?.title ?? `${response.status}`);
  return answer;
}

/** Save what the service answers to a call as a file. */
export async function download(path, name) {
  const key = sessionStorage.getItem(KEY);
  const response = await fetch(path, { headers: key ? { Authorization: `Bearer ${key}` } : {} }).catch(() => {
    throw new Problem(0, "");
  });
  if (!response.ok) throw new Problem(response.status, (await response.json().catch(() => null))?.detail ?? `${response.status}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // by then it is saved
}

const item = (itemId) => `/v1/items/${encodeURIComponent(itemId)}`;

export const people = (limit) => call(`/v1/users?limit=${limit}`);
export const attributesOf = (itemId) => call(item(itemId));
export const historyOf = (userId, limit) => call(`/v1/users/${encodeURIComponent(userId)}/history?include=attributes&limit=${limit}`);
export const recommendations = (query) => call("/v1/recommendations", query);
export const similar = (query) => call("/v1/similar", query);
export const pictureOf = (itemId) => `${item(itemId)}/image`;

/** Tell the service of an event, or of several. */
export async function send(events) {
  const receipt = await call("/v1/events", events);
  if (receipt.rejected?.length) throw new Problem(422, receipt.rejected[0].detail);
}

/** A random name; `crypto.randomUUID` is missing where the page does not come over https or from this machine. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The command for a POSIX shell that makes the same call; a key is named and not written. */
export function curl(path, body, method = body === undefined ? "GET" : "POST") {
  const usual = method === (body === undefined ? "GET" : "POST");
  const key = sessionStorage.getItem(KEY) ? ['-H "Authorization: Bearer $SERENDIP_KEY"'] : [];
  const sent =
    body === undefined ? []
    : body instanceof Blob ? [...(body.type ? [`-H ${quoted(`Content-Type: ${body.type}`)}`] : []), `--data-binary @${quoted(body.name ?? "file")}`]
    : [`-H ${quoted("Content-Type: application/json")}`, `--data-raw ${quoted(JSON.stringify(body))}`];
  const parts = [`curl -sS ${usual ? "" : `-X ${method} `}${quoted(new URL(path, location.href).href)}`, ...key, ...sent];
  return parts.join(" \\\n  ");
}
