"""What the value of a stage or an M category states: by its codes, else by the notation that its text is written in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from service.facts.json_body import Json
from service.fhir.record import Match, Record
from service.fhir.resources import SHOWN, Coding, codings, objects, string, texts
from service.fhir.tnm import Place, Staging, TnmReader
from service.knowledge.extraction import StageSource


@dataclass(frozen=True)
class StatedStage:
    """A value that a stage states, and how."""

    value: str
    match: Match | None = None
    category: str = ""
    """Its category in the code list, where a code or a word states it."""
    sites: tuple[str, ...] = ()
    """Codes of the sites that the notation names."""
    recurrent: bool = False
    """Whether the notation says that it was found at a recurrence."""


@dataclass
class StageReading:
    """All that one value states."""

    stated: dict[str, StatedStage] = field(default_factory=dict)
    """Value of the fact -> how it is stated."""
    faults: dict[str, str] = field(default_factory=dict)
    """Notation that states no value -> why."""
    clashes: list[Coding] = field(default_factory=list)
    """Codes whose display says something else; the codes were read."""


class StageReader:
    """Reads values of stages as one guideline understands them."""

    def __init__(self, record: Record, source: StageSource) -> None:
        self.record, self.source, self.notation = record, source, source.notation
        self.listed = record.terminology[source.list]
        self.tnm = None if self.notation is None else TnmReader(self.notation, self.listed)

    def read(self, value: Json, place: Place, phrases: Iterable[str] | None = None) -> StageReading:
        """Read the codes; only where none is known the codes and texts that are notation."""
        reading, codes = StageReading(), codings(value)
        for match in self.record.match(self.source.list, codes):
            if match.category in self.source.gives:
                status = self.source.gives[match.category]
                reading.stated[status] = StatedStage(status, match, match.category)
                if self.is_clash(match.coding.display, status, place):
                    reading.clashes.append(match.coding)
        phrases = texts(value) if phrases is None else list(phrases)
        if not reading.stated and self.tnm is None:
            self.add_words(reading, phrases)
        elif not reading.stated and self.tnm is not None:
            self.add_codes(reading, self.tnm, codes, place)
            if not reading.stated and not reading.faults:
                self.add_texts(reading, self.tnm, phrases, place)
        return reading

    def add_words(self, reading: StageReading, phrases: Iterable[str]) -> None:
        """Add what whole texts of the code list state."""
        for text in phrases:
            category = self.listed.category_of_word(text)
            if category is not None and category in self.source.gives:
                value = self.source.gives[category]
                reading.stated[value] = StatedStage(value, None, category)

    def add_codes(self, reading: StageReading, tnm: TnmReader, codes: Iterable[Coding], place: Place) -> None:
        """Add what codes state that are notation themselves."""
        for coding in codes:
            at = self.place_of_code(coding, place)
            staging = tnm.read(coding.code, at)
            if staging is None and at is Place.BARE_M:
                staging = tnm.read(coding.code, place)
            self.add(reading, staging, coding.code)
            for value in reading.stated if staging is not None else ():
                if self.is_clash(coding.display, value, place):
                    reading.clashes.append(coding)

    def place_of_code(self, coding: Coding, place: Place) -> Place:
        """Return how short the notation of a code may be: only a code system of TNM makes a bare group one."""
        notation = self.notation
        system = self.record.system(coding.system)
        if notation is not None and system in notation.bare_systems and place is Place.M_CATEGORY:
            return Place.BARE_M
        if notation is not None and system in notation.systems:
            return Place.CODE if place is Place.TEXT else place
        return Place.TEXT

    def add_texts(self, reading: StageReading, tnm: TnmReader, phrases: Iterable[str], place: Place) -> None:
        """Add what texts state: words only as the whole value of an M category."""
        for text in phrases:
            category = self.listed.category_of_word(text) if place is Place.M_CATEGORY else None
            if category is not None and category in self.source.gives:
                value = self.source.gives[category]
                reading.stated[value] = StatedStage(value, None, category)
            else:
                self.add(reading, tnm.read(text, place), text)

    def add(self, reading: StageReading, staging: Staging | None, text: str) -> None:
        """Add what a notation states, or why it states nothing."""
        if staging is None:
            return
        value = staging.value or staging.implied
        if staging.fault:
            reading.faults[text[:SHOWN]] = staging.fault
        elif value:
            reading.stated[value] = StatedStage(value, None, "", staging.sites, staging.recurrent)

    def is_clash(self, display: str, value: str, place: Place) -> bool:
        """Return whether the display of a code is notation for something else."""
        staging = self.tnm.read(display, place) if self.tnm is not None and display else None
        if staging is None or self.notation is None:
            return False
        proof, status = self.notation.m1, staging.value or staging.implied
        if status:
            return (status == proof) != (value == proof)
        return not staging.group

    def marks(self, *elements: Json) -> frozenset[str]:
        """Return the categories of the extensions of TNM on these elements: prefixes, and deposits as a suffix."""
        return frozenset(self._marks(elements)) if self.notation is not None else frozenset()

    def _marks(self, elements: Iterable[Json]) -> Iterator[str]:
        notation = self.notation
        for element in elements:
            for item in objects(element):
                for name in ("extension", "modifierExtension"):
                    for extension in objects(item.get(name)):
                        category = self.record.category_of_extension(self.source.list, string(extension.get("url")))
                        values = [value for key, value in extension.items() if key.startswith("value")]
                        if category is None or False in values:
                            continue
                        yield category
                        if notation is not None and category == notation.suffix:
                            codes = [code for value in values for code in codings(value)]
                            yield from (match.category for match in self.record.match(self.source.list, codes))
