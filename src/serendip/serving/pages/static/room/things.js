// Things: items and people as they stand in lists of the room, each leading to its screen.

import { drawPicture, hueOf, initialsOf } from "../faces.js";
import { titleOf } from "../words.js";
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
