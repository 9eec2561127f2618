// The operations by swagger-ui, from our own files; the plain list stays where it cannot run.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

// swagger-ui's own layout has a second main landmark, and says again what the page says.
function layout(system) {
  const make = system.React.createElement;
  const parts = ["AuthorizeBtnContainer", "operations", "Models"];
  const Page = ({ getComponent }) => make("div", { className: "swagger-ui" },
    make(getComponent("SvgAssets")),
    ...parts.map((name) => make(getComponent(name, true), { key: name })));
  return { components: { Page } };
}

// What swagger-ui leaves unnamed, or out of the keyboard's reach.
function complete(root) {
  for (const select of root.querySelectorAll("select:not([aria-label])")) {
    const row = select.closest("tr[data-param-name]");
    select.setAttribute("aria-label", row ? row.dataset.paramName : select.closest("[class*=examples]") ? "Example" : "Media type");
  }
  for (const code of root.querySelectorAll("pre:not([tabindex])")) code.tabIndex = 0;
}

async function show() {
  const spec = await (await fetch("/openapi.json")).json();
  delete spec.jsonSchemaDialect; // the one it states is understood, but swagger-ui warns of any but its own
  delete spec.servers; // this server is the only one
  SwaggerUIBundle({
    spec,
    dom_id: "#swagger",
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [layout],
    layout: "Page",
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    syntaxHighlight: false, // its colours are too pale to read
    validatorUrl: null, // nothing is sent anywhere
    persistAuthorization: false, // nothing is stored
    onComplete: () => document.getElementById("list").remove(),
  });
}

const root = document.getElementById("swagger");
new MutationObserver(() => complete(root)).observe(root, { childList: true, subtree: true });
show();
