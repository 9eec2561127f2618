"""The ways to call: nobody is asked who they are, keys, tokens."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.trust.stand import Service, service


@dataclass(frozen=True)
class Access:
    """One way to call."""

    name: str
    by_design: frozenset[str] = frozenset()
    """Statuses by which it refuses a call while a fault lasts, as designed; they are counted apart."""

    def credentials(self, up: Service) -> Any:
        """What the load needs to call."""
        del up
        return None

    @contextlib.contextmanager
    def service(self, folder: Path, environment: dict[str, str]) -> Iterator[Service]:
        """A service that is called this way."""
        with service(folder, **{"AUTH": "none"} | environment) as up:
            yield up


def modes() -> list[Access]:
    """All of them."""
    return [Access("none")]
