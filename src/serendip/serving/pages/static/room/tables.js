// Tables: rows with headings, and lists of facts.

import { say } from "../words.js";
import { h } from "./nodes.js";

/**
 * Rows under headings. A column is `{ head, cell: (row) => node or text, number: true }`; `caption` is read to those who
 * do not see; `empty` is said where there are no rows.
 */
export function table({ caption, columns, rows, empty = say("nothing") }) {
  if (!rows.length) return h("p.muted", empty);
  const kind = (column) => ({ class: column.number ? "number" : null });
  return h(
    "div.table",
    { tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      h("caption", caption),
      h("thead", h("tr", columns.map((column) => h("th", { scope: "col", ...kind(column) }, column.head)))),
      h("tbody", rows.map((row) => h("tr", columns.map((column) => h("td", kind(column), column.cell(row)))))),
    ),
  );
}

/** Names and what they are: `[[name, node or text], ...]`. */
export function facts(pairs) {
  return h("dl.facts-list", pairs.map(([name, value]) => h("div", h("dt", name), h("dd", value))));
}

/** Large numbers with what they count: `[[name, text, note], ...]`. */
export function tally(pairs) {
  return h("dl.tally", pairs.map(([name, value, note]) => h("div", h("dt", name), h("dd", value, note && h("small", note)))));
}

/**
 * Pages of results. `load(after)` resolves to `{ nodes, next }`; the page after it is asked for with `next` until that is
 * null.
 */
export function pager(load) {
  const place = h("div.pager");
  const turn = async (after) => {
    const { nodes, next } = await load(after);
    const more = next && h("button.plain", { type: "button", onclick: () => turn(next) }, say("more"));
    const first = after && h("button.plain", { type: "button", onclick: () => turn(null) }, say("first"));
    place.replaceChildren(...[nodes].flat(), h("p.turns", first, more));
  };
  return turn(null).then(() => place);
}
