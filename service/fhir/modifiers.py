"""Facts of the person and of the tumour's biology: the newest final value of each."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from service.facts.json_body import Json
from service.fhir.cancer import Cancer, is_about
from service.fhir.claims import Claim, choose, state
from service.fhir.record import Item, Record
from service.fhir.resources import codings, day, objects, string, texts, word

OLDEST = 120
SEXES = {"female", "male", "other"}
RECEPTORS = ("er", "pr", "her2")
PER_NANOLITRE = {
    "10*3/ul": 1.0, "10*9/l": 1.0, "k/ul": 1.0, "10^3/ul": 1.0, "10^9/l": 1.0, "x10^9/l": 1.0, "x10*9/l": 1.0,
    "/nl": 1.0, "g/l": 1.0, "10*3/mm3": 1.0, "thousand/ul": 1.0, "/ul": 0.001, "/mm3": 0.001, "{cells}/ul": 0.001,
}  # fmt: skip
"""Units of platelets -> factor to 10^9 per litre. G/L is giga per litre, as French laboratories write it."""
GRAM_PER_DECILITRE = {"g/dl": 1.0, "g/l": 0.1, "mmol/l": 1.6114}
"""Units of haemoglobin -> factor to g/dl."""
UNITS: Mapping[str, tuple[str, Mapping[str, float], float, float]] = {
    "platelets": ("platelets_10e9_per_l", PER_NANOLITRE, 0, 2000),
    "haemoglobin": ("haemoglobin_g_per_dl", GRAM_PER_DECILITRE, 2, 25),
}
LASTS_DAYS = {"platelets": 30, "haemoglobin": 30, "ecog": 120}
"""How long a value says something about today."""
PREGNANCY_DAYS = 300
HIGHEST_ECOG = 4
LARGEST = 10**9


def read_person(record: Record) -> None:
    """State age, sex, pregnancy, ECOG, menopausal status, platelets and haemoglobin."""
    for item in record.of("Patient"):
        _patient(record, item)
    _pregnant(record)
    _newest(record, "ecog", "ecog", _ecog)
    _newest(record, "menopause", "menopausal_status", _menopause, also=_menopause_conditions(record))
    for kind, (path, units, least, most) in UNITS.items():
        _newest(record, kind, path, _quantity(units, least, most))


def read_tumour(record: Record, cancer: Cancer) -> None:
    """State the receptors, and whether the cancer is inflammatory."""
    for name in RECEPTORS:
        claims = [*_receptor_claims(record, cancer, name)]
        chosen = choose(record.notes, f"{name}_status", claims)
        if chosen is not None:
            state(record.notes, f"{name}_status", chosen, claims)
    for item in record.of("Observation"):
        if any(match.means.endswith("_percent") for match in record.match("observations", item.codes)):
            record.notes.ignore(item.label, "a percentage of cells is not read as a receptor status")
    for item in cancer.items:
        for match in record.match("tumour_traits", item.codes):
            if match.means == "inflammatory":
                what = "the cancer is coded as inflammatory"
                claim = Claim("true", item, "Condition.code", match.coding.token, item.day, what)
                state(record.notes, "inflammatory", claim, [claim], value=True)


Reader = Callable[[Record, Json], "object | None"]
"""Reads a value; None for one that cannot be read."""


def _newest(record: Record, kind: str, path: str, read: Reader, also: Iterable[Claim] = ()) -> None:
    claims = [*also]
    for item in record.of("Observation"):
        matches = [each for each in record.match("observations", item.codes) if each.means == kind]
        if not matches:
            continue
        element, value = item.value
        found = read(record, value)
        if found is None:
            record.notes.ignore(item.label, f"{path}: no value in a known form, unit and range")
            continue
        token = matches[0].coding.token
        claims.append(Claim(found, item, f"Observation.{element}", token, item.day, "the newest final value"))
    chosen = choose(record.notes, path, claims)
    if chosen is None:
        return
    if kind in LASTS_DAYS and (chosen.day is None or (record.today - chosen.day.last).days > LASTS_DAYS[kind]):
        record.notes.ignore(chosen.item.label, f"{path}: undated or more than {LASTS_DAYS[kind]} days old: not today's")
        return
    state(record.notes, path, chosen, claims)


def _pregnant(record: Record) -> None:
    for item in record.of("Condition"):
        matches = [each for each in record.match("observations", item.codes) if each.means == "pregnant"]
        if not matches or item.past or item.tentative:
            continue
        if item.day is None or (record.today - item.day.last).days > PREGNANCY_DAYS:
            record.notes.ignore(item.label, f"a pregnancy, undated or more than {PREGNANCY_DAYS} days ago: ask")
            continue
        claim = Claim("true", item, "Condition.code", matches[0].coding.token, item.day, "a condition says so")
        state(record.notes, "pregnant", claim, [claim], value=True)


def _patient(record: Record, item: Item) -> None:
    notes = record.notes
    gender = string(item.resource.get("gender"))
    if gender in SEXES:
        claim = Claim(gender, item, "Patient.gender", gender, None, "administrative gender")
        state(notes, "sex", claim, [claim])
    if item.resource.get("deceasedBoolean") is True or item.resource.get("deceasedDateTime"):
        record.deceased = True
        notes.ignore(item.label, "the patient is recorded as deceased")
    born = day(item.resource.get("birthDate"))
    if born is None:
        if item.resource.get("birthDate") is not None:
            notes.ignore(item.label, "the birth date cannot be read")
        return
    ages = {
        record.today.year - each.year - ((record.today.month, record.today.day) < (each.month, each.day))
        for each in (born.first, born.last)
    }
    age = ages.pop()
    if ages or not 0 <= age <= OLDEST:
        notes.ignore(item.label, "the birth date does not tell the age")
        return
    claim = Claim(age, item, "Patient.birthDate", None, born, f"completed years on {record.today}")
    state(notes, "age_years", claim, [claim])


def _ecog(record: Record, value: Json) -> int | None:
    if isinstance(value, dict) and "coding" in value:
        said = {match.means for match in record.match("values", codings(value)) if match.means.startswith("ecog_")}
        return int(said.pop().removeprefix("ecog_")) if len(said) == 1 else None
    number = value.get("value") if isinstance(value, dict) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or number not in range(HIGHEST_ECOG + 1):
        return None
    return int(number)


def _menopause(record: Record, value: Json) -> str | None:
    said = {match.means for match in record.match("values", codings(value)) if match.means.endswith("menopausal")}
    return said.pop() if len(said) == 1 else None


def _menopause_conditions(record: Record) -> Iterator[Claim]:
    for item in record.of("Condition"):
        for match in record.match("values", item.codes):
            if match.means.endswith("menopausal") and not item.tentative:
                yield Claim(match.means, item, "Condition.code", match.coding.token, item.day, "a condition says so")


def _quantity(units: Mapping[str, float], least: float, most: float) -> Reader:
    def read(_: Record, value: Json) -> float | None:
        quantity = next(iter(objects(value)), {})
        number = quantity.get("value")
        if isinstance(number, bool) or not isinstance(number, int | float) or quantity.get("comparator"):
            return None
        if not 0 <= number <= LARGEST:  # an integer of JSON may be too large to be multiplied
            return None
        names = (string(quantity.get(name)).lower().replace("µ", "u").replace("μ", "u") for name in ("code", "unit"))
        factor = next((units[name] for name in names if name in units), None)
        if factor is None or not least <= number * factor <= most:
            return None
        return round(number * factor, 3)

    return read


def _receptor_claims(record: Record, cancer: Cancer, name: str) -> Iterator[Claim]:
    for item in record.of("Observation"):
        matches = [each for each in record.match("observations", item.codes) if each.means == name]
        if not matches:
            continue
        element, value = item.value
        said = {match.means for match in record.match("values", codings(value))} & {"positive", "negative"}
        said = said or {each for text in texts(value) if (each := record.terminology["values"].word(text))}
        reason = is_about(record, cancer, item) if item.resource.get("focus") else ""
        if len(said) != 1 or not said <= {"positive", "negative"}:
            reason = reason or f"{name}_status: neither positive nor negative"
        if reason:
            record.notes.ignore(item.label, reason)
            continue
        what = "the newest final result"
        yield Claim(said.pop(), item, f"Observation.{element}", matches[0].coding.token, item.day, what)
    for item in record.of("Condition"):
        for match in record.match("tumour_traits", item.codes):
            trait, _, value = match.means.rpartition("_")
            if (trait == name or match.means == "triple_negative") and word(
                item.resource.get("clinicalStatus")
            ) != "inactive":
                yield Claim(value, item, "Condition.code", match.coding.token, item.day, "a condition says so")
