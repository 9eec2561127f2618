"""A process of its own that speaks CDS Hooks as the public sandbox does in a browser, and tells what it saw as JSON.

    python -m tests.conformance.sandbox_client CDS_URL FHIR_URL ORIGIN [PARTY_FILE]

It enforces what a browser enforces: a call that needs a preflight is not sent without one that allows it, and an answer
without the right Access-Control-Allow-Origin is not read. It fills the templates that discovery names, sends
draftOrders without a type and feedback with fractions of a second, and its reason holds a code alone.
"""

import datetime as dt
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from tests.conformance.charts import MASTECTOMY, PATIENT, resolved
from tests.conformance.party import Party, from_file
from tests.conformance.wire import Reply, Wire

USER = "Practitioner/COREPRACTITIONER1"


class BlockedError(Exception):
    """What a browser would not let through."""


class Browser:
    """Calls of a page of one origin to a service of another."""

    def __init__(self, url: str, origin: str, party: Party | None) -> None:
        self.wire, self.origin, self.party = Wire(url), origin, party
        self.preflights: list[str] = []

    def fetch(self, method: str, path: str, body: Any = None) -> Reply:
        """One call, with its preflight where a browser would send one."""
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.party is not None:
            headers["Authorization"] = f"Bearer {self.party.token(self.wire.url + path)}"
        unusual = sorted({name.lower() for name in headers} - {"accept"})
        if unusual:
            self._preflight(method, path, unusual)
        data = None if body is None else json.dumps(body).encode()
        reply = self.wire.call(method, path, data, {**headers, "Origin": self.origin})
        self._readable(reply, f"{method} {path}")
        return reply

    def _preflight(self, method: str, path: str, unusual: list[str]) -> None:
        asked = {
            "Origin": self.origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": ",".join(unusual),
        }
        reply = self.wire.call("OPTIONS", path, None, asked)
        self._readable(reply, f"preflight of {method} {path}")
        allowed = _listed(reply, "access-control-allow-headers"), _listed(reply, "access-control-allow-methods")
        if not 200 <= reply.status < 300 or not set(unusual) <= allowed[0] or method.lower() not in allowed[1]:
            raise BlockedError(f"preflight of {method} {path}: {reply.status}, {allowed}")
        self.preflights.append(f"{method} {path}")

    def _readable(self, reply: Reply, what: str) -> None:
        found = reply.headers.get("access-control-allow-origin")
        if found not in {self.origin, "*"}:
            raise BlockedError(f"{what}: Access-Control-Allow-Origin is {found}, status {reply.status}")


def _listed(reply: Reply, name: str) -> set[str]:
    return {one.strip().lower() for one in reply.headers.get(name, "").split(",")}


def session(browser: Browser, fhir: Wire) -> dict[str, Any]:
    """Open a chart, select an order, say what was done with the card."""
    services = browser.fetch("GET", "/cds-services").json["services"]
    told: dict[str, Any] = {"services": services, "calls": []}

    def call(hook: str, more: dict[str, Any]) -> dict[str, Any]:
        service = next(one for one in services if one["hook"] == hook)
        context = {"patientId": PATIENT, "userId": USER, **more}
        body = {
            "hookInstance": str(uuid.uuid4()),
            "hook": hook,
            "fhirServer": fhir.url,
            "context": context,
            "prefetch": {
                key: fhir.call("GET", f"/{resolved(template, context)}").json
                for key, template in service.get("prefetch", {}).items()
            },
        }
        reply = browser.fetch("POST", f"/cds-services/{service['id']}", body)
        told["calls"].append({"hook": hook, "status": reply.status, "request": body, "response": reply.json})
        return {"service": service, "cards": reply.json.get("cards", [])}

    opened = call("patient-view", {})
    order = {key: value for key, value in MASTECTOMY.items() if key != "intent"}
    drafts = {"resourceType": "Bundle", "entry": [{"resource": order}]}
    call("order-select", {"selections": [f"ServiceRequest/{order['id']}"], "draftOrders": drafts})
    address = f"/cds-services/{opened['service']['id']}/feedback"
    told["feedback"] = [browser.fetch("POST", address, {"feedback": [one]}).status for one in said_of(opened["cards"])]
    told["preflights"] = browser.preflights
    return told


def said_of(cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the sandbox sends when a suggestion is taken, and when a card is overridden with a reason."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    items: list[dict[str, Any]] = []
    for card in cards:
        common = {"card": card["uuid"], "outcomeTimestamp": now}
        chosen = [{"id": one["uuid"]} for one in card.get("suggestions", [])[:1]]
        if chosen:
            items.append({**common, "outcome": "accepted", "acceptedSuggestions": chosen})
        items += [
            {**common, "outcome": "overridden", "overrideReason": {"reason": {"code": reason["code"]}}}
            for reason in card.get("overrideReasons", [])[:1]
        ]
    return items


if __name__ == "__main__":
    cds, fhir_url, page, *party_file = sys.argv[1:]
    who = from_file(Path(party_file[0])) if party_file else None
    print(json.dumps(session(Browser(cds, page, who), Wire(fhir_url))))
