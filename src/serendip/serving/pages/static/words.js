// The words of a page in the language of the reader, and the words of the data in the same language.

const KEPT = "serendip.language";
const LANGUAGES = ["en", "zh"];
const books = await Promise.all(document.documentElement.dataset.words.split(" ").map(book)); // those of the page

export let language = chosen();

/** What `static/words/NAME.json` says, by language and key. */
export async function book(name) {
  return (await fetch(new URL(`words/${name}.json`, import.meta.url))).json();
}

/** The address (`?lang=zh`) before what was chosen last time, before what the browser prefers. */
function chosen() {
  const asked = [new URLSearchParams(location.search).get("lang"), remembered(KEPT), document.documentElement.lang];
  return asked.find((code) => LANGUAGES.includes(code)) ?? "en";
}

/** What this browser remembers; storage may be forbidden, then nothing is remembered. */
export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The page works without a memory.
  }
}

/** The words for `key`, with `{name}` replaced by `values.name`; null if none of the books of the page (or `from`) has any. */
export function wordsFor(key, values = {}, from = books) {
  const text = from.map((words) => words[language][key]).find((words) => words !== undefined);
  return text === undefined ? null : text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export const say = (key, values) => wordsFor(key, values) ?? key;

export function speak(code) {
  language = code;
  remember(KEPT, code);
  const address = new URL(location);
  address.searchParams.delete("lang"); // an old one would win at the next visit
  history.replaceState(history.state, "", address);
  translatePage();
}

export function translatePage() {
  document.documentElement.lang = language;
  document.title = `Serendip · ${say("tagline")}`;
  for (const node of document.querySelectorAll("[data-language]")) {
    node.setAttribute("aria-pressed", String(node.dataset.language === language));
  }
  translate(document);
}

/** Say what the nodes within `root` say in the language of the reader. */
export function translate(root) {
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = say(node.dataset.word);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = say(node.dataset.placeholder);
}

/** An attribute in the language of the reader: `title_zh` before `title` when reading Chinese. */
export function inWords(attributes, name) {
  const value = attributes?.[`${name}_${language}`] ?? attributes?.[name];
  return value === null || value === undefined || value === "" ? null : [value].flat().join(" · ");
}

export function titleOf(itemId, attributes) {
  return inWords(attributes, "title") ?? itemId;
}

const MOST_KINDS = 3; // of one thing, on a card

/** Category, year and price, as far as they are known. */
export function factsOf(attributes) {
  const kinds = (inWords(attributes, "category") ?? inWords(attributes, "genres"))?.split(" · ");
  const category = kinds?.slice(0, MOST_KINDS).join(" · ");
  return [category, inWords(attributes, "year"), moneyOf(attributes)].filter(Boolean).join(" · ");
}

/** The price, with its currency where that is known (`EUR`). */
function moneyOf(attributes) {
  const { price, currency } = attributes ?? {};
  if (typeof price !== "number") return null;
  const coins = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  const known = /^[A-Z]{3}$/.test(currency ?? "");
  return price.toLocaleString(language, known ? { style: "currency", currency } : coins);
}

/** What somebody did, in words: "liked", "rated 4"; an unknown type stands for itself. */
export function deedOf(type, value) {
  const deed = wordsFor(`did_${type}`) ?? type;
  return type === "rating" && value !== null && value !== undefined ? `${deed} ${value}` : deed;
}
