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
RECURRED = frozenset({"recurrence", "relapse"})
ACTIVE = RECURRED | {"active"}
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
    words = _words(terminology, clinical, CLINICAL)
    if not words and _is_stated(clinical):
        remarks.append("its clinicalStatus cannot be read")
    ending = next((word for word in certainty if word in HISTORY), "")
    clinical_word = words[0] if words else ending
    if ending and clinical_word in ACTIVE:
        remarks.append(f"its code says {ending}, its clinicalStatus {clinical_word}: taken as {clinical_word}")
    return Statuses(clinical_word, _verification(terminology, verification, certainty, remarks), remarks)


def is_withdrawn(terminology: Terminology, resource: Resource) -> bool:
    """Return whether a resource says of itself that it does not hold."""
    status = resource.get("status")
    if isinstance(status, str) and status.strip().lower() in WITHDRAWN:
        return True
    return read_statuses(terminology, resource).verification in WITHDRAWN


def _verification(terminology: Terminology, value: Json, certainty: Sequence[str], remarks: list[str]) -> str:
    words = _words(terminology, value, VERIFICATION)
    withdrawn = next((word for word in words if word in WITHDRAWN), "")
    certain = list(dict.fromkeys(word for word in certainty if word in VERIFICATION))
    status = withdrawn or (words[0] if words else "")
    if not status and _is_stated(value):
        remarks.append("its verificationStatus cannot be read: it proves nothing")
        return DOUBTFUL
    if not status:
        if len(certain) > 1:
            remarks.append(f"its codes contradict one another ({', '.join(certain)}): it proves nothing")
        return DOUBTFUL if len(certain) > 1 else next(iter(certain), "")
    contrary = [word for word in certain if word != "confirmed"]
    if contrary and status not in WITHDRAWN | TENTATIVE:
        remarks.append(f"its code says {contrary[0]}, its verificationStatus {status}: it proves nothing")
        return DOUBTFUL
    return status


def _certainty(terminology: Terminology, resource: Resource) -> list[str]:
    """Return what extensions of the code, or of the Condition, say of how certain it is."""
    codes = extension_codings(resource.get("code"), resource)
    return [
        concept.category
        for coding in codes
        if (concept := terminology.find(coding.system, coding.code).get(LIST)) is not None
    ]


def _words(terminology: Terminology, value: Json, allowed: frozenset[str]) -> list[str]:
    """Return every status that a value states, the surest first: FHIR's own code, another code, words."""
    if isinstance(value, str):
        return _by_text(terminology, [value], allowed)
    own, others = [], []
    for coding in codings(value):
        code = coding.code.lower()
        concept = terminology.find(coding.system, coding.code).get(LIST)
        if coding.system.rstrip("/").lower().endswith(FHIR_SYSTEMS):
            own.append(code)
        else:
            others.append(code if concept is None else concept.category)
    words = [word for word in (*own, *others) if word in allowed]
    return words + _by_text(terminology, texts(value), allowed)


def _by_text(terminology: Terminology, phrases: Sequence[str], allowed: frozenset[str]) -> list[str]:
    code_list = terminology.lists.get(LIST)
    words = []
    for phrase in phrases:
        plain = phrase.strip().lower()
        category = plain if plain in allowed else code_list.category_of_word(phrase) if code_list else None
        words += [category] if category in allowed else []
    return [word for word in words if word]


def _is_stated(value: Json) -> bool:
    return value is not None and not is_absent(value) and bool(isinstance(value, str) or codings(value) or texts(value))
