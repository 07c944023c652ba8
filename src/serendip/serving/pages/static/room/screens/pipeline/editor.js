// Editor: the recipe as a form or as TOML, what is another in it, and what can be done with it.

import { Problem } from "../../../api.js";
import { button, confirmed, sentence } from "../../forms.js";
import { h } from "../../nodes.js";
import { changesTable } from "./changes.js";
import { Unreadable, recipeFields } from "./fields.js";
import { rehearsal } from "./rehearsal.js";

const WAIT_MS = 400; // from the last key until it is looked at
const PEOPLE = 30;
const MOST_PEOPLE = 50;

export class Editor {
  #place = h("div");
  #outcome = h("div.outcome", { "aria-live": "polite" });
  #tried = h("div", { "aria-live": "polite" });
  #views;
  #asText = false;
  #read = null; // what stands in the form or the text, as the service takes it
  #turn = 0; // answers to what was asked before are dropped
  #waiting = null;

  /** `live` is the answer of `GET /v1/recipe`; `changed()` is called when another recipe is in service. */
  constructor(room, panel, live, changed) {
    Object.assign(this, { room, panel, live, changed, recipe: live.recipe, toml: live.toml });
    this.#views = [false, true].map((asText) => h("button.plain", { type: "button", onclick: () => this.#turnTo(asText) }, room.say(asText ? "as_toml" : "as_form")));
    this.#place.addEventListener("input", () => {
      clearTimeout(this.#waiting);
      this.#waiting = setTimeout(() => this.check(), WAIT_MS);
    });
    this.#show();
    if (!live.version) this.check();
  }

  get nodes() {
    return [h("p.muted", this.room.say("recipe_note")), h("div.row.views", this.#views), this.#place, this.#outcome, this.#tried];
  }

  /** Put another recipe in the form. */
  async load(toml) {
    Object.assign(this, { toml });
    this.#asText = true;
    this.#show();
    await this.#turnTo(false);
    this.#place.scrollIntoView({ block: "nearest" });
  }

  /** Ask the service what is another, and say what can be done; whether it is a recipe at all. */
  async check() {
    const mine = ++this.#turn;
    try {
      const told = await this.panel.send("POST", "/v1/recipe:check", this.#read());
      if (mine !== this.#turn) return false;
      Object.assign(this, { recipe: told.recipe, toml: told.toml });
      this.#outcome.replaceChildren(h("h3", this.room.say("difference")), changesTable(this.room, told.changes), h("div", this.#actions(told)));
      return true;
    } catch (problem) {
      if (!(problem instanceof Problem || problem instanceof Unreadable)) throw problem;
      if (mine === this.#turn) this.#outcome.replaceChildren(h("p.notice.problem", problem instanceof Unreadable ? problem.message : sentence(problem)));
      return false;
    }
  }

  async #turnTo(asText) {
    if (asText === this.#asText || !(await this.check())) return;
    this.#asText = asText;
    this.#show();
  }

  #show() {
    this.#views.forEach((node, place) => node.setAttribute("aria-pressed", String(Boolean(place) === this.#asText)));
    if (this.#asText) {
      const area = h("textarea", { rows: 24, spellcheck: "false", "aria-label": this.room.say("as_toml"), value: this.toml });
      this.#read = () => ({ toml: area.value });
      this.#place.replaceChildren(area);
    } else {
      const form = recipeFields(this.room, this.live, this.recipe);
      this.#read = () => ({ recipe: form.read() });
      this.#place.replaceChildren(form.node);
    }
  }

  // -------------------------------------------------------------- what can be done

  #actions({ changes, needs_fit: why, version }) {
    if (version && !changes.length) return null;
    const { room } = this;
    const admin = room.may("admin");
    return [
      h("p.muted", room.say(why ? "must_be_trained" : "may_be_put")),
      h("div.row", !why && this.#trial(), admin && !why && [this.#putting(version), this.#putAside(version)], admin && this.#training(why)),
      !admin && h("p.muted", room.say("admin_only")),
    ];
  }

  #trial() {
    const { room, panel } = this;
    const people = h("input.short", { type: "number", min: 1, max: MOST_PEOPLE, value: PEOPLE, "aria-label": room.say("dry_run_people") });
    const act = async () => {
      const told = await panel.send("POST", "/v1/recipe:dry-run", { ...this.#read(), people: Number(people.value) });
      this.#tried.replaceChildren(...rehearsal(room, told));
    };
    return [people, button(room.say("dry_run"), act)];
  }

  #putting(version) {
    const { room, panel } = this;
    return confirmed(room.say("put"), room.say("put_question"), async () => {
      const told = await panel.send("PUT", "/v1/recipe", { ...this.#read(), version });
      await this.check();
      this.#outcome.prepend(h("p.badge.good", room.say("put_done", { version: told.version })));
      this.changed();
    });
  }

  #putAside(version) {
    const { room, panel } = this;
    return button(room.say("put_aside"), async () => {
      const told = await panel.send("POST", "/v1/recipe:aside", { ...this.#read(), version });
      return room.link("experiments", { challenger: told.version }, room.say("aside_done"));
    });
  }

  #training(why) {
    const { room, panel } = this;
    const anyway = h("input", { type: "checkbox", id: "train-anyway" });
    const act = async () => {
      await panel.send("POST", "/v1/models:train", { ...this.#read(), anyway: anyway.checked });
      await room.go("models");
    };
    return [button(room.say("train_with"), act, { kind: why ? "plain.chief" : "plain" }), h("span.check", anyway, h("label", { for: anyway.id }, room.say("anyway")))];
  }
}
