"""Sources in sentences: {cite:ID} becomes the first author, or the body, and the year."""

import re
from collections.abc import Mapping
from typing import Any

from service.knowledge.model import Citation

_PLACEHOLDER = re.compile(r"\{cite:([^{}]+)\}")
_SURNAME = re.compile(r"(.+?)(?: [A-Z][A-Za-z-]{0,3})?(?:,| et al|;| &| \.\.\.|$)")
"""The first author of a list: the surname without the initials behind it."""


class CitingError(ValueError):
    """A source that does not exist, or that has no name to be called by."""


def with_sources(data: Any, citations: Mapping[str, Citation], names: Mapping[str, str]) -> Any:
    """Return the YAML data with every {cite:ID} replaced; `names` win over authors. Raises CitingError."""
    if isinstance(data, str):
        return _PLACEHOLDER.sub(lambda match: _name(match[1], citations, names), data) if "{cite:" in data else data
    if isinstance(data, list):
        return [with_sources(item, citations, names) for item in data]
    if isinstance(data, dict):
        return {key: with_sources(item, citations, names) for key, item in data.items()}
    return data


def source_name(citation: Citation, names: Mapping[str, str]) -> str | None:
    """Return what a source is called in a sentence: its name in `names`, or the first author and the year."""
    if citation.id in names:
        return names[citation.id]
    author = _SURNAME.match(citation.authors or "")
    return f"{author[1]} {citation.year}" if author and citation.year else None


def _name(name: str, citations: Mapping[str, Citation], names: Mapping[str, str]) -> str:
    if name not in citations:
        raise CitingError(f"cite: no such citation: {name}")
    found = source_name(citations[name], names)
    if found is None:
        raise CitingError(f"cite: {name} has no author or no year; name it under `sources` in pages.yaml")
    return found
