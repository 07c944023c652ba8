// Taste: what a person turns to, beside what everybody turns to, one attribute after another.

import { bars } from "../../charts.js";
import { number, percent } from "../../format.js";
import { h } from "../../nodes.js";

const FACETS = 8;
const VALUES = 5;
const NAMES = { category: "of_category", kind: "of_kind", brand: "of_brand", maker: "of_maker", genres: "of_genres", style: "of_style", theme: "of_theme", colour: "of_colour", material: "of_material", tags: "of_tags" };

export async function taste(room, panel, person) {
  const { taste: found } = await panel.get(`${person}/taste`);
  if (!found.items) return h("p.muted", room.say("wants_nothing"));
  const facets = spoken(found.facets, room.language).slice(0, FACETS);
  return [
    h("p.muted", room.say("taste_how", { items: number(found.items), window: number(found.window), pairs: number(found.window_items) })),
    facets.length ? h("div.facets", facets.map(([name, facet]) => block(room, name, facet))) : h("p", room.say("no_facets")),
  ];
}

/** Each attribute once, in the language of the reader where it is told in several: `category_zh` for `category`. */
function spoken(facets, language) {
  const told = new Map(facets.map((facet) => [facet.name, facet]));
  const plain = facets.filter(({ name }) => !/_(en|zh)$/.test(name));
  return plain.map((facet) => [facet.name, told.get(`${facet.name}_${language}`) ?? facet]);
}

function block(room, name, facet) {
  const title = NAMES[name] ? room.say(NAMES[name]) : name;
  const rows = facet.values.slice(0, VALUES).map((turn) => ({
    ...turn,
    name: [turn.value, turn.low > turn.everybody && h("span.badge.good", room.say("more_than_others"))],
    value: turn.share,
    note: room.say("everybody", { share: percent(turn.everybody) }),
  }));
  return h("div", h("h3", title), bars({ rows, label: title, format: percent }));
}
