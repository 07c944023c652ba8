// Forms: fields with labels, buttons that wait, and what the service says when it refuses.

import { Problem } from "../api.js";
import { say } from "../words.js";
import { h } from "./nodes.js";

let fields = 0; // so that every label finds its field

/** The sentence of a failure; what is no failure of the service is thrown on. */
export function sentence(problem) {
  if (!(problem instanceof Problem)) throw problem;
  return problem.status ? say("refused", { detail: problem.message }) : say("unreachable");
}

/** A button that is busy while `act` runs; what fails, or what `act` resolves to, is said beside it. */
export function button(text, act, { kind = "plain", disabled = false } = {}) {
  const said = h("span.said", { role: "status" });
  const node = h(`button.${kind}`, { type: "button", disabled }, text);
  node.addEventListener("click", () => run(node, said, act));
  return h("span.button", node, said);
}

async function run(node, said, act) {
  node.disabled = true;
  said.replaceChildren();
  try {
    said.append(...[(await act()) ?? []].flat());
  } catch (problem) {
    said.append(h("span.refused", sentence(problem)));
  } finally {
    node.disabled = false;
  }
}

/** The same, for what cannot be undone: it asks first, with `question`. */
export function confirmed(text, question, act) {
  const place = h("span.button");
  const first = () => place.replaceChildren(h("button.plain.grave", { type: "button", onclick: ask }, text));
  const ask = () => {
    const no = h("button.plain", { type: "button", onclick: () => { first(); place.firstChild.focus(); } }, say("cancel"));
    place.replaceChildren(h("span", question), button(text, act, { kind: "plain.grave" }), no);
    no.focus();
  };
  first();
  return place;
}

/**
 * A form. A field is `{ name, label, kind, value, options, help, required, ...}`, of kind text, number, select, checkbox,
 * area, file or datetime-local; `options` are `[[value, text], ...]`. `act(values)` is given what was filled in, null where
 * nothing was, and may resolve to what is shown then.
 */
export function form({ fields: wanted, submit, act }) {
  const said = h("div.said", { role: "status" });
  const controls = new Map(wanted.map((field) => [field.name, control(field)]));
  const sender = h("button.plain.chief", { type: "submit" }, submit);
  const read = () => Object.fromEntries(wanted.map((field) => [field.name, valueOf(field, controls.get(field.name))]));
  const node = h("form.form", wanted.map((field) => labelled(field, controls.get(field.name))), h("p.form-end", sender), said);
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    run(sender, said, () => act(read(), node));
  });
  return node;
}

function control(field) {
  const { name, label, kind = "text", value, options, help, ...more } = field;
  const shared = { id: `field-${++fields}`, name, ...more };
  if (kind === "select") {
    const choices = options.map(([of, text]) => h("option", { value: of }, text));
    return h("select", { ...shared, value: null }, choices.map((choice) => Object.assign(choice, { selected: choice.value === String(value) })));
  }
  if (kind === "area") return h("textarea", { rows: 6, spellcheck: "false", ...shared, value: value ?? "" });
  if (kind === "checkbox") return h("input", { type: kind, ...shared, checked: Boolean(value) });
  return h("input", { type: kind, ...(kind === "number" && { step: "any" }), autocomplete: "off", ...shared, value: kind === "file" ? null : value ?? "" });
}

function labelled(field, node) {
  const help = field.help && h("small.help", { id: `${node.id}-help` }, field.help);
  if (help) node.setAttribute("aria-describedby", help.id);
  const label = h("label", { for: node.id }, field.label);
  return h("div.field", { class: field.kind === "checkbox" ? "check" : null }, field.kind === "checkbox" ? [node, label] : [label, node], help);
}

function valueOf(field, node) {
  if (field.kind === "checkbox") return node.checked;
  if (field.kind === "file") return node.files[0] ?? null;
  if (node.value === "") return null;
  return field.kind === "number" ? Number(node.value) : node.value;
}
