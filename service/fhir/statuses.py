"""Whether a Condition holds: its two statuses, in FHIR's words, from a code, a second code, words or an extension."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.facts.json_body import Json
from service.fhir.resources import Resource, codings, extension_codings, is_absent, texts
from service.knowledge.terminology import Terminology

LIST = "condition_status"
"""The code list that says in FHIR's words what other codes and words of a status stand for."""
WITHDRAWN = frozenset({"entered-in-error", "refuted"})
TENTATIVE = frozenset({"unconfirmed", "provisional", "differential"})
VERIFICATION = WITHDRAWN | TENTATIVE | {"confirmed", "unknown"}
HISTORY = frozenset({"inactive", "remission", "resolved"})
ACTIVE = frozenset({"active", "recurrence", "relapse"})
CLINICAL = HISTORY | ACTIVE | {"unknown"}
FHIR_SYSTEMS = ("condition-clinical", "condition-ver-status")
"""Last parts of the addresses of FHIR's own lists, in every release."""
DOUBTFUL = "unconfirmed"
"""What a status that cannot be read, or that contradicts itself, is taken for: it proves nothing."""


@dataclass(frozen=True, slots=True)
class Statuses:
    """The statuses of a Condition as words of FHIR; empty where it says none."""

    clinical: str = ""
    verification: str = ""
    remarks: Sequence[str] = ()
    """What could not be read of them, or contradicts."""


NO_STATUSES = Statuses()


def read_statuses(terminology: Terminology, resource: Resource) -> Statuses:
    """Read both statuses, and the certainty that an extension of the code states where they say nothing."""
    clinical, verification = resource.get("clinicalStatus"), resource.get("verificationStatus")
    certainty = _certainty(terminology, resource)
    if clinical is None and verification is None and not certainty:
        return NO_STATUSES
    remarks: list[str] = []
    said = _words(terminology, clinical, CLINICAL)
    if not said and _is_stated(clinical):
        remarks.append("its clinicalStatus cannot be read")
    ended = next((each for each in certainty if each in HISTORY), "")
    stated = said[0] if said else ended
    if ended and stated in ACTIVE:
        remarks.append(f"its code says {ended}, its clinicalStatus {stated}: taken as {stated}")
    return Statuses(stated, _verification(terminology, verification, certainty, remarks), remarks)


def is_withdrawn(terminology: Terminology, resource: Resource) -> bool:
    """Return whether a resource says of itself that it does not hold."""
    status = resource.get("status")
    if isinstance(status, str) and status.strip().lower() in WITHDRAWN:
        return True
    return read_statuses(terminology, resource).verification in WITHDRAWN


def _verification(terminology: Terminology, value: Json, certainty: Sequence[str], remarks: list[str]) -> str:
    said = _words(terminology, value, VERIFICATION)
    withdrawn = next((each for each in said if each in WITHDRAWN), "")
    sure = list(dict.fromkeys(each for each in certainty if each in VERIFICATION))
    stated = withdrawn or (said[0] if said else "")
    if not stated and _is_stated(value):
        remarks.append("its verificationStatus cannot be read: it proves nothing")
        return DOUBTFUL
    if not stated:
        if len(sure) > 1:
            remarks.append(f"its codes contradict one another ({', '.join(sure)}): it proves nothing")
        return DOUBTFUL if len(sure) > 1 else next(iter(sure), "")
    contrary = [each for each in sure if each != "confirmed"]
    if contrary and stated not in WITHDRAWN | TENTATIVE:
        remarks.append(f"its code says {contrary[0]}, its verificationStatus {stated}: it proves nothing")
        return DOUBTFUL
    return stated


def _certainty(terminology: Terminology, resource: Resource) -> list[str]:
    """Return what extensions of the code, or of the Condition, say of how certain it is."""
    found = extension_codings(resource.get("code"), resource)
    return [
        concept.category
        for coding in found
        if (concept := terminology.find(coding.system, coding.code).get(LIST)) is not None
    ]


def _words(terminology: Terminology, value: Json, allowed: frozenset[str]) -> list[str]:
    """Return every status that a value states, the surest first: FHIR's own code, another code, words."""
    if isinstance(value, str):
        return _by_text(terminology, [value], allowed)
    own, coded = [], []
    for coding in codings(value):
        code = coding.code.lower()
        listed = terminology.find(coding.system, coding.code).get(LIST)
        if coding.system.rstrip("/").lower().endswith(FHIR_SYSTEMS):
            own.append(code)
        else:
            coded.append(code if listed is None else listed.category)
    found = [each for each in (*own, *coded) if each in allowed]
    return found + _by_text(terminology, texts(value), allowed)


def _by_text(terminology: Terminology, phrases: Sequence[str], allowed: frozenset[str]) -> list[str]:
    listed = terminology.lists.get(LIST)
    found = []
    for phrase in phrases:
        plain = phrase.strip().lower()
        category = plain if plain in allowed else listed.category_of_word(phrase) if listed else None
        found += [category] if category in allowed else []
    return [each for each in found if each]


def _is_stated(value: Json) -> bool:
    return value is not None and not is_absent(value) and bool(isinstance(value, str) or codings(value) or texts(value))
