// Fields: a form for a recipe, made from its JSON schema. Each part knows its node and reads its value back.

import { h } from "../../nodes.js";

/** What stands in a field cannot be read. */
export class Unreadable extends Error {}

let made = 0; // so that every label finds its field

/** The form of a whole recipe: `{ node, read }`; `models` are those that a source may be. */
export function recipeFields(room, { json_schema: schema, models }, recipe) {
  const resolve = (node) => (node.$ref ? schema.$defs[node.$ref.split("/").at(-1)] : node);
  const tools = { room, resolve, models };
  const parts = Object.entries(schema.properties).map(([name, property]) => [name, part(tools, name, property, recipe[name])]);
  return { node: h("div.recipe", parts.map(([, one]) => one.node)), read: () => readAll(parts) };
}

const readAll = (parts) => Object.fromEntries(parts.map(([name, one]) => [name, one.read()]));

function part(tools, name, property, value) {
  if (name === "sources") return sources(tools, property, value);
  if (name === "ranking") return ranking(tools, property, value);
  const inner = tools.resolve(property);
  if (!inner.properties) return field(tools, name, inner, value);
  const { node, read } = table(tools, name, inner, value);
  return { node: drawer(tools.room, name, node), read };
}

const drawer = (room, name, node) => h("details.part", h("summary", h("code", name), " ", room.say(`part_${name}`)), node);

const SELDOM = ["chances", "config"]; // of a source or what ranks: out of the way

function table(tools, path, schema, value) {
  const parts = Object.entries(schema.properties).map(([name, property]) => [name, field(tools, `${path}_${name}`, property, value[name], name)]);
  const [often, seldom] = [false, true].map((wanted) => parts.filter(([name]) => SELDOM.includes(name) === wanted).map(([, one]) => one.node));
  const more = seldom.length > 0 && h("details.part", h("summary", tools.room.say("more_settings")), h("div.form", seldom));
  return { node: h("div", h("div.form", often), more), read: () => readAll(parts) };
}

// ---------------------------------------------------------------- sources and ranking

function sources(tools, property, value) {
  const { room } = tools;
  const schema = tools.resolve(property.items);
  const list = h("div");
  let all = [];
  const add = (source) => {
    const one = { ...table(tools, "sources", schema, source), source };
    const away = h("button.plain", { type: "button", onclick: () => { all = all.filter((other) => other !== one); box.remove(); changed(list); } }, room.say("remove"));
    const box = h("fieldset", h("legend", source.name), one.node, h("p.turns", away));
    all.push(one);
    list.append(box);
  };
  value.forEach(add);
  const fresh = () => blank(schema);
  const node = h("div", list, adder(tools, "add_source", (model) => { add({ ...fresh(), model, name: model }); changed(list); }));
  return { node: drawer(room, "sources", node), read: () => all.map((one) => one.read()) };
}

function ranking(tools, property, value) {
  const { room } = tools;
  const schema = tools.resolve(property.anyOf[0]);
  const node = h("div");
  let inner = null;
  const show = (of) => {
    inner = of && table(tools, "ranking", schema, of);
    const away = () => h("p.turns", h("button.plain", { type: "button", onclick: () => { show(null); changed(node); } }, room.say("remove")));
    node.replaceChildren(...(inner ? [inner.node, away()] : [adder(tools, "add_ranking", (model) => { show({ ...blank(schema), model }); changed(node); })]));
  };
  show(value);
  return { node: drawer(room, "ranking", node), read: () => inner?.read() ?? null };
}

/** What a part is before anything is said about it. */
const blank = (schema) => Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, one.default ?? (one.type === "object" ? {} : null)]));

/** Something was added or taken away: told as a field tells it. */
const changed = (node) => node.dispatchEvent(new Event("input", { bubbles: true }));

function adder({ room, models }, word, act) {
  const id = `recipe-field-${++made}`;
  const choice = h("select", { id }, models.map((name) => h("option", { value: name }, name)));
  return h("div.row.adder", h("label", { for: id }, room.say(word)), choice, h("button.plain", { type: "button", onclick: () => act(choice.value) }, room.say("add")));
}

// ---------------------------------------------------------------- one value

function field(tools, key, property, value, name = key) {
  const { kind, inner, optional } = name === "model" ? { kind: "choice", inner: { enum: tools.models } } : kindOf(tools.resolve(property), tools.resolve);
  const id = `recipe-field-${++made}`;
  const control = KINDS[kind].make({ id, name: key }, value, inner);
  const help = tools.room.say(`help_${key}`);
  control.setAttribute("aria-describedby", `${id}-help`);
  const label = h("label", { for: id }, h("code", name));
  const both = kind === "boolean" ? [control, label] : [label, control];
  const read = () => {
    const text = kind === "boolean" ? "" : control.value.trim();
    if (optional && text === "" && kind !== "boolean") return null;
    try {
      return KINDS[kind].read(control, text, inner);
    } catch {
      throw new Unreadable(tools.room.say("unreadable", { place: key.replace("_", ".") }));
    }
  };
  return { node: h("div.field", { class: kind === "boolean" ? "check" : null }, both, h("small.help", { id: `${id}-help` }, help)), read };
}

function kindOf(property, resolve) {
  const kinds = (property.anyOf ?? [property]).map(resolve);
  const optional = kinds.some((one) => one.type === "null");
  const inner = kinds.find((one) => one.type !== "null");
  if (inner.enum) return { kind: "choice", inner, optional };
  if (inner.type === "array") return { kind: "list", inner: resolve(inner.items), optional };
  return { kind: inner.type === "integer" ? "number" : inner.type, inner, optional };
}

const KINDS = {
  boolean: { make: (shared, value) => h("input", { type: "checkbox", ...shared, checked: value }), read: (control) => control.checked },
  number: {
    make: (shared, value, { minimum, maximum }) => h("input", { type: "number", step: "any", min: minimum, max: maximum, ...shared, value: value ?? "" }),
    read: (_, text) => (text === "" ? fail() : Number(text)),
  },
  string: { make: (shared, value) => h("input", { type: "text", autocomplete: "off", ...shared, value: value ?? "" }), read: (control) => control.value },
  choice: { make: (shared, value, { enum: options }) => chosen(h("select", shared, options.map((one) => h("option", { value: one }, one))), value), read: (control) => control.value },
  list: {
    make: (shared, value) => h("input", { type: "text", autocomplete: "off", ...shared, value: (value ?? []).join(", ") }),
    read: (_, text, inner) => text.split(",").map((one) => one.trim()).filter(Boolean).map((one) => (inner.type === "integer" ? whole(one) : one)),
  },
  object: {
    make: (shared, value) => h("textarea", { rows: 2, spellcheck: "false", ...shared, value: typeof value === "string" ? value : JSON.stringify(value ?? {}) }),
    read: (_, text, inner) => (text === "" ? {} : inner.type === "object" && !text.startsWith("{") ? text : JSON.parse(text)),
  },
};

const fail = () => {
  throw new Error("it is not there");
};
const whole = (text) => (/^-?\d+$/.test(text) ? Number(text) : fail());
const chosen = (select, value) => Object.assign(select, { value });
