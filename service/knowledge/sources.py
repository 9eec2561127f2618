"""Citations and studies: the shared ones, those of one release, and which of them the files of a release name."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.evidence.study_file import study_faults
from service.knowledge.model import Citation
from service.knowledge.schemas import CitationSchema, load_file
from service.knowledge.yaml_file import ContentError, ContentFault, read_yaml

_PLACED = re.compile(r"\{(?:figure|cite):([^/{}]+)")


@dataclass(frozen=True)
class Sources:
    """Citations and studies by id, each with the file that it was read from."""

    citations: Mapping[str, Citation]
    studies: Mapping[str, Any]
    files: Mapping[str, Path]
    """`citations/<ID>` or `studies/<id>` -> file."""

    def with_own(self, own: "Sources") -> "Sources":
        """Return these sources with those of a release in the place of the ones of the same id."""
        return Sources(
            {**self.citations, **own.citations}, {**self.studies, **own.studies}, {**self.files, **own.files}
        )

    def named_in(self, documents: Iterable[Any]) -> "Sources":
        """Return those that the files of a release name, in the order of their names.

        A source is named where its id is a whole key or value, or stands in a placeholder.
        """
        texts = {text for document in documents for text in _texts(document)}
        names = texts | {name for text in texts for name in _PLACED.findall(text)}
        return Sources(
            {name: citation for name, citation in self.citations.items() if name in names},
            {name: study for name, study in self.studies.items() if name in names},
            {path: self.files[path] for path in sorted(self.files) if path.partition("/")[2] in names},
        )


def read_sources(folder: Path) -> Sources:
    """Read the folders citations and studies below this one. Raises ContentError."""
    studies = {file.stem: read_yaml(file) for file in sorted((folder / "studies").glob("*.yaml"))}
    if unsound := list(study_faults(studies)):
        raise ContentError([ContentFault(str(folder / "studies"), "", detail) for detail in unsound])
    citations = _citations(folder / "citations")
    files = {f"studies/{name}": folder / "studies" / f"{name}.yaml" for name in studies}
    files |= {f"citations/{name}": folder / "citations" / f"{name}.yaml" for name in citations}
    return Sources(citations, studies, files)


def _texts(value: Any) -> Iterator[str]:
    """Yield every key and scalar of what a YAML file holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)


def _citations(folder: Path) -> dict[str, Citation]:
    citations, faults, schema = {}, [], CitationSchema()
    for file in sorted(folder.glob("*.yaml")):
        try:
            citation = load_file(schema, file)
        except ContentError as error:
            faults += error.faults
            continue
        if citation.id != file.stem:
            faults.append(ContentFault(str(file), "/id", "id and file name differ"))
        citations[citation.id] = citation
    if faults:
        raise ContentError(faults)
    return citations
