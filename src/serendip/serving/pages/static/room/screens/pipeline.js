// Pipeline: what happens to a list on its way, and the recipe that says so.

import { moment } from "../format.js";
import { button, confirmed } from "../forms.js";
import { h } from "../nodes.js";
import { changesList } from "./pipeline/changes.js";
import { Editor } from "./pipeline/editor.js";
import { stages } from "./pipeline/stages.js";
import { table } from "../tables.js";

const STAGES_EVERY_S = 10;

export function screen(room) {
  const open = { panels: {} }; // the editor and the panels, once they are there
  const changed = () => ["stages", "history"].forEach((name) => open.panels[name]?.refresh());
  const of = (name, load, options) => room.panel(name, (panel) => load((open.panels[name] = panel)), { wide: true, ...options });
  return [
    of("stages", (panel) => onTheWay(room, panel), { every: STAGES_EVERY_S }),
    of("recipe", async (panel) => (open.editor = new Editor(room, panel, await panel.get("/v1/recipe"), changed)).nodes),
    of("history", async (panel) => history(room, panel, await panel.get("/v1/models"), { open, changed })),
  ];
}

async function onTheWay(room, panel) {
  const [told, { recipe }] = await Promise.all([panel.get("/v1/pipeline"), panel.get("/v1/recipe")]);
  if (!told.version) return h("p.muted", room.say("no_model"));
  return stages(room, told, recipe);
}

function history(room, panel, { data, history: past }, { open, changed }) {
  const current = data.find((one) => one.current)?.version;
  const back = (one) => confirmed(room.say("go_back"), room.say("go_back_question"), async () => {
    await panel.send("POST", "/v1/models:promote", { version: one.version });
    open.editor?.check();
    changed();
  });
  const load = (one) => button(room.say("to_form"), () => open.editor?.load(one.recipe));
  return table({
    caption: room.say("history"),
    empty: room.say("no_history"),
    columns: [
      { head: room.say("when"), cell: (one) => moment(one.at) },
      { head: room.say("how"), cell: (one) => [room.say(`how_${one.how}`), one.by && h("small.muted", ` ${one.by}`)] },
      { head: room.say("change"), cell: (one) => changesList(room, one.changes) },
      { head: room.say("model"), cell: (one) => [room.link("models", { version: one.version }, one.version.slice(0, 16)), " ", one.version === current && h("span.badge.good", room.say("current"))] },
      { head: "", cell: (one) => h("div.row", one.recipe && load(one), room.may("admin") && one.there && one.version !== current && back(one)) },
    ],
    rows: past,
  });
}
