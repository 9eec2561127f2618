"""What must be true of everything that is read of a record, and of what is read of it with a resource less."""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson
from flask import Flask

from service.advice.question import Answer
from service.fhir.extract import Extraction
from service.fhir.resources import SHOWN
from service.knowledge.terminology import Terminology
from tests.conftest import GUIDELINE
from tests.fhir.building import TODAY
from tests.trust.fuzz_cases import CANARY, holds

OTHER = "somebody-else"
WEIGHED = {
    "primary_tumour",
    "presentation",
    "metastatic_status",
    "metastatic_extent",
    "metastatic_sites",
    "chemotherapy_response",
    "systemic_therapy",
    "prior_chest_radiotherapy",
    "complications",
}
"""Facts against which another resource may rightly speak, so that they are unknown beside it and known without it: a
recurrence against a resection, a site outside bone or a suspected one against `bone_only`, an earlier diagnosis or
metastasis against `de_novo`, the reason of a treatment against its being this cancer's, an operation against a
complication that was there before, the side of the cancer against radiotherapy of the other.

Of these it is asked that the answer tells what speaks against them; all others are invented by nothing. Why: the 37
records in 420,000 that broke the rule without this exception all broke it on one of these facts, and those that were
looked at one by one (some thirty) left it unknown beside what speaks against it. (Looking at them showed two faults
all the same, now mended: a complication of a cancer that came back was taken as ended by an operation, and a reason
stood beside the wrong diagnosis.)"""
UNUSED = ("belongs to another patient", "names no patient", "its status is")
"""How the reasons begin of what can be no evidence for or against anything."""


def places(value: Any) -> list[tuple[Any, Any]]:
    """Everywhere in a record: an object or a list, and a key of it."""
    found: list[tuple[Any, Any]] = []
    layer = [value]
    while layer:
        item = layer.pop()
        if isinstance(item, (dict, list)):
            keys = item.keys() if isinstance(item, dict) else range(len(item))
            found += [(item, key) for key in keys]
            layer += item.values() if isinstance(item, dict) else item
    return found


def sound(app: Flask, found: Extraction, resources: list[Any]) -> None:
    """Judge what was read of a record, by itself."""
    said = orjson.dumps([found.facts, found.provenance, found.ignored, found.data_conflicts, found.other_patients])
    holds(CANARY.encode() not in said, "no name and no free text is repeated", (said, json.dumps(resources)))
    answer = app.config["KNOWLEDGE"].newest(GUIDELINE).ask(json.loads(orjson.dumps(found.facts)), TODAY)
    holds(isinstance(answer, Answer), "extracted facts are always accepted", (found.facts, answer))
    holds(not (isinstance(answer, Answer) and answer.refused), "extracted facts are all read", found.facts)
    holds(found.subject is not False or not found.facts, "without the cancer there are no facts", found.facts)
    stated = set(_paths(found.facts))
    known = {path for path in found.provenance if _covered(path, stated)}
    holds(known == set(found.provenance), "provenance is of facts that were stated", (found.facts, found.provenance))
    missing = {path for path in stated if not any(_covered(of, {path}) for of in found.provenance)}
    holds(not missing, "every fact has a provenance", (found.facts, sorted(found.provenance)))


def unordered(facts: Any) -> Any:
    """Facts whose lists stand in one order."""
    return {name: sorted(value) if isinstance(value, list) else value for name, value in facts.items()}


def _paths(facts: Any, at: str = "") -> Iterator[str]:
    for name, value in facts.items():
        path = f"{at}{name}"
        if isinstance(value, dict):
            yield from _paths(value, f"{path}.")
        else:
            yield path


def _covered(path: str, stated: set[str]) -> bool:
    return any(path == each or each.startswith(f"{path}.") or path.startswith(f"{each}.") for each in stated)


def without_one(
    terminology: Terminology, read: tuple[Extraction, Extraction], asked: tuple[list[Any], str | None, int]
) -> None:
    """Judge what was read with all resources, and with one less."""
    (found, less), (resources, patient, index) = read, asked
    taken = resources[index]
    about = str([found, less, index, resources])
    if patient and _of_another(taken):
        holds(less.facts == found.facts, "what belongs to another patient changes nothing", about)
    # Who is meant may change with a resource, where nobody is named. Of another tumour nothing is said, and whose
    # metastases they are is open beside one: without what told it there is more to say.
    if not patient or found.subject is False or _of_another_tumour(terminology, taken):
        return
    new = set(_paths(less.facts)) - set(_paths(found.facts))
    unsettled = {str(each["fact"]) for each in found.data_conflicts}
    new = {path for path in new if not any(_covered(each, {path}) for each in unsettled)}
    invented = {path for path in new if path.partition(".")[0] not in WEIGHED}
    holds(not invented, "a resource less invents no fact", (sorted(invented), taken, about))
    if new and not _weighed(found, _labels(taken, index)):
        sources = {path: _source(less, path, index) for path in new}
        told = _told(found)
        lost = {path for path, source in sources.items() if source not in told}
        holds(not lost, "a fact that a resource takes away is accounted for", (sorted(lost), taken, about))


def _weighed(found: Extraction, labels: set[str]) -> bool:
    """Whether a resource was used, or is told as one that could not be: then it may speak against a fact."""
    used = {str(each["resource"]) for each in found.provenance.values()}
    used |= {str(each["runner_up"]["resource"]) for each in found.provenance.values() if each["runner_up"]}
    used |= {each["resource"] for each in found.ignored if not each["reason"].startswith(UNUSED)}
    return bool(used & labels)


def _told(found: Extraction) -> set[str]:
    """The resources of which it is told why they state no fact, or not this one."""
    return {each["resource"] for each in found.ignored} | {
        str(label) for each in found.data_conflicts for label in each["resources"]
    }


def _labels(resource: Any, index: int) -> set[str]:
    """What a resource may be called in the answer."""
    held = resource if isinstance(resource, dict) else {}
    kind = held.get("resourceType")
    return {f"[{index}]", f"{kind}/[{index}]", f"{kind}/{held.get('id')}"[:SHOWN]}


def _source(less: Extraction, path: str, index: int) -> str:
    """The resource that states a fact, as it is called where the one at the index is not yet taken away."""
    label = next(str(each["resource"]) for of, each in less.provenance.items() if _covered(of, {path}))
    return re.sub(r"\[(\d+)\]$", lambda place: f"[{int(place[1]) + (int(place[1]) >= index)}]", label)


def _of_another_tumour(terminology: Terminology, resource: Any) -> bool:
    for held, _ in places([resource]):
        for each in held if isinstance(held, list) else [held]:
            system, code = (each.get(name) for name in ("system", "code")) if isinstance(each, dict) else (None, None)
            concepts = terminology.find(system, code) if isinstance(system, str) and isinstance(code, str) else {}
            concept = concepts.get("breast_cancer")
            if concept is not None and concept.category in {"other_primary", "generic", "other_breast"}:
                return True
    return False


def _of_another(resource: Any) -> bool:
    """Whether it certainly is another patient's. What has no readable type is no resource, whose `subject` would mean
    anything: it may say whatever it likes of whomever, so the record is not complete beside it."""
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        return False
    subject = resource.get("subject")
    return isinstance(subject, dict) and subject.get("reference") == f"Patient/{OTHER}"
