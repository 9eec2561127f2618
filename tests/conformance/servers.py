"""Real services for the checklist: one with AUTH=none, one with AUTH=clients and two clients in its registry."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.checklist import Target
from tests.conformance.party import Party, registry
from tests.conformance.stand_in import Asked, Said, standing_in
from tests.conformance.wire import Wire
from tests.conftest import Server, serving

ORIGIN = "https://sandbox.example"
JKU, PLAIN = "https://127.0.0.1:1/fhir", "https://oncology.example"  # nobody listens at the first


@contextlib.contextmanager
def open_service(folder: Path, redis: str, origin: str = ORIGIN) -> Iterator[Target]:
    """A service that anybody on this machine may ask."""
    folder.mkdir(parents=True, exist_ok=True)
    with serving(folder, AUTH="none", REDIS_URL=redis, CORS_ORIGINS=origin) as server:
        yield Target(Wire(server.url), server.url, origin, alive=lambda: server.process.poll() is None, log=server.log)


@contextlib.contextmanager
def guarded_service(
    folder: Path, redis: str, public_url: str | None = None, origin: str = ORIGIN
) -> Iterator[tuple[Target, Server]]:
    """A service that only the clients of its registry may ask."""
    folder.mkdir(parents=True, exist_ok=True)
    fetched: list[str] = []

    def keys(asked: Asked) -> Said:
        fetched.append(asked.path)
        return Said(body=party.jwks())

    party, plain = Party(JKU, f"{JKU}/jwks"), Party(PLAIN)
    clients = registry(folder / "clients.json", party, plain)
    named = {"PUBLIC_URL": public_url} if public_url else {}
    with (
        standing_in(keys) as strange,
        serving(
            folder,
            AUTH="clients",
            CLIENTS_FILE=str(clients),
            REDIS_URL=redis,
            CORS_ORIGINS=origin,
            RATE_LIMIT="off",
            **named,
        ) as server,
    ):
        target = Target(Wire(server.url), public_url or server.url, origin, party, plain)
        target.fetched, target.strange_jku = fetched, f"{strange.url}/jwks"
        target.alive, target.log = lambda: server.process.poll() is None, server.log
        yield target, server
