"""Debian's Chromium with a page that calls as the sandbox does: here a real browser makes the preflights and blocks."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.browser import BINARY
from tests.conformance.charts import CHARTS, MASTECTOMY, PATIENT, found
from tests.conformance.stand_in import Asked, Said
from tests.conftest import until

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
ORDER = {key: value for key, value in MASTECTOMY.items() if key != "intent"}
PAGE = """<!doctype html><title>EHR</title><script>
const cds = %(cds)s, tokens = %(tokens)s, order = %(order)s;
const told = {calls: [], feedback: []};
async function call(method, path, body) {
  const headers = {Accept: "application/json"};
  if (body) headers["Content-Type"] = "application/json";
  if (tokens) headers.Authorization = "Bearer " + tokens[path].pop();
  return fetch(cds + path, {method, headers, body: body && JSON.stringify(body)});
}
async function hook(services, name, more) {
  const service = services.find(one => one.hook === name);
  const context = {patientId: "%(patient)s", userId: "Practitioner/u1", ...more}, prefetch = {};
  for (const [key, template] of Object.entries(service.prefetch)) {
    const query = template.replace(/{{context\\.(\\w+)}}/g, (_, field) => context[field]);
    prefetch[key] = await (await fetch("/fhir/" + query)).json();
  }
  const path = "/cds-services/" + service.id;
  const reply = await call("POST", path, {hook: name, hookInstance: crypto.randomUUID(), context, prefetch});
  const answer = await reply.json();
  told.calls.push({hook: name, status: reply.status, response: answer});
  return [path, answer.cards];
}
(async () => {
  try {
    const services = (await (await call("GET", "/cds-services")).json()).services;
    const [path, cards] = await hook(services, "patient-view", {});
    const drafts = {resourceType: "Bundle", entry: [{resource: order}]};
    await hook(services, "order-select", {selections: ["ServiceRequest/" + order.id], draftOrders: drafts});
    for (const card of cards) {
      const item = {card: card.uuid, outcome: "overridden", outcomeTimestamp: new Date().toISOString(),
                    overrideReason: {reason: {code: card.overrideReasons[0].code}}};
      told.feedback.push((await call("POST", path + "/feedback", {feedback: [item]})).status);
    }
  } catch (error) { told.error = String(error); }
  await fetch("/told", {method: "POST", body: JSON.stringify(told)});
})();
</script>"""


class Ehr:
    """What the browser's page comes from: the page itself, a FHIR server under /fhir/, and an ear for what it saw."""

    def __init__(self, chart: str) -> None:
        self.chart, self.page, self.told = chart, "", dict[str, Any]()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/told":
            self.told = asked.json
        if asked.path.startswith("/fhir/"):
            return Said(body=found(CHARTS[self.chart], asked.path.removeprefix("/fhir/")))
        return Said(body=self.page if asked.path == "/" else {}, content_type="text/html" if asked.path == "/" else "")

    def opened(self, url: str, cds: str, folder: Path, token: Callable[[str], str] | None) -> dict[str, Any]:
        """Let Chromium open the page, and give what the page saw."""
        assert BINARY
        services = [f"/cds-services/mbc-primary-lrt-{hook}" for hook in ("patient-view", "order-select")]
        paths = ["/cds-services", *services, f"{services[0]}/feedback"]
        tokens = {path: [token(path)] for path in paths} if token else None
        parts = {"cds": json.dumps(cds), "tokens": json.dumps(tokens), "order": json.dumps(ORDER), "patient": PATIENT}
        self.page = PAGE % parts
        command = [BINARY, *FLAGS, f"--user-data-dir={folder}", f"{url}/"]
        with (folder / "chromium.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                until(lambda: self.told or process.poll() is not None, "the page has told what it saw", 60)
            finally:
                process.terminate()
        return self.told
