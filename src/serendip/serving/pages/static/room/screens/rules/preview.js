// Preview: what a rule would change in the lists of people, and the button that lets it hold.

import { button } from "../../forms.js";
import { interval, number, percent } from "../../format.js";
import { h } from "../../nodes.js";
import { table, tally } from "../../tables.js";
import { itemTile, personTile } from "../../things.js";

const SHOWN = 6; // places of a list, from the first on

export function previewOf(room, found, keep) {
  return h(
    "section.preview",
    { "aria-label": room.say("would_change") },
    h("h3", room.say("would_change")),
    found.people ? changes(room, found) : h("p.muted", room.say(found.model_version ? "nobody" : "no_model")),
    room.may("admin") && h("p", button(room.say("keep"), keep, { kind: "plain.chief" })),
    found.people > 0 && details(room, found),
  );
}

function changes(room, found) {
  const drawn = { people: number(found.people), of: number(found.drawn_from), surface: found.surface };
  const whom = room.say(found.cut_short ? "looked_at_cut" : "looked_at", drawn);
  return [
    tally([
      [room.say("lists_changed"), number(found.lists_changed), interval(found.share, percent)],
      [room.say("places_changed"), number(found.places_changed), room.say("of_places", { places: number(found.places) })],
    ]),
    h("p.muted", whom),
  ];
}

function details(room, found) {
  const moved = (key, rows) => rows.length > 0 && [h("h3", room.say(key)), movedItems(room, room.say(key), rows, found.attributes)];
  return [
    h("div.preview-sides", h("div", moved("gained", found.gained)), h("div", moved("lost", found.lost))),
    found.examples.length > 0 && [h("h3", room.say("examples")), found.examples.map((one) => example(room, one, found.attributes))],
  ];
}

function movedItems(room, caption, rows, attributes) {
  return table({
    caption,
    rows,
    columns: [
      { head: room.say("item"), cell: (row) => itemTile(row.item_id, attributes[row.item_id]) },
      { head: room.say("lists_now"), number: true, cell: (row) => number(row.before) },
      { head: room.say("lists_then"), number: true, cell: (row) => number(row.after) },
    ],
  });
}

function example(room, { user_id: user, before, after }, attributes) {
  const side = (key, ids, marked) => {
    const place = (id, at) => h("li", { class: marked(id, at) ? "moved" : null }, itemTile(id, attributes[id]));
    return h("div", h("div.muted", room.say(key)), h("ol.row", ids.slice(0, SHOWN).map(place)));
  };
  const leaves = (id) => !after.includes(id);
  const rises = (id, place) => !before.includes(id) || before.indexOf(id) > place;
  return h("div.example", personTile(user), side("before", before, leaves), side("after", after, rises));
}
