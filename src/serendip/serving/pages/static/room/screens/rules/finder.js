// Finder: items by words, to be put into a rule without knowing their ids.

import { form } from "../../forms.js";
import { h } from "../../nodes.js";
import { titleOf } from "../../../words.js";

const FOUND = 8;

/** A field that finds items; `take(id)` is called for each that is chosen. */
export function finder(room, panel, take) {
  const find = async ({ words }) => {
    if (!words) return null;
    const asked = { text: words, limit: FOUND, personalization: false, include: ["attributes"], context: { language: room.language } };
    const { items, attributes } = await panel.send("POST", "/v1/recommendations:trace", asked);
    if (!items.length) return room.say("found_nothing");
    return h("div.row", items.map(({ item_id: id }) => choice(id, titleOf(id, attributes[id]))));
  };
  const choice = (id, title) => h("button.quiet", { type: "button", title: id, onclick: () => take(id) }, `+ ${title}`);
  return form({ fields: [{ name: "words", label: room.say("find"), help: room.say("help_find"), maxlength: 200 }], submit: room.say("find_button"), act: find });
}
