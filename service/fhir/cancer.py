"""Whether the patient has breast cancer, on which side, and since when."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from service.fhir.record import RECORDED, TENTATIVE, Item, Match, Record, both
from service.fhir.resources import Coding, Day, codings, extensions, local, reference, texts, word

RECURRENCE = {"recurrence", "relapse"}
BREAST = {"invasive", "recurrence"}
KNOWN_SYSTEMS = ("snomed", "icd10")
"""Systems whose codes say what a condition is, so that one that is in no list is something else."""


@dataclass
class Cancer:
    """The breast cancer of a record."""

    items: list[Item] = field(default_factory=list)
    present: bool | None = None
    """None is unknown."""
    sides: set[str] = field(default_factory=set)
    diagnosed: tuple[Day, ...] = ()
    """The first diagnosis, one of each side where both had a tumour; empty is undated."""
    no_later_than: Day | None = None
    """Where only a day of recording or of a recurrence is known: the diagnosis is not later."""
    others: list[Item] = field(default_factory=list)
    """Primary cancers of other organs."""
    recurred: list[Item] = field(default_factory=list)
    doubtful: list[Item] = field(default_factory=list)
    """Conditions that may be a malignancy of any kind, and were not understood."""
    history: list[Item] = field(default_factory=list)
    """Personal histories of a cancer of the breast."""

    @cached_property
    def own(self) -> frozenset[Item]:
        """The Conditions that are this cancer."""
        return frozenset(self.items)

    @cached_property
    def foreign(self) -> frozenset[Item]:
        """The Conditions that are another cancer."""
        return frozenset(self.others)

    def before_diagnosis(self, on: Day | None) -> bool:
        """Whether a day certainly was before every diagnosis."""
        return on is not None and bool(self.diagnosed) and all(on.before(each) for each in self.diagnosed)

    def on_its_side(self, sides: set[str]) -> bool:
        """Whether something on these sides can be this tumour's; an unknown side can."""
        return not sides or not self.sides or bool(sides & self.sides)


def read_cancer(record: Record) -> Cancer:
    """Read the primary Conditions."""
    cancer = Cancer()
    kinds: dict[str, list[Item]] = {}
    for item in record.of("Condition"):
        kinds.setdefault(_kind(record, item), []).append(item)
    cancer.items, cancer.others = kinds.get("breast", []), kinds.get("other", [])
    for item in kinds.get("doubtful", ()):
        means = {match.means for match in record.match("breast_cancer", item.codes)}
        (cancer.history if "history" in means else cancer.doubtful).append(item)
    # Metastases of no known primary may be those of a breast cancer.
    doubtful = kinds.get("doubtful") or (kinds.get("metastasis") and not cancer.others)
    if cancer.items:
        _describe(record, cancer)
    elif record.conditions and record.complete and not doubtful:
        cancer.present = False
    return cancer


def is_about(record: Record, cancer: Cancer, item: Item) -> str:
    """Why an Observation is not about this cancer; empty if it is: its focus is the cancer, or the only one."""
    focus = item.resource.get("focus")
    named = [each for each in (focus if isinstance(focus, list) else [focus]) if isinstance(each, dict)]
    named = [each for each in named if local(reference(each))[0] in {"", "Condition"}]
    if not named:
        return "there is another cancer in the record, and it does not say which it is about" if cancer.others else ""
    found = [record.resolve(each) for each in named]
    if any(each in cancer.own for each in found if each is not None):
        return ""
    return "its focus is not the breast cancer"


def linked(record: Record, item: Item) -> list[Item]:
    """The Conditions that a resource points at: due to, related to, evidence, reason."""
    pointers = [
        value for each in extensions(item.resource, "") for name, value in each.items() if name == "valueReference"
    ]
    evidence = item.resource.get("evidence")
    for each in evidence if isinstance(evidence, list) else []:
        detail = each.get("detail") if isinstance(each, dict) else None
        pointers += detail if isinstance(detail, list) else [detail]
    for name in ("reasonReference", "focus", "partOf", "derivedFrom"):
        value = item.resource.get(name)
        pointers += value if isinstance(value, list) else [value]
    found = (record.resolve(pointer) for pointer in pointers if isinstance(pointer, dict))
    return [each for each in found if each is not None and each.type == "Condition"]


