// Faces: how things and people look where there is no picture, and the picture where there is one.

import { pictureOf } from "./api.js";
import { titleOf } from "./words.js";

/** The same colour for the same id, anywhere. */
export function hueOf(id) {
  let hash = 2166136261; // FNV-1a, then spread by the golden ratio, so that neighbouring ids look different
  for (const letter of id) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619) >>> 0;
  return Math.round(((hash * 0.618034) % 1) * 360);
}

export function initialsOf(text) {
  const letters = text.split(/[\s·]+/).map((part) => Array.from(part.replace(/^[^\p{L}\p{N}]+/u, ""))[0]).filter(Boolean);
  return letters.slice(0, 2).join("").toUpperCase() || "·";
}

/** The picture of an item where it has one, else its initials on a colour of its own. */
export function drawPicture(frame, itemId, attributes) {
  frame.style.setProperty("--hue", hueOf(itemId));
  frame.querySelector(".initials").dataset.initials = initialsOf(titleOf(itemId, attributes)); // drawn, not said
  frame.querySelector("img")?.remove();
  if (!attributes?.image) return;
  const image = Object.assign(new Image(), { alt: "", decoding: "async", loading: "lazy", src: pictureOf(itemId) });
  image.addEventListener("error", () => image.remove());
  frame.append(image);
}
