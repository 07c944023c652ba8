// Training: the round that goes on, how far it is, and beginning one.

import { ago, duration, number } from "../../format.js";
import { button } from "../../forms.js";
import { h } from "../../nodes.js";

const STEPS = ["starting", "reading the store", "fitting", "comparing", "saving"];

/** Reads how far training is; `ended` is called when a round that was seen is over. */
export function progress(room, ended) {
  let seen = null;
  return async (panel) => {
    const told = await panel.get("/v1/models/training");
    if (seen && told.running?.started_at !== seen) ended();
    seen = told.running?.started_at ?? null;
    return told.running ? running(room, told.running) : resting(room, told);
  };
}

function running(room, { step, label, done, total, started_at: began, recipe, why }) {
  const place = Math.max(0, STEPS.indexOf(step));
  return [
    h("p", { role: "status" }, h("span.badge.warn", room.say("goes_on")), " ", room.say("since", { when: ago(began) }), recipe && ` · ${recipe}`),
    h("ol.steps", STEPS.map((name, number) => h("li", { "aria-current": number === place ? "step" : null, class: number < place ? "done" : null }, room.say(`step_${number}`)))),
    h("progress", { max: Math.max(1, total), value: total ? done : null, "aria-label": room.say("training") }),
    h("p.muted", label ? `${label} · ${number(done)} / ${number(total)}` : why),
  ];
}

function resting(room, { last, events_since: events, every_h: hours, every_events: many }) {
  const byItself = [hours && room.say("every_hours", { time: duration(hours * 3600) }), many && room.say("every_events", { events: number(many) })].filter(Boolean);
  return [
    h("p", events === null ? room.say("unknown_since") : room.say("events_since", { events: number(events) })),
    last && h("p", room.say("last_round"), " ", outcome(room, last.outcome), ` ${ago(last.started_at)}: ${last.why}`),
    h("p.muted", byItself.length ? byItself.join(" ") : room.say("by_hand")),
  ];
}

const KINDS = { promoted: "good", held: "warn", skipped: "warn", failed: "bad" };

/** What came of a round, as a mark. */
export const outcome = (room, of) => h(`span.badge.${KINDS[of]}`, room.say(`outcome_${of}`));

export function starter(room) {
  return async (panel) => {
    const { recipe } = await panel.get("/v1/recipe");
    if (!room.may("admin")) return h("p.muted", room.say("train_admin"));
    const anyway = h("input", { type: "checkbox", id: "train-anyway" });
    const begin = async () => {
      await panel.send("POST", "/v1/models:train", { anyway: anyway.checked });
      return h("span", room.say("begun"));
    };
    return [
      h("p", room.say("train_note")),
      h("p.row", button(room.say("train_now"), begin, { kind: "plain.chief" })),
      h("p.check", anyway, h("label", { for: "train-anyway" }, room.say("anyway"))),
      h("p.muted", room.say("train_other", { name: recipe.name }), " ", room.link("pipeline", {}, room.say("to_pipeline"))),
    ];
  };
}
