// Subjects: what each shelf is about, told from what somebody did.

import * as api from "../api.js";
import { language, say, titleOf } from "../words.js";

const LIKED = ["like", "purchase", "bookmark"];
const TURNED_DOWN = ["skip", "hide", "dislike", "rating"];
const MOST_KINDS = 4; // that the last shelf leaves out
const LONGEST_KIND = 80; // characters

/** What a shelf asks and how it is headed; null: there is nothing for it to be about. */
export const SUBJECTS = {
  because({ past, personal }) {
    const wanted = wantedMost(past);
    if (!wanted || !personal) return null;
    const without = past.map((event) => event.item_id); // of which this list would know nothing
    return { heading: because(wanted), ask: api.similar, query: { item_id: wanted.item_id }, without };
  },
  newest: () => ({ heading: say("shelf_newest"), query: { order: "newest" } }),
  trending: () => ({ heading: say("shelf_trending"), query: { personalization: false } }),
  elsewhere({ past, personal }) {
    const [name, kinds] = kindsOf(past);
    if (!kinds.length || !personal) return null;
    const among = kinds.map((kind) => quoted(kind.value)).join(", ");
    const words = kinds.map((kind) => kind.word).join(say("comma"));
    const filter = `has ${name} and not ${name} in [${among}]`;
    return { heading: say("shelf_elsewhere", { kinds: words }), query: { filter } };
  },
};

/** What was liked last; else what was rated best, the latest of equals; else what was met last and not turned down. */
function wantedMost(past) {
  const ratings = past.filter((event) => event.type === "rating" && event.value !== null);
  const best = Math.max(...ratings.map((event) => event.value));
  return (
    past.find((event) => LIKED.includes(event.type)) ??
    ratings.find((event) => event.value === best) ??
    past.find((event) => !TURNED_DOWN.includes(event.type))
  );
}

function because({ type, item_id, attributes, value }) {
  const title = titleOf(item_id, attributes);
  if (type === "purchase") return say("shelf_bought", { title });
  if (type === "rating") return say("shelf_rated", { title, value });
  return LIKED.includes(type) ? say("shelf_because", { title }) : say("shelf_like", { title });
}

/** As a condition of a filter writes a text. */
const quoted = (text) => `"${text.replace(/["\\]/g, "\\$&")}"`;

/** The kinds of most of what somebody did, most frequent first: half of it at least, four kinds at most. */
function kindsOf(past) {
  const name = ["category", "genres"].find((each) => past.some((event) => event.attributes?.[each]));
  const counts = new Map();
  let events = 0;
  for (const { attributes } of past) {
    const values = [attributes?.[name] ?? []].flat();
    const words = [attributes?.[`${name}_${language}`] ?? values].flat();
    events += values.length;
    values.forEach((value, at) => {
      if (typeof value !== "string" || value.length > LONGEST_KIND) return;
      const count = (counts.get(value)?.count ?? 0) + 1;
      counts.set(value, { value, word: String(words[at] ?? value), count });
    });
  }
  const kinds = [...counts.values()].sort((one, other) => other.count - one.count);
  let covered = 0;
  const first = kinds.findIndex((kind) => (covered += kind.count) >= events / 2) + 1;
  return [name, kinds.slice(0, Math.min(first || MOST_KINDS, MOST_KINDS))];
}
