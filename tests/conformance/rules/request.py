"""The body of POST /cds-services/{id} (§http-request_1)."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from tests.conformance.rules.hooks import HOOKS
from tests.conformance.rules.violation import (
    Json,
    Member,
    Violation,
    is_reference,
    items,
    members,
    nothing_empty,
    pointer,
)

BEARER = "Bearer"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
REQUEST = (
    Member("hook", "string", required=True, rule="§http-request.hook"),
    Member("hookInstance", "uuid", required=True, rule="§http-request.hookInstance"),
    Member("context", "object", required=True, rule="§http-request.context"),
    Member("fhirServer", "url", required=False, rule="§http-request.fhirServer"),
    Member("fhirAuthorization", "object", required=False, rule="§fhir-resource-access"),
    Member("prefetch", "object", required=False, rule="§http-request.prefetch"),
)
AUTHORIZATION = (
    Member("access_token", "string", required=True, rule="§fhir-resource-access.access_token"),
    Member("token_type", "string", required=True, rule="§fhir-resource-access.token_type"),
    Member("expires_in", "integer", required=True, rule="§fhir-resource-access.expires_in"),
    Member("scope", "string", required=True, rule="§fhir-resource-access.scope"),
    Member("subject", "string", required=True, rule="§fhir-resource-access.subject"),
)


def request(body: Json, service: Mapping[str, Json] | None = None) -> Iterator[Violation]:
    """The rules of a request; with the entry of the discovery document also those that tie the two together."""
    yield from nothing_empty(body, allowed=lambda at: at.rpartition("/")[0] == "/prefetch")
    yield from members(body, "", REQUEST, "§http-request")
    if not isinstance(body, dict):
        return
    yield from _access(body)
    yield from _context(body)
    yield from _prefetch(body)
    if service is not None:
        yield from _as_advertised(body, service)


def _access(body: dict[str, Json]) -> Iterator[Violation]:
    server, granted = body.get("fhirServer"), body.get("fhirAuthorization")
    if granted is not None:
        if "fhirServer" not in body:
            yield Violation("/fhirServer", "§http-request.fhirServer", "fhirAuthorization needs fhirServer.")
        yield from members(granted, "/fhirAuthorization", AUTHORIZATION, "§fhir-resource-access")
    if isinstance(granted, dict):
        if isinstance(granted.get("token_type"), str) and granted["token_type"] != BEARER:
            yield Violation(
                "/fhirAuthorization/token_type", "§fhir-resource-access.token_type", "token_type must be Bearer."
            )
        if "patient/" in str(granted.get("scope")) and "patient" not in granted:
            yield Violation(
                "/fhirAuthorization/patient", "§fhir-resource-access.patient", "A patient scope names its patient.",
                must=False,
            )  # fmt: skip
    if isinstance(server, str) and server.startswith("http://") and urlsplit(server).hostname not in LOOPBACK:
        yield Violation(
            "/fhirServer", "§security-and-safety", "In production a FHIR server is reached by https.", must=False
        )


def _context(body: dict[str, Json]) -> Iterator[Violation]:
    context, hook = body.get("context"), HOOKS.get(str(body.get("hook")))
    if not isinstance(context, dict) or hook is None:
        return
    yield from members(context, "/context", hook.context, "§http-request.context")
    user = context.get("userId")
    if isinstance(user, str) and is_reference(user) and not is_reference(user, *hook.users):
        yield Violation("/context/userId", "§context.userId", f"userId must name one of {', '.join(hook.users)}.")
    orders = context.get("draftOrders")
    held = {
        f"{resource.get('resourceType')}/{resource.get('id')}"
        for entry, _ in items(orders, "", "entry")
        if isinstance(entry, dict) and isinstance(resource := entry.get("resource"), dict)
    }
    for selection, at in items(context, "/context", "selections"):
        if not isinstance(selection, str) or not is_reference(selection):
            yield Violation(at, "§context.selections", "A selection must be a reference [Type]/[id].")
        elif selection not in held:
            yield Violation(at, "§context.selections", "A selection must name one of draftOrders.")


def _prefetch(body: dict[str, Json]) -> Iterator[Violation]:
    prefetch = body.get("prefetch")
    for key, value in prefetch.items() if isinstance(prefetch, dict) else ():
        if value is not None and not (isinstance(value, dict) and isinstance(value.get("resourceType"), str)):
            yield Violation(
                pointer("/prefetch", key), "§prefetch-template", "A prefetched value is a FHIR resource or null."
            )


def _as_advertised(body: dict[str, Json], service: Mapping[str, Json]) -> Iterator[Violation]:
    if body.get("hook") != service.get("hook"):
        yield Violation("/hook", "§http-request.hook", "hook must be the one that the service is advertised for.")
    prefetch = body.get("prefetch")
    for key in prefetch.keys() - service.get("prefetch", {}).keys() if isinstance(prefetch, dict) else ():
        yield Violation(pointer("/prefetch", key), "§prefetch", "The service asks for no such key.")
