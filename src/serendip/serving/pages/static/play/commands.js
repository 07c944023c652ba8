// The call behind the list, as a command of a shell or a program in Python.

import { hasKey } from "../api.js";

const PATH = "/v1/recommendations";
const address = () => new URL(PATH, location.href).href;

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The command for a POSIX shell that asks for the same list. */
export function curl(query) {
  const key = hasKey() ? ['-H "Authorization: Bearer $SERENDIP_KEY"'] : []; // not the key itself
  const parts = [`curl -sS ${quoted(address())}`, ...key, `-H ${quoted("Content-Type: application/json")}`];
  return [...parts, `--data-raw ${quoted(JSON.stringify(query))}`].join(" \\\n  ");
}

/** A program that asks for the same list and prints it; it needs Python and nothing else. */
export function python(query) {
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
    `request = urllib.request.Request(${JSON.stringify(address())}, json.dumps(query).encode(), headers)`,
    "with urllib.request.urlopen(request) as response:",
    '    for item in json.load(response)["items"]:',
    '        print(item["rank"], item["item_id"], item["attributes"].get("title", ""))',
  ].join("\n");
}

/** A plain value as Python writes it; a text in JSON is a text in Python too. */
function literal(value, indent = "") {
  const inner = `${indent}    `;
  const block = (open, lines, close) => (lines.length ? `${open}\n${lines.map((line) => `${inner}${line},\n`).join("")}${indent}${close}` : open + close);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((each) => literal(each, inner)).join(", ")}]`;
  return block("{", Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${literal(each, inner)}`), "}");
}