def _kind(record: Record, item: Item) -> str:
    """breast, other (a primary elsewhere), metastasis, doubtful (could be a breast cancer), or nothing of the sort."""
    matches = record.match("breast_cancer", item.codes)
    means = {match.means for match in matches}
    label, notes = item.label, record.notes
    if means & BREAST:
        return _breast(record, item, matches)
    if means & {"in_situ", "history", "other_breast"}:
        reasons = {
            "in_situ": "carcinoma in situ is no invasive cancer",
            "history": "a personal history is no active cancer",
            "other_breast": "a neoplasm of the breast that is no breast cancer, or a relative's",
        }
        for each in sorted(means & reasons.keys()):
            notes.ignore(label, reasons[each])
        return "doubtful" if "history" in means else ""
    if record.match("metastases", item.codes):
        return "metastasis"
    if "generic" in means or "histology" in means:
        return _generic(record, item)
    if "other_primary" in means:
        return "" if item.tentative else "other"
    known = any(record.match(name, item.codes) for name in ("complications", "procedures", "tumour_traits", "values"))
    return "" if known or _elsewhere(record, item) else "doubtful"


def _breast(record: Record, item: Item, matches: Iterable[Match]) -> str:
    if word(item.resource.get("verificationStatus")) in TENTATIVE:
        record.notes.ignore(item.label, "breast cancer is only suspected")
        return "doubtful"
    strangers = [match for match in matches if match.means == "other_primary"]
    if strangers:
        said = [match.coding.token for match in matches]
        detail = "One diagnosis is coded as a cancer of the breast and of another organ. It was read as breast cancer."
        record.notes.conflict("breast_cancer", said, [item], detail)
    return "breast"


def _generic(record: Record, item: Item) -> str:
    """A malignancy without a site: its body site, its histology or its words say which."""
    if item.tentative:
        return "doubtful"
    places = {match.means for match in record.match("body_sites", codings(item.resource.get("bodySite")))}
    histology = [
        match.means
        for each in extensions(item.resource, "mcode-histology-morphology-behavior")
        for match in record.match("breast_cancer", codings(each.get("valueCodeableConcept")))
    ]
    listed = record.terminology["breast_cancer"]
    said = texts(item.resource.get("code"))
    if "breast" in places or set(histology) & (BREAST | {"histology"}):
        return "breast"
    displays = [coding.display for coding in item.codes]
    if any(listed.contains_word(text, "invasive") for text in displays):
        record.notes.ignore(
            item.label, "the breast stands only in the display of a code for any malignancy; it was believed"
        )
        return "breast"
    if places - {"side"} or any(listed.contains_word(text, "other_primary") for text in said):
        return "other"
    record.notes.ignore(item.label, "a malignancy whose site is not stated")
    return "doubtful"


def _elsewhere(record: Record, item: Item) -> bool:
    """Whether the codes say for certain that this is no malignancy of the breast."""
    known = [
        coding
        for coding in item.codes
        if (record.terminology.key(coding.system, coding.code) or ("",))[0].startswith(KNOWN_SYSTEMS)
    ]
    if not known:
        record.notes.ignore(item.label, "its code is of no code system that is read")
        return False
    icd = [coding for coding in known if record.terminology.key(coding.system, coding.code)[0] != "snomed"]  # type: ignore[index] # known
    listed = record.terminology["breast_cancer"]
    said = texts(item.resource.get("code"))
    if icd or (said and not any(listed.contains_word(text, "generic") for text in said)):
        return True
    record.notes.ignore(item.label, "its code is in no list, and it may be a malignancy")
    return False


def no_malignancy(record: Record, coding: Coding) -> bool:
    """Whether a code that is in no list is certainly no malignancy: by its classification, or by its display."""
    system = (record.terminology.key(coding.system, coding.code) or ("",))[0]
    words = record.terminology["breast_cancer"]
    named = bool(coding.display) and not words.contains_word(coding.display, "generic")
    return system.startswith("icd10") or (system == "snomed" and named)


def _describe(record: Record, cancer: Cancer) -> None:
    cancer.present = True
    days: dict[frozenset[str], list[Day]] = {}
    bounds: list[Day] = []
    for item in cancer.items:
        matches = record.match("breast_cancer", item.codes)
        sides = both(match.concept.side for match in matches) | record.sides(item.resource.get("bodySite"))
        cancer.sides |= sides
        again = item.clinical in RECURRENCE or any(match.means == "recurrence" for match in matches)
        if again:
            cancer.recurred.append(item)
        if item.day is not None and (again or item.element in RECORDED):
            bounds.append(item.day)
        elif item.day is not None:
            days.setdefault(frozenset(sides), []).append(item.day)
    cancer.no_later_than = min(bounds, key=lambda each: each.last, default=None)
    one_sided = [each for each in days if len(each) == 1]
    groups = (
        [days[each] for each in one_sided] if len(one_sided) > 1 else [[day for each in days.values() for day in each]]
    )
    cancer.diagnosed = tuple(min(group, key=lambda each: (each.first, each.last)) for group in groups if group)
    bound = cancer.no_later_than
    if bound is not None and any(bound.before(each) for each in cancer.diagnosed):
        cancer.diagnosed = ()  # known before its own onset: some date is wrong
