// The answer follows the facts: the page's own form is sent, and the live parts of what comes back are taken over.
// Without this script the form's button does the same. Nothing is kept, and nothing is sent anywhere else.
"use strict";

const form = document.getElementById("facts");
const said = document.getElementById("said");
const touched = new Set();
const PATIENCE = 10_000; // milliseconds, after which an answer is as good as lost
const beside = matchMedia("(min-width: 60rem)"); // there is room for the facts beside the answer
let newest = 0;
let underway = null;
let settled = Promise.resolve();

document.documentElement.classList.add("js");

// `change` is a fact that a button states: path=value. It is in the form before anything else is asked, so that whoever
// clicks on quickly loses nothing; of plain requests only the newest counts.
async function ask(change) {
  const number = ++newest;
  document.getElementById("answer").setAttribute("aria-busy", "true");
  await settled;
  if (number !== newest && !change) return;
  underway?.abort();
  const stop = new AbortController();
  underway = change ? null : stop;
  const coming = sent(change, stop.signal);
  if (change) {
    touched.clear();
    settled = coming.then(fill, () => {});
  }
  try {
    const page = await coming;
    if (number === newest) take(page, Boolean(change));
  } catch (error) {
    if (number === newest && error.name !== "AbortError") lost();
  }
}

async function sent(change, signal) {
  const body = new URLSearchParams(new FormData(form));
  if (change) body.append("set", change);
  const ended = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  const reply = await fetch(form.getAttribute("action"), { method: "POST", body, signal: ended, headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  if (!page.getElementById("answer")) throw new Error(String(reply.status));
  return page;
}

// What the button stated, but for what somebody has changed in the meantime.
function fill(page) {
  for (const control of page.getElementById("facts").elements) {
    if (!["radio", "checkbox"].includes(control.type) || touched.has(control.name)) continue;
    const same = [...form.elements].find((own) => own.name === control.name && own.value === control.value);
    if (same) same.checked = control.checked;
  }
}

function take(page, stated) {
  const open = new Set([...document.querySelectorAll("#answer details[open]")].map((part) => part.id));
  for (const fresh of page.querySelectorAll("[data-live]")) {
    document.getElementById(fresh.id)?.replaceWith(document.adoptNode(fresh));
  }
  for (const part of document.querySelectorAll("#answer details")) part.open = open.has(part.id);
  for (const fault of document.querySelectorAll(".told:not(:empty)")) {
    for (let part = fault.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  }
  mark();
  const answer = document.getElementById("statement");
  if (stated) answer.focus();
  document.querySelector("#alarm h1")?.scrollIntoView({ block: "center" });
  said.textContent = `${document.querySelector("#answer .verdict").textContent.trim()}: ${answer.textContent}`;
  document.title = page.title;
}

// An answer to other facts must not stand beside these.
function lost() {
  const answer = document.getElementById("answer");
  const note = document.createElement("p");
  note.className = "note";
  note.setAttribute("role", "alert");
  note.textContent = "The service could not be reached, so there is no answer for these facts. Change a fact or press Show the answer to try again.";
  answer.replaceChildren(note);
  answer.setAttribute("aria-busy", "false");
  for (const id of ["alarm", "peek"]) document.getElementById(id)?.replaceChildren();
  document.title = "No answer";
  document.documentElement.classList.remove("js");
}

function mark() {
  for (const group of document.querySelectorAll("[role=radiogroup], [role=group].values")) {
    const fault = document.getElementById(group.getAttribute("aria-describedby"));
    const faulty = Boolean(fault?.textContent.trim());
    if (group.getAttribute("role") === "radiogroup") group.setAttribute("aria-invalid", String(faulty));
  }
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
}

function unfold() {
  if (beside.matches) document.getElementById("patient").open = true;
}

beside.addEventListener("change", unfold);
unfold();
form.addEventListener("change", (event) => {
  touched.add(event.target.name);
  ask();
});
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (button?.name === "set") {
    event.preventDefault();
    ask(button.value);
  } else if (button?.dataset.copy) {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    said.textContent = button.textContent = "Copied";
  }
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(event.submitter?.name === "set" ? event.submitter.value : undefined);
});
mark();
