// Editor: the recipe as a form or as TOML, what is another in it, and what can be done with it.

import { Problem } from "../../api.js";
import { button, confirmed, sentence } from "../forms.js";
import { h } from "../nodes.js";
import { changesTable } from "./changes.js";
import { Unreadable, recipeFields } from "./fields.js";
import { rehearsal } from "./rehearsal.js";

const WAIT_MS = 400; // from the last key until it is looked at
const PEOPLE = 30;

/**
 * `live` is the answer of `GET /v1/recipe`; `changed()` is called when another recipe is in service. The nodes, and
 * `load(toml)`, which puts another recipe in the form, and `check()`, which compares it again.
 */
export function editor(room, panel, live, changed) {
  const place = h("div");
  const outcome = h("div.outcome", { "aria-live": "polite" });
  const tried = h("div", { "aria-live": "polite" });
  const state = { recipe: live.recipe, toml: live.toml, asText: false, read: null, turn: 0 };

  const views = [false, true].map((asText) => h("button.plain", { type: "button", onclick: () => turn(asText) }, room.say(asText ? "as_toml" : "as_form")));
  const show = () => {
    views.forEach((node, number) => node.setAttribute("aria-pressed", String(Boolean(number) === state.asText)));
    if (state.asText) {
      const area = h("textarea", { rows: 24, spellcheck: "false", "aria-label": room.say("as_toml"), value: state.toml });
      state.read = () => ({ toml: area.value });
      place.replaceChildren(area);
    } else {
      const form = recipeFields(room, live, state.recipe);
      state.read = () => ({ recipe: form.read() });
      place.replaceChildren(form.node);
    }
  };

  /** Ask the service what is another, and say what can be done; whether it is a recipe at all. */
  async function check() {
    const mine = ++state.turn;
    try {
      const told = await panel.send("POST", "/v1/recipe:check", state.read());
      if (mine !== state.turn) return false;
      Object.assign(state, { recipe: told.recipe, toml: told.toml });
      outcome.replaceChildren(h("h3", room.say("difference")), changesTable(room, told.changes), h("div", actions(told)));
      return true;
    } catch (problem) {
      if (!(problem instanceof Problem || problem instanceof Unreadable)) throw problem;
      if (mine === state.turn) outcome.replaceChildren(h("p.notice.problem", problem instanceof Unreadable ? problem.message : sentence(problem)));
      return false;
    }
  }

  async function turn(asText) {
    if (asText !== state.asText && (await check())) {
      state.asText = asText;
      show();
    }
  }

  async function load(toml) {
    Object.assign(state, { toml, asText: true });
    show();
    if (await check()) await turn(false);
    place.scrollIntoView({ block: "nearest" });
  }

  function actions({ changes, needs_fit: why, version }) {
    if (version && !changes.length) return null;
    const note = why ? room.say("must_be_trained") : room.say("may_be_put");
    return [h("p.muted", note), h("div.row", !why && trial(), room.may("admin") && !why && putting(version), room.may("admin") && training(why)), !room.may("admin") && h("p.muted", room.say("admin_only"))];
  }

  function trial() {
    const people = h("input.short", { type: "number", min: 1, max: 50, value: PEOPLE, "aria-label": room.say("dry_run_people") });
    return [people, button(room.say("dry_run"), async () => {
      tried.replaceChildren(...rehearsal(room, await panel.send("POST", "/v1/recipe:dry-run", { ...state.read(), people: Number(people.value) })));
    })];
  }

  const putting = (version) => confirmed(room.say("put"), room.say("put_question"), async () => {
    const told = await panel.send("PUT", "/v1/recipe", { ...state.read(), version });
    await check();
    outcome.prepend(h("p.badge.good", room.say("put_done", { version: told.version })));
    changed();
  });

  function training(why) {
    const anyway = h("input", { type: "checkbox", id: "train-anyway" });
    return [button(room.say("train_with"), async () => {
      await panel.send("POST", "/v1/models:train", { ...state.read(), anyway: anyway.checked });
      await room.go("models");
    }, { kind: why ? "plain.chief" : "plain" }), h("span.check", anyway, h("label", { for: "train-anyway" }, room.say("anyway")))];
  }

  let waiting;
  place.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(check, WAIT_MS);
  });
  show();
  if (!live.version) check();
  return { load, check, nodes: [h("p.muted", room.say("recipe_note")), h("div.row.views", views), place, outcome, tried] };
}
