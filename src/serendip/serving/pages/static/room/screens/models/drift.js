// Drift: whether what happens now is still what the model was fitted on.

import { number } from "../../format.js";
import { h } from "../../nodes.js";
import { table } from "../../tables.js";

const DRIFTS = ["items", "types", "scores"];

export function drift(room, { data, drift: known }) {
  const rows = DRIFTS.filter((of) => known[of]).map((of) => ({ of, ...known[of] }));
  return [
    h("p.muted", room.say("drift_note")),
    table({
      caption: room.say("drift"),
      empty: room.say("no_drift"),
      columns: [
        { head: room.say("drift_of"), cell: (row) => room.say(`drift_${row.of}`) },
        { head: room.say("index"), cell: (row) => number(row.index), number: true },
        { head: room.say("limit"), cell: (row) => number(row.limit), number: true },
        { head: "", cell: (row) => (row.index > row.limit ? h("span.badge.warn", room.say("shifted")) : h("span.badge.good", room.say("steady"))) },
      ],
      rows,
    }),
    h("ul", data.filter(({ code }) => !code.startsWith("drift_")).map(({ code, detail }) => h("li.notice.degraded", { title: detail }, room.say(`alert_${code}`)))),
  ];
}
