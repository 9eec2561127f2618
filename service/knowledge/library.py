"""Everything the service knows: guidelines by id and release, studies, citations.

content/guidelines/<id>/<release>/   one folder a release; a new guideline is a new folder
                                     its own studies/ and citations/ win over the shared ones of the same name
content/guidelines/index.yaml        `default: <id>`, the guideline of the routes without an id; optional
content/citations/<ID>.yaml          the catalogue of sources
content/studies/<id>.yaml            figures, each typed once
content/terminology/<list>.yaml      codes that FHIR resources are read by; optional
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from service.knowledge.cards_file import shared_faults
from service.knowledge.guideline import Guideline
from service.knowledge.model import Citation
from service.knowledge.proof import content_state, digest_of, is_proved, keep_proof
from service.knowledge.record_cases import RECORD_CASES
from service.knowledge.release_folder import load_release
from service.knowledge.sources import Sources, read_sources
from service.knowledge.terminology import Terminology, load_terminology
from service.knowledge.yaml_file import ContentError, ContentFault, read_yaml


@dataclass(frozen=True)
class Library:
    """All loaded content, immutable. `default` is the id of the guideline that the routes without an id stand for.

    `citations` and `studies` are the shared ones with those of the newest releases in their place.
    """

    guidelines: Mapping[str, Mapping[str, Guideline]]
    default: str
    citations: Mapping[str, Citation]
    studies: Mapping[str, Any]
    terminology: Terminology

    def newest(self, guideline: str) -> Guideline | None:
        """The newest release of a guideline (release names sort by date), or None."""
        releases = self.guidelines.get(guideline)
        return releases[max(releases)] if releases else None

    def find(self, guideline: str, release: str) -> Guideline | None:
        """One release, or None."""
        return self.guidelines.get(guideline, {}).get(release)


def load_library(content: Path, only: Sequence[str] = (), *, prove: bool = False) -> Library:
    """Load the guidelines of a content folder with all their releases: all by id, or those of `only` in its order.

    What this code has proved before is proved again only if `prove` says so.
    Raises ContentError with the faults of the first folder that has any.
    """
    state = content_state(content)  # before anything is read: what changes meanwhile is not proved
    prove = prove or not is_proved(content, state)
    ids = _selected(content / "guidelines", only)
    default = _default(content / "guidelines", ids)
    shared = read_sources(content)
    # A digest of its own: a new code must not make a new release of the guidelines.
    codes = content / "terminology"
    terminology = load_terminology(codes, digest_of(sorted(codes.glob("*.yaml")), content))
    guidelines: dict[str, dict[str, Guideline]] = {}
    newest = shared
    for name in ids:
        folders = sorted((content / "guidelines" / name).glob("*/"))
        owned = [read_sources(folder) for folder in folders]
        releases = [
            _release(folder, shared.with_own(own), terminology, content, prove=prove)
            for folder, own in zip(folders, owned, strict=True)
        ]
        guidelines[name] = {guideline.release.release: guideline for guideline in releases}
        newest = newest.with_own(owned[-1])
    library = Library(guidelines, default, newest.citations, newest.studies, terminology)
    if prove:
        if faults := _shared_faults(content, library):
            raise ContentError(faults)
        if not only:
            keep_proof(content, state)
    return library


def _release(folder: Path, sources: Sources, terminology: Terminology, content: Path, *, prove: bool) -> Guideline:
    files = [file for file in sorted(folder.rglob("*.yaml")) if not _is_about_records(file, folder)]
    read = cache(read_yaml)
    # Worked cases cite nothing that the rest does not: half of the text need not be looked through.
    release_sources = sources.named_in(_documents((file for file in files if file.parent.name != "cases"), read))
    shared = [file for file in release_sources.files.values() if folder not in file.parents]
    digest = digest_of([*files, *shared], content)
    guideline = load_release(folder, sources, terminology, read, prove=prove)
    cited = [citation.study for citation in release_sources.citations.values() if citation.study is not None]
    guideline = replace(guideline, digest=digest, studies=frozenset((*release_sources.studies, *cited)))
    for stated, name, path in zip(guideline.key, (folder.parent.name, folder.name), ("/id", "/release"), strict=True):
        if stated != name:
            detail = f"{stated} must be the name of the folder, which is {name}"
            raise ContentError([ContentFault(str(folder / "guideline.yaml"), path, detail)])
    return guideline


def _documents(files: Iterable[Path], read: Callable[[Path], Any]) -> Iterator[Any]:
    """Yield the content of each file that can be read. Loading reports the fault of one that cannot."""
    for file in files:
        with suppress(ContentError):
            yield read(file)


def _selected(folder: Path, only: Sequence[str]) -> list[str]:
    """Return the ids to load. Raises ContentError if there are none, or if `only` names one without a folder."""
    ids = sorted({release.parent.name for release in folder.glob("*/*/")})
    if not ids:
        raise ContentError([ContentFault(str(folder), "", "no guideline in this folder")])
    if unknown := [name for name in only if name not in ids]:
        detail = f"GUIDELINES names {', '.join(unknown)}, which is not in this folder; there is: {', '.join(ids)}"
        raise ContentError([ContentFault(str(folder), "", detail)])
    return list(dict.fromkeys(only)) or ids


def _default(folder: Path, ids: Sequence[str]) -> str:
    """Return the default of index.yaml if it is loaded, else the first id."""
    file = folder / "index.yaml"
    if not file.exists():
        return ids[0]
    index = read_yaml(file)
    default = index.get("default") if isinstance(index, dict) and len(index) == 1 else None
    if not isinstance(default, str) or not default:
        raise ContentError([ContentFault(str(file), "", "it holds `default: <id of a guideline>` and nothing else")])
    if not any((folder / default).glob("*/")):
        detail = f"there is no guideline {default} in this folder"
        raise ContentError([ContentFault(str(file), "/default", detail)])
    return default if default in ids else ids[0]


def _shared_faults(content: Path, library: Library) -> list[ContentFault]:
    """Return the faults of the newest cards of the guidelines against each other."""
    newest = {name: guideline.cards for name in library.guidelines if (guideline := library.newest(name))}
    offered = {name: cards for name, cards in newest.items() if cards is not None}
    return [
        ContentFault(str(content / "guidelines" / name / max(library.guidelines[name]) / "cards.yaml"), path, detail)
        for name, path, detail in shared_faults(offered)
    ]


def _is_about_records(file: Path, folder: Path) -> bool:
    """Return whether a file says how records are read: like a new code, that makes no new release."""
    return file == folder / "extraction.yaml" or file.parent == folder / RECORD_CASES
