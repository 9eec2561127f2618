// The operations by swagger-ui, from our own files; the plain list stays where it cannot run.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

function landmarks() {
  // swagger-ui brings a main of its own, and the page has one.
  for (const inner of document.querySelectorAll("#swagger main")) {
    inner.setAttribute("role", "region");
    inner.setAttribute("aria-label", "Operations");
  }
}

async function show() {
  const spec = await (await fetch("/openapi.json")).json();
  delete spec.jsonSchemaDialect; // the one it states is understood, but swagger-ui warns of any but its own
  delete spec.servers; // this server is the only one
  SwaggerUIBundle({
    spec,
    dom_id: "#swagger",
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null, // nothing is sent anywhere
    persistAuthorization: false, // nothing is stored
    onComplete: () => {
      document.getElementById("list").remove();
      landmarks();
      new MutationObserver(landmarks).observe(document.getElementById("swagger"), { childList: true, subtree: true });
    },
  });
}

show();
