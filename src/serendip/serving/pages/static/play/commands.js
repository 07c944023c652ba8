// The call behind the list, as a command of a shell or as a program in Python.

import { curl, hasKey } from "../api.js";
import { say } from "../words.js";

const PATH = "/v1/recommendations";
const WRITTEN = { curl: (query) => curl(PATH, query), python };

const byId = (id) => document.getElementById(id);
const buttons = [...document.querySelectorAll("[data-code]")];

let asked = null; // the query of the list that is on show
let open = null; // what is written: curl, python, or nothing

/** What was asked for the list that is on show. */
export function showCall(query) {
  asked = query;
  if (open) write(open);
}

for (const button of buttons) {
  button.addEventListener("click", async () => {
    write(open === button.dataset.code ? null : button.dataset.code);
    if (!open) return;
    const copied = await copy(byId("code").textContent);
    byId("copied").textContent = say(copied ? `copied_${open}` : "not_copied");
  });
}

function write(kind) {
  open = kind;
  byId("command").hidden = !kind;
  byId("code").textContent = kind && asked ? WRITTEN[kind](asked) : "";
  byId("copied").textContent = ""; // it was another one
  for (const button of buttons) button.setAttribute("aria-expanded", String(button.dataset.code === kind));
}

/** Browsers lend the clipboard only to pages from this machine or over https; elsewhere the text is selected. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(byId("code"));
    return false;
  }
}

/** A program that asks for the same list and prints it; it needs Python and nothing else. */
function python(query) {
  const key = hasKey() ? ['    "Authorization": "Bearer " + os.environ["SERENDIP_KEY"],'] : [];
  return [
    "import json",
    ...(key.length ? ["import os"] : []),
    "import urllib.request",
    "",
    `query = ${literal(query)}`,
    "headers = {",
    '    "Content-Type": "application/json",',
    ...key,
    "}",
    `request = urllib.request.Request(${JSON.stringify(new URL(PATH, location.href).href)}, json.dumps(query).encode(), headers)`,
    "with urllib.request.urlopen(request) as response:",
    '    for item in json.load(response)["items"]:',
    '        print(item["rank"], item["item_id"], item["attributes"].get("title", ""))',
  ].join("\n");
}

/** A plain value as Python writes it; a text in JSON is a text in Python too. */
function literal(value, indent = "") {
  const inner = `${indent}    `;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((each) => literal(each, inner)).join(", ")}]`;
  const lines = Object.entries(value).map(([name, each]) => `${inner}${JSON.stringify(name)}: ${literal(each, inner)},\n`);
  return lines.length ? `{\n${lines.join("")}${indent}}` : "{}";
}
