// Trials taken in or out: the server pools them, and its page replaces the outcome in place.
"use strict";

const said = document.getElementById("said");
let latest = 0;

async function show(form, query) {
  const mine = ++latest;
  const name = form.dataset.outcome;
  const focused = document.activeElement && document.activeElement.id;
  const address = `${form.getAttribute("action").split("#")[0]}?${query}`;
  let text;
  try {
    text = await (await fetch(address, { headers: { Accept: "text/html" } })).text();
  } catch {
    form.submit(); // the browser itself says what is wrong
    return;
  }
  if (mine !== latest) return; // overtaken by a later choice
  const found = new DOMParser().parseFromString(text, "text/html").getElementById(name);
  if (!found) return;
  document.getElementById(name).replaceWith(found);
  history.replaceState(null, "", `${address}#${name}`);
  const again = focused && document.getElementById(focused);
  if (again) again.focus({ preventScroll: true });
  const told = found.querySelector("[data-said]");
  said.textContent = told ? told.textContent.replace(/\s+/g, " ").trim() : "";
}

document.addEventListener("change", (event) => {
  const box = event.target.closest("form[data-outcome] input[type=checkbox]");
  if (!box) return;
  const other = box.checked && box.dataset.instead && document.getElementById(box.dataset.instead);
  if (other) other.checked = false; // two reports of one trial: its people would count twice
  const query = new URLSearchParams(new FormData(box.form));
  if (!query.has(box.form.dataset.outcome)) { // none at all would ask for the guideline's own pool
    box.checked = true;
    said.textContent = "At least one trial stays in.";
    return;
  }
  show(box.form, query);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-choose]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  const form = link.closest("section").querySelector("form[data-outcome]");
  show(form, new URL(link.href).search.slice(1));
});
