/* An answer is long: on a phone its parts are folded until they are wanted. Paper has them whole. */
"use strict";

const pages = ".paper-page, #answer";

function unfold() {
  const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  const part = target?.closest("details.card");
  if (!part) return;
  part.open = true;
  target.scrollIntoView();
}

if (matchMedia("(max-width: 40rem)").matches) {
  for (const part of document.querySelectorAll(`:is(${pages}) details.card`)) part.open = false;
}
unfold();
addEventListener("hashchange", unfold);

let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll(`:is(${pages}) details:not(.screen)`)].filter((part) => !part.open);
  for (const part of folded) part.open = true;
});
addEventListener("afterprint", () => {
  for (const part of folded) part.open = false;
});
