// Taking back: a line at the foot of the window says what was done, and a button or Ctrl+Z undoes it.

import { say } from "../words.js";

const STAYS_MS = 9000;
const TYPING = "input:not([type=range], [type=checkbox]), textarea";

const byId = (id) => document.getElementById(id);
const toast = byId("toast");
const button = byId("undo");

const done = []; // { what, undo }, the latest last
let leaving = 0;

/** Say what was done; `undo` takes it back. */
export function offerUndo(what, undo) {
  done.push({ what, undo });
  tell(what, true);
}

/** Nothing can be taken back any more: somebody else looks. */
export function forgetUndo() {
  done.length = 0;
  hide();
}

function tell(sentence, undoable) {
  byId("done").textContent = sentence;
  button.hidden = !undoable;
  toast.classList.add("shown");
  stay();
}

function stay() {
  clearTimeout(leaving);
  leaving = setTimeout(hide, STAYS_MS);
}

function hide() {
  clearTimeout(leaving);
  toast.classList.remove("shown");
}

function takeBack() {
  const last = done.pop();
  if (!last) return;
  tell(say("taken_back", { what: last.what }), false);
  last.undo();
}

button.addEventListener("click", takeBack);
for (const kind of ["pointerenter", "focusin"]) toast.addEventListener(kind, () => clearTimeout(leaving)); // it is being read
for (const kind of ["pointerleave", "focusout"]) toast.addEventListener(kind, stay);
addEventListener("keydown", (event) => {
  const undo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
  if (!undo || !done.length || event.target.closest(TYPING)) return;
  event.preventDefault();
  takeBack();
});
