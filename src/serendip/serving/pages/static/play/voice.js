// Searching by voice: what the browser's speech recognition hears becomes the words that are searched for.

import { language, say } from "../words.js";

const TAGS = { en: "en-US", zh: "zh-CN" };

const byId = (id) => document.getElementById(id);
const button = byId("speak");
const field = byId("text");

let listening = null; // the recogniser that listens now

/** `heard` is called with the words that were said. */
export function onVoice(heard) {
  button.addEventListener("click", () => (listening ? listening.stop() : listen(heard)));
}

function listen(heard) {
  const Recogniser = window.SpeechRecognition ?? window.webkitSpeechRecognition;
  if (!Recogniser) return type("voice_missing");
  const recogniser = Object.assign(new Recogniser(), { lang: TAGS[language], interimResults: false, maxAlternatives: 1 });
  let understood = false;
  recogniser.addEventListener("result", (event) => {
    understood = true;
    const words = event.results[0][0].transcript.trim();
    tell(say("voice_heard", { words }));
    heard(words);
  });
  recogniser.addEventListener("error", (event) => {
    understood = true; // what is to be said is said here
    type(["not-allowed", "service-not-allowed"].includes(event.error) ? "voice_forbidden" : "voice_failed");
  });
  recogniser.addEventListener("end", () => {
    mark(null);
    if (!understood) type("voice_failed");
  });
  try {
    recogniser.start();
  } catch {
    return type("voice_failed");
  }
  mark(recogniser);
  tell(say("voice_listens"));
}

function mark(recogniser) {
  listening = recogniser;
  button.setAttribute("aria-pressed", String(Boolean(recogniser)));
}

/** Typing is always possible: say why the voice was not, and go to the field. */
function type(why) {
  tell(say(why));
  field.focus();
}

function tell(sentence) {
  byId("heard").textContent = sentence;
}
