// Nodes: making elements. Whatever is not a node becomes text, so nothing that comes from data is ever read as markup.

const SPACE = "http://www.w3.org/2000/svg";

/** `h("button.plain#id", { onclick, title }, "text", node, [more])`; children that are null or false are left out. */
export function h(name, ...rest) {
  const [tag, ...marks] = name.split(/(?=[.#])/);
  const node = document.createElement(tag || "div");
  for (const mark of marks) {
    if (mark[0] === "#") node.id = mark.slice(1);
    else node.classList.add(mark.slice(1));
  }
  return filled(node, rest);
}

/** The same for the elements of a drawing. */
export const svg = (tag, ...rest) => filled(document.createElementNS(SPACE, tag), rest);

function filled(node, [first, ...rest]) {
  const plain = first?.constructor === Object;
  if (plain) for (const [name, value] of Object.entries(first)) set(node, name, value);
  const children = (plain ? rest : [first, ...rest]).flat(Infinity);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map(childOf));
  return node;
}

const childOf = (child) => (child instanceof Node ? child : String(child));

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "class") node.classList.add(...value.split(" "));
  else if (name === "style") for (const [property, to] of Object.entries(value)) node.style.setProperty(property, to);
  else if (name === "value" || name === "checked") node[name] = value;
  else if (name === "href" && !/^[/#?]/.test(value)) throw new Error("a link leads out of this service");
  else node.setAttribute(name, value === true ? "" : value);
}
