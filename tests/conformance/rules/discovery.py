"""The document that GET /cds-services answers (§discovery)."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from tests.conformance.rules.hooks import HOOKS
from tests.conformance.rules.violation import (
    Json,
    Member,
    Violation,
    items,
    members,
    nothing_empty,
    pointer,
    unknown_members,
)

SERVICE = (
    Member("hook", "string", required=True, rule="§response.hook"),
    Member("description", "string", required=True, rule="§response.description"),
    Member("id", "string", required=True, rule="§response.id"),
    Member("title", "string", required=False, rule="§response.title"),
    Member("prefetch", "object", required=False, rule="§response.prefetch"),
    Member("usageRequirements", "string", required=False, rule="§response.usageRequirements"),
    Member("version", "string", required=False, rule="§response.version"),
    Member("hookVersion", "string", required=False, rule="§response.hookVersion"),
)
SEMVER = re.compile(r"\d+\.\d+(\.\d+)?(-[0-9A-Za-z.-]+)?")
TOKEN = re.compile(r"\{\{(.*?)\}\}")
USER_TOKENS = frozenset({"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"})
RESULT_PARAMETERS = frozenset({"_count", "_sort"})
SEARCH_PARAMETERS = frozenset({"_id", "_lastUpdated"})  # a token and a date parameter like any other
OTHER_PREFIX = re.compile(r"(ne|sa|eb|ap)\d{4}")


def discovery(document: Json) -> Iterator[Violation]:
    """The rules of a discovery document."""
    table = (Member("services", "array", required=True, rule="§discovery.services"),)
    yield from nothing_empty(document, allowed=lambda at: at == "/services")
    yield from members(document, "", table, "§discovery")
    seen = set()
    for service, at in items(document, "", "services"):
        yield from members(service, at, SERVICE, "§response")
        yield from unknown_members(service, at, SERVICE)
        if isinstance(service, dict):
            yield from _service(service, at)
            name = (str(service.get("hook")), str(service.get("id")))
            if name in seen:
                yield Violation(pointer(at, "id"), "§update-stale-guidance", "An id may stand only once for each hook.")
            seen.add(name)


def _service(service: dict[str, Json], at: str) -> Iterator[Violation]:
    if "title" not in service:
        yield Violation(pointer(at, "title"), "§response.title", "A title is recommended.", must=False)
    if isinstance(service.get("id"), str) and not re.fullmatch(r"[A-Za-z0-9._~-]+", service["id"]):
        yield Violation(pointer(at, "id"), "§response.id", "The id is part of a URL and needs no escaping there.")
    if isinstance(service.get("version"), str) and not SEMVER.fullmatch(service["version"]):
        yield Violation(pointer(at, "version"), "§response.version", "version must be a semantic version.")
    prefetch = service.get("prefetch")
    for key, template in prefetch.items() if isinstance(prefetch, dict) else ():
        place = pointer(pointer(at, "prefetch"), key)
        if isinstance(template, str):
            yield from _tokens(template, str(service.get("hook")), place)
            yield from _query(template, place)
        else:
            yield Violation(place, "§prefetch-template", "A template must be a string.")


def _tokens(template: str, hook: str, at: str) -> Iterator[Violation]:
    rest = TOKEN.sub("", template)
    if "{" in rest or "}" in rest:
        yield Violation(at, "§prefetch-tokens", "A token must be written {{name}}.")
    for token in TOKEN.findall(template):
        root, dot, name = token.partition(".")
        if token in USER_TOKENS:
            continue
        if root != "context" or not dot:
            yield Violation(at, "§prefetch-tokens", f"{{{{{token}}}}} is no token of 2.0.1.")
        elif "." in name or not re.fullmatch(r"\w+", name):
            yield Violation(
                at, "§prefetch-tokens", f"{{{{{token}}}}} is nested; a token names a root member of the context."
            )
        elif hook in HOOKS and name not in HOOKS[hook].tokens:
            yield Violation(at, "§prefetch-tokens", f"The context of {hook} has no primitive member {name}.")


def _query(template: str, at: str) -> Iterator[Violation]:
    """I-58: the recommended subset of FHIR read and search."""
    path, question, query = TOKEN.sub("x", template).partition("?")
    if not re.fullmatch(r"[A-Z][A-Za-z]+" if question else r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]+", path):
        yield Violation(
            at, "I-58", "A template reads an instance or searches a type, relative to fhirServer.", must=False
        )
    for parameter in query.split("&") if question else ():
        name, _, value = parameter.partition("=")
        for fault in _parameter(name, unquote(value)):
            yield Violation(at, "I-58", f"{name}: {fault}", must=False)


def _parameter(name: str, value: str) -> Iterator[str]:
    plain, colon, modifier = name.partition(":")
    if not plain or not value:
        yield "a parameter has a name and a value."
    if "." in plain:
        yield "chained parameters are outside the recommended subset."
    if plain.startswith("_") and plain not in RESULT_PARAMETERS | SEARCH_PARAMETERS:
        yield "this parameter is outside the recommended subset."
    if colon and modifier != "in":
        yield "of the modifiers only :in is in the recommended subset."
    if OTHER_PREFIX.match(value):
        yield "of the date prefixes only eq, lt, gt, ge and le are in the recommended subset."
