// Things: items and people as they stand in lists of the room, each leading to its screen.

import { drawPicture, hueOf, initialsOf } from "../faces.js";
import { titleOf } from "../words.js";
import { ago, moment } from "./format.js";
import { h } from "./nodes.js";

const leads = (screen, id) => ({ href: `/room/${screen}?id=${encodeURIComponent(id)}`, "data-screen": screen });

/** An item with its picture and title, and a note. */
export function itemTile(itemId, attributes, note = "") {
  const frame = h("span.picture", h("span.initials", { "aria-hidden": "true" }));
  drawPicture(frame, itemId, attributes);
  const title = titleOf(itemId, attributes);
  return h("a.tile", { ...leads("item", itemId), title }, frame, h("span.tile-text", h("span.tile-title", title), h("span.tile-note", note)));
}

/** A person by name or id. */
export function personTile(userId, attributes, note = "") {
  const name = attributes?.name ?? userId;
  const face = h("span.avatar", { "aria-hidden": "true", style: { "--hue": hueOf(userId) } }, initialsOf(name));
  return h("a.tile", leads("person", userId), face, h("span.tile-text", h("span.tile-title", name), h("span.tile-note", note)));
}

/** The names and values of attributes, as `facts` takes them; a name that ends in `_ms` tells a moment. */
export function attributeFacts(attributes) {
  return Object.entries(attributes ?? {}).map(([name, value]) => [name, name.endsWith("_ms") && Number.isFinite(value) ? moment(value) : plain(value)]);
}

const plain = (value) => (Array.isArray(value) ? value.join(", ") : value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));

/** A moment (RFC 3339, or null) by how long ago it is. */
export const time = (of) => h("time", { datetime: of, title: moment(of) }, ago(of));
