// Models: the versions that are there, how good they are, and training.

import { ago, bytes, moment } from "../format.js";
import { confirmed } from "../forms.js";
import { h } from "../nodes.js";
import { drift } from "./models/drift.js";
import { about } from "./models/about.js";
import { rounds } from "./models/rounds.js";
import { progress, starter } from "./models/training.js";
import { table } from "../tables.js";

const LOOK_EVERY_S = 1;
const DRIFT_EVERY_S = 30;
const MB = 1e6;

export function screen(room) {
  const lists = []; // panels that are read again when a round of training ends
  const listed = (key, path, draw, options) => room.panel(key, async (panel) => {
    if (!lists.includes(panel)) lists.push(panel);
    return draw(room, await panel.get(path), panel);
  }, { wide: true, ...options });
  const ended = () => lists.forEach((panel) => panel.refresh());
  return [
    room.panel("training", progress(room, ended), { every: LOOK_EVERY_S }),
    room.panel("train", starter(room)),
    listed("versions", "/v1/models", versions),
    room.panel("model", (panel) => about(room, panel), { wide: true }),
    listed("rounds", "/v1/models", (_, told) => rounds(room, told.rounds)),
    room.panel("drift", async (panel) => drift(room, await panel.get("/v1/alerts")), { every: DRIFT_EVERY_S }),
  ];
}

function versions(room, { data }, panel) {
  const promote = (one) => confirmed(room.say("promote"), room.say("promote_question"), async () => {
    await panel.send("POST", "/v1/models:promote", { version: one.version });
    await room.again();
  });
  return table({
    caption: room.say("versions"),
    empty: room.say("no_models"),
    columns: [
      { head: room.say("version"), cell: (one) => room.link("models", { version: one.version }, one.version) },
      { head: "", cell: (one) => one.current && h("span.badge.good", room.say("current")) },
      { head: room.say("by_recipe"), cell: (one) => one.recipe ?? "–" },
      { head: room.say("fitted"), cell: (one) => h("span", { title: moment(one.fitted_at) }, ago(one.fitted_at)) },
      { head: room.say("size"), cell: (one) => bytes(one.size_mb * MB), number: true },
      { head: "", cell: (one) => room.may("admin") && !one.current && promote(one) },
    ],
    rows: [...data].reverse(),
  });
}
