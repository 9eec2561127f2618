"""What resources say of findings of the tumour: which, whether present, and its CTCAE grade."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from service.facts.json_body import Json
from service.fhir.record import Concept, Item, Match, Record
from service.fhir.resources import Coding, choice, codings, extensions, objects
from service.knowledge.extraction import FindingsSource
from service.knowledge.terminology import HINT, PROOFS

PRESENT, ABSENT = "present", "absent"
DEATH = 5
GRADES = frozenset("012345")


@dataclass(frozen=True)
class Finding:
    """What a resource, or a component of one, says of one finding."""

    item: Item
    match: Match
    element: str
    presence: str
    """present, absent, or empty for a value that says neither."""
    grade: int | None
    self_contradictory: bool = False
    """Whether the resource says absent and states a grade all the same."""

    @property
    def kind(self) -> str:
        """Which finding it is."""
        return self.match.category


def read_findings(record: Record, source: FindingsSource, item: Item) -> Sequence[Finding]:
    """Return the findings that a resource and its components name, by the surest code of each."""
    if item.type == "AdverseEvent":
        grade = _grade(item.resource, None)
        presence = PRESENT if grade != 0 else ""
        matches = _surest(item.event.hits.get(source.list, ()))
        return [Finding(item, match, "AdverseEvent.event", presence, grade or _own(match)) for match in matches]
    hits = item.hits.get(source.list, ())
    if item.type == "Condition":
        return [
            Finding(item, match, "Condition.code", PRESENT, _own(match) or _grade(item.resource, None))
            for match in _surest(hits)
        ]
    resource = item.resource
    components = objects(resource.get("component")) if "component" in resource else ()
    if not hits and not components and source.list not in item.value_concept.hits:
        return ()  # nearly all measurements of a record
    findings = [*_part(record, source, item, _surest(hits), *item.value, resource)]
    for component in components:
        code_matches = _surest(record.match(source.list, codings(component.get("code"))))
        findings += _part(record, source, item, code_matches, *choice(component, "value"), component)
    return findings


def _part(  # noqa: PLR0913, PLR0917 - a resource, or a component of it
    record: Record, source: FindingsSource, item: Item, matches: list[Match], element: str, value: Json, part: Json
) -> Iterator[Finding]:
    if not matches:
        # "Symptom: bleeding": the value names the finding, and so asserts it.
        for match in _surest(record.match(source.list, codings(value))) if value is not None else ():
            yield Finding(item, match, f"Observation.{element}", PRESENT, _grade(part, None) or _own(match))
        return
    for match in matches:
        grade = _grade(part, value, on_scale=match.concept.system == source.grading)
        value_presence = _presence(record, source, value, grade)
        interpretation = ""
        if isinstance(part, dict):
            interpretation = presence_of(record, source, record.concept(part.get("interpretation")))
        # A grade, or whatever says present, is the graver of the two.
        contradictory = (value_presence == ABSENT and bool(grade)) or {value_presence, interpretation} == {
            PRESENT,
            ABSENT,
        }
        presence = PRESENT if contradictory else value_presence or interpretation
        element = element or ("value" if value_presence or not interpretation else "interpretation")
        yield Finding(item, match, f"Observation.{element}", presence, grade or _own(match), contradictory)


def _surest(matches: Iterable[Match]) -> list[Match]:
    """Return the surest code of each finding."""
    best: dict[str, Match] = {}
    for match in sorted(matches, key=lambda each: PROOFS.index(each.concept.proof or HINT)):
        best.setdefault(match.category, match)
    return list(best.values())


def _own(match: Match) -> int | None:
    """Return the grade that a code states itself."""
    return int(match.concept.grade) if match.concept.grade else None


def _presence(record: Record, source: FindingsSource, value: Json, grade: int | None) -> str:
    if isinstance(value, bool):
        return PRESENT if value else ABSENT
    if presence := presence_of(record, source, record.concept(value)):
        return presence
    if grade is not None:
        return PRESENT if grade else ABSENT
    return ""


def presence_of(record: Record, source: FindingsSource, value: Concept) -> str:
    """Return present or absent, as the codes or the whole texts of a value say; empty for neither or both."""
    matches = value.hits.get(source.presence, ())
    categories = {match.category for match in matches} or record.categories_of_texts(source.presence, value.texts)
    return categories.pop() if len(categories) == 1 else ""


def _grade(part: Json, value: Json, *, on_scale: bool = False) -> int | None:
    """Return the CTCAE grade of a resource, 0 to 5: from its extension, a component, or its value.

    A bare number is a grade only where the code is a term of the scale: elsewhere it may count anything.
    """
    for extension in extensions(part, "ctcae-grade"):
        grade_value = choice(extension, "value")[1]
        # The extension says which scale.
        for candidate in (grade_value, *(coding.code for coding in codings(grade_value))):
            if (grade := _number(candidate)) is not None:
                return grade
    components: list[Coding | Json] = objects(part.get("component")) if isinstance(part, dict) else []  # type: ignore[assignment]
    for candidate in (*(choice(component, "value")[1] for component in components), value):  # type: ignore[arg-type]
        if candidate is None:
            continue
        if on_scale and (grade := _number(candidate)) is not None:
            return grade
        for coding in codings(candidate):
            if "ctcae" in coding.system.lower() and (grade := _number(coding.code)) is not None:
                return grade
    return None


def _number(candidate: Json) -> int | None:
    if isinstance(candidate, str):
        return int(candidate) if candidate.strip() in GRADES else None
    if isinstance(candidate, int) and not isinstance(candidate, bool) and 0 <= candidate <= DEATH:
        return candidate
    return None
