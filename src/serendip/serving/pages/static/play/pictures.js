// The picture that is searched by: chosen with the button, dropped on the search box, or pasted into it.

import { say } from "../words.js";

const LARGEST = 10_000_000; // bytes, as the service takes them
const KINDS = ["image/png", "image/jpeg", "image/webp", "image/gif"];

const byId = (id) => document.getElementById(id);

let sent = null; // base64 of the file

/** The picture to search by, as base64; null where there is none. */
export const picture = () => sent;

/** `changed` is called when there is another picture, or none any more. */
export function onPicture(changed) {
  const take = async (file) => {
    if (await read(file)) changed();
  };
  byId("pick-image").addEventListener("click", () => byId("image").click());
  byId("image").addEventListener("change", () => take(byId("image").files[0]));
  byId("text").addEventListener("paste", (event) => take(event.clipboardData?.files[0]));
  byId("drop-image").addEventListener("click", () => {
    show(null, null);
    byId("pick-image").focus();
    changed();
  });
  const box = byId("search-box");
  for (const kind of ["dragenter", "dragover"]) {
    box.addEventListener(kind, (event) => {
      event.preventDefault();
      box.classList.add("waiting");
    });
  }
  box.addEventListener("dragleave", () => box.classList.remove("waiting"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("waiting");
    take(event.dataTransfer.files[0]);
  });
}

/** Whether a file became the picture; one that cannot be sent is said and leaves things as they are. */
async function read(file) {
  if (!file) return false;
  if (!KINDS.includes(file.type) || file.size > LARGEST) {
    byId("status").textContent = say("picture_refused", { name: file.name });
    return false;
  }
  show(file, new Uint8Array(await file.arrayBuffer()));
  return true;
}

function show(file, bytes) {
  sent = bytes && base64(bytes);
  byId("searched-image").hidden = !file;
  byId("searched-picture").hidden = !file;
  if (file) byId("searched-picture").src = `data:${file.type};base64,${sent}`;
  byId("searched-name").textContent = file?.name ?? "";
  byId("image").value = ""; // so that the same file can be chosen again
}

function base64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 0x8000) text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  return btoa(text);
}
