"""Facts of the Patient resource."""

from service.fhir.claims import claim_of, set_fact
from service.fhir.reading import Reading
from service.fhir.record import Item
from service.fhir.resolution import Resolution
from service.fhir.resources import string
from service.knowledge.extraction import Person


def resolve_person(reading: Reading, source: Person) -> Resolution:
    """State a coded element, or the age at a birth date."""
    resolution = Resolution()
    for item in reading.record.of("Patient"):
        if source.oldest:
            _state_age(reading, source, item, resolution)
        elif (code := string(item.resource.get(source.element))) in source.codes:
            claim = claim_of(code, item, source.element, None, source.why)
            set_fact(resolution, source.path, claim, [claim])
            resolution.provenance[source.path]["code"] = code
    return resolution


def is_deceased(reading: Reading, resolution: Resolution) -> bool:
    """Return whether the patient is recorded as deceased, and report it."""
    deceased = [
        item
        for item in reading.record.of("Patient")
        if item.resource.get("deceasedBoolean") is True or item.resource.get("deceasedDateTime")
    ]
    for item in deceased:
        resolution.ignore(item.label, "the patient is recorded as deceased")
    return bool(deceased)


def _state_age(reading: Reading, source: Person, item: Item, resolution: Resolution) -> None:
    birth_date, today = item.resource.get(source.element), reading.record.today
    born = reading.record.dates.day(birth_date)
    if born is None:
        if birth_date is not None:
            resolution.ignore(item.label, "the birth date cannot be read")
        return
    ages = {
        today.year - day.year - ((today.month, today.day) < (day.month, day.day)) for day in (born.first, born.last)
    }
    age = ages.pop()
    if ages or not 0 <= age <= source.oldest:
        resolution.ignore(item.label, "the birth date does not tell the age")
        return
    claim = claim_of(age, item, source.element, None, source.why.format(today=today))
    set_fact(resolution, source.path, claim, [claim])
    resolution.provenance[source.path]["date"] = born.text
