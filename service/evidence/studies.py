"""The files of studies, as they may be shown."""

from typing import Any


def displayable(part: Any) -> Any:
    """Return a study's file, or a part of it, without the groups that are marked `display: never`."""
    if isinstance(part, dict):
        return {name: displayable(value) for name, value in part.items() if not _is_hidden(value)}
    return [displayable(item) for item in part if not _is_hidden(item)] if isinstance(part, list) else part


def _is_hidden(part: Any) -> bool:
    return isinstance(part, dict) and part.get("display") == "never"
