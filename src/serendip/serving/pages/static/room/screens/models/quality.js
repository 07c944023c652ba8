// Quality: how well models foretell what people want, with how sure that is.

import { bars } from "../../charts.js";
import { ago, interval, number, percent } from "../../format.js";
import { h } from "../../nodes.js";
import { table } from "../../tables.js";

/** An exam of one model. */
export function quality(room, exam) {
  const metrics = Object.entries(exam.metrics).map(([name, one]) => ({ name: room.say(`metric_${name.split("@")[0]}`), ...bar(one) }));
  return [
    h("p.muted", room.say("exam_note", { people: number(exam.people), events: number(exam.events), when: ago(exam.at) })),
    bars({ rows: metrics, label: room.say("how_good"), format: percent }),
    h("div.pair", ["history", "popularity"].map((by) => h("div", h("h3", room.say(`parts_${by}`)), bars({ rows: exam.parts.filter((one) => one.by === by).map((one) => ({ name: partName(room, one), ...bar(one.figures[0]) })), label: room.say(`parts_${by}`), format: percent })))),
  ];
}

const bar = ({ mean, low, high }) => ({ value: mean, low, high, note: Number.isFinite(low) && `${percent(low)} – ${percent(high)}` });

const partName = (room, { by, name, people }) => `${by === "history" ? room.say("known_items", { count: name }) : room.say(`part_${name}`)} · ${room.say("of_people", { people: number(people) })}`;

/** A verdict: the model before it and this one, on the same people. */
export function comparison(room, { champion, challenger, difference, people, parts = [] }) {
  const whole = { name: room.say("everybody", { people: number(people) }), before: champion, after: challenger, difference };
  const rows = [whole, ...parts.map((one) => ({ name: partName(room, one), before: one.figures[0], after: one.figures[1] }))];
  return table({
    caption: room.say("against_before"),
    columns: [
      { head: room.say("metric_ndcg"), cell: (row) => row.name },
      { head: room.say("the_one_before"), cell: (row) => interval(row.before), number: true },
      { head: room.say("this_one"), cell: (row) => interval(row.after), number: true },
      { head: room.say("gain"), cell: (row) => interval(row.difference ?? { mean: row.after.mean - row.before.mean }), number: true },
    ],
    rows,
  });
}
