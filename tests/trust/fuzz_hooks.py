"""Calls and feedback of CDS Hooks, damaged anywhere: our own, and recorded ones where a folder of them is given."""

import copy
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flask import Flask

from service.cds_hooks import feedback_store
from service.cds_hooks.feedback_store import FeedbackEntry
from tests.conformance import rules
from tests.conformance.archive import bodies, recorded
from tests.conftest import ROOT
from tests.trust.fuzz_cases import CANARY, call, holds, points_at, readable, tree, written
from tests.trust.fuzz_records import damaged

EXAMPLES = ROOT / "docs" / "examples"
EXPECTED = {200, 400, 412}
"""412 is for a call without a datum that the advice needs (ADR and docs/connect-your-ehr.md)."""


def sources(archive: Path | None) -> list[Any]:
    """The bodies that are damaged."""
    names = ("patient-view", "order-select", "feedback")
    ours = [json.loads((EXAMPLES / f"{name}.json").read_text()) for name in names]
    # The examples are the only ones with a breast cancer, so they come more often.
    found = [*ours * 5, *(body for _, body in bodies())]
    return found + ([body for _, body in recorded(archive)] if archive else [])


class Kept:
    """Stands for the store of feedback, up to what would be sent to Redis."""

    def record(self, entries: Sequence[FeedbackEntry], _: int, month: str) -> None:
        """Keep nothing."""
        for entry in entries:
            json.dumps(feedback_store._item(entry, month), ensure_ascii=False).encode()


def case(app: Flask, chance: random.Random, counts: Counter, sound: Sequence[Any]) -> None:
    """Damage a body, send it, and judge the answer."""
    app.config["FEEDBACK_STORE"] = Kept()
    body = chance.choice(sound)
    if "services" not in app.extensions:
        offered = json.loads(call(app, "GET", "/cds-services")[2])["services"]
        app.extensions["services"] = {each["hook"]: each for each in offered}
    services = app.extensions["services"]
    service = services.get(body.get("hook")) or chance.choice(list(services.values()))
    path = f"/cds-services/{service['id']}" + ("/feedback" if "feedback" in body else "")
    made = _bodied(chance, body, service, counts)
    text = made.encode()
    status, headers, answer = call(app, "POST", path, text)
    counts[f"{'feedback' if 'feedback' in body else 'call'}: {status}"] += 1
    holds(status in EXPECTED, f"a call is answered, or refused with 400 or 412, not {status}", (text, answer))
    holds(not (status != 400 and not readable(text)), "what cannot be read is 400", text)
    holds(CANARY.encode() not in answer, "nothing of a refused body is repeated", (answer, text))
    if status == 200:
        if "feedback" not in body:
            counts["cards"] += len(json.loads(answer)["cards"])
            wrong = [each for each in rules.response(json.loads(answer)) if each.must]
            holds(not wrong, "an answer keeps the rules of CDS Hooks", (wrong, answer, text))
        return
    outcome = json.loads(answer)
    holds(headers["Content-Type"] == "application/json", "a refusal is JSON", headers)
    holds(not list(rules.outcome(outcome)), "a refusal is a good OperationOutcome", (answer, text))
    holds(len(outcome["issue"]) > 1, "every refusal names a fault", (answer, text))
    read = tree(text) if readable(text) else None
    for issue in outcome["issue"]:
        place = issue.get("diagnostics", "At ").removeprefix("At ")
        missing = status == 412 or place.startswith("/prefetch/")  # what was not sent has no place
        holds(missing or points_at(read, place), "every fault has a place in the body", (place, text))


def _bodied(chance: random.Random, body: Any, service: Mapping[str, Any], counts: Counter) -> str:
    """The body as text, damaged, at times sent to a service that it is not for, and at times no JSON."""
    held = body if chance.random() < 0.1 or "feedback" in body else {**body, "hook": service["hook"]}
    text = written(damaged(chance, copy.deepcopy(held), counts))
    if chance.random() < 0.05:
        text = text.replace('"', chance.choice(['"a":1,"a":1,"', '"\\ud800', "NaN", "\u0000", '"\\u0000']), 1)
    if chance.random() < 0.02:
        text = text[: chance.randrange(1, len(text) + 1)]
    return text
