"""Read the body of a CDS Hooks call. Only the members that the service uses are checked; others are ignored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.cds_hooks.prefetch_data import FHIR_ID
from service.facts.json_body import Document, Json, pointer
from service.facts.refusal import Fault, FaultsError, repeated_keys

ORDER_SELECT = "order-select"
ORDER_HOOKS = (ORDER_SELECT, "order-sign")
MAX_DRAFTS = 500
"""Entries of draftOrders. The largest order set has a few dozen."""

PER_CALL_MEMBERS = (b'"hookInstance"', b'"access_token"')
"""Members that are new in each call and do not change the answer, as long as no FHIR server is called."""
PLAIN_TEXT = re.compile(rb'\s*:\s*"([A-Za-z0-9._~+/=-]+)"')
"""A value of such a member that passes every check, without escapes."""


@dataclass(frozen=True)
class HookCall:
    """The members of a call. The token is in no representation."""

    patient: str
    prefetch: Mapping[str, Json]
    drafts: Mapping[str, Any]
    selections: tuple[str, ...] | None
    fhir_server: str | None
    token: str | None = field(default=None, repr=False)
    """The access token, or None if the call has none."""
    is_token_usable: bool = True
    """False if there is an authorization whose token cannot be sent on."""


def read_call(document: Document, hook: str) -> HookCall:
    """Return the call of a parsed body. Raises FaultsError."""
    tree = document.tree
    if not isinstance(tree, dict):
        raise FaultsError([Fault("", "invalid_value", "A call is a JSON object.")])
    if document.has_repeats:
        raise FaultsError(repeated_keys(tree))
    reader = _CallReader(tree, hook)
    call = reader.call()
    if reader.faults:
        raise FaultsError(reader.faults)
    return call


def names_no_patient(tree: Json, faults: list[Fault]) -> bool:
    """Return whether the only fault is that a call without prefetch names no patient.

    The examples of the specification do so: an item is missing, but no rule is broken.
    """
    return (
        isinstance(tree, dict)
        and [fault.pointer for fault in faults] == ["/context/patientId"]
        and "patientId" not in tree["context"]
        and "prefetch" not in tree
    )


def stable_parts(body: bytes) -> list[bytes]:
    """Return the parts of a body that stay the same when the call is repeated: all but its id and its token.

    If two bodies have the same parts and one is a good call, then the other is a good call and means the same. They
    differ only in plain texts of which the service reads no more than that they are there or can be sent on. A name
    that occurs twice in the body, or in an escaped spelling, is not cut out.
    """
    spans = []
    for name in PER_CALL_MEMBERS:
        start = body.find(name)
        # After a backslash the quotation mark is part of a longer name.
        if start < 1 or body[start - 1 : start] == b"\\" or body.find(name, start + 1) >= 0:
            continue
        if match := PLAIN_TEXT.match(body, start + len(name)):
            spans.append(match.span(1))
    parts, begin = [], 0
    for start, end in sorted(spans):
        parts.append(body[begin:start])
        begin = end
    return [*parts, body[begin:]]


class _CallReader:
    def __init__(self, tree: Mapping[str, Json], hook: str) -> None:
        self.tree = tree
        self.hook = hook
        self.faults: list[Fault] = []

    def call(self) -> HookCall:
        if self.tree.get("hook") != self.hook:
            self.fault(f"This service answers the hook {self.hook}; say so in hook.", "hook")
        if not _is_text(self.tree.get("hookInstance")):
            self.fault("hookInstance is a text that is not empty (a UUID).", "hookInstance")
        context = self.tree.get("context")
        if not isinstance(context, dict):
            self.fault("context is an object.", "context")
            context = None
        drafts, selections = self.orders(context) if self.hook in ORDER_HOOKS else ({}, None)
        server, token, usable = self.server()
        prefetch = self.tree.get("prefetch")
        if not isinstance(prefetch, dict | None):
            self.fault("prefetch is an object.", "prefetch")
            prefetch = None
        patient = self.patient(context)
        return HookCall(patient, prefetch or {}, drafts, selections, server, token, usable)

    def patient(self, context: Mapping[str, Json] | None) -> str:
        if context is None:
            return ""
        if not _is_text(context.get("userId")):
            self.fault("context.userId is a text that is not empty, such as Practitioner/123.", "context", "userId")
        patient = context.get("patientId")
        # "." and ".." are parts of a path: Patient/. would be the list of all patients.
        if isinstance(patient, str) and FHIR_ID.fullmatch(patient):
            return patient
        detail = "context.patientId is the bare id of a Patient: 1 to 64 of A-Z a-z 0-9 - and the full stop."
        self.fault(detail, "context", "patientId")
        return ""

    def orders(self, context: Mapping[str, Json] | None) -> tuple[Mapping[str, Any], tuple[str, ...] | None]:
        if context is None:
            return {}, None
        drafts = context.get("draftOrders")
        if not isinstance(drafts, dict) or drafts.get("resourceType", "Bundle") != "Bundle":
            self.fault("context.draftOrders is a Bundle.", "context", "draftOrders")
            drafts = {}
        entries = drafts.get("entry")
        if isinstance(entries, list) and len(entries) > MAX_DRAFTS:
            self.fault(f"draftOrders has at most {MAX_DRAFTS} entries.", "context", "draftOrders", "entry")
            drafts = {}
        if self.hook != ORDER_SELECT:
            return drafts, None
        selections = context.get("selections")
        if not isinstance(selections, list) or not all(isinstance(name, str) for name in selections):
            self.fault("context.selections is a list of references into draftOrders.", "context", "selections")
            selections = []
        return drafts, tuple(selections)

    def server(self) -> tuple[str | None, str | None, bool]:
        server, authorization = self.tree.get("fhirServer"), self.tree.get("fhirAuthorization")
        if server is not None and not _is_text(server):
            self.fault("fhirServer is a URL.", "fhirServer")
            server = None
        if authorization is None:
            return server, None, True
        if not isinstance(authorization, dict):
            self.fault("fhirAuthorization is an object.", "fhirAuthorization")
            return server, None, False
        if server is None:
            self.fault("With fhirAuthorization, fhirServer says where it holds.", "fhirServer")
        token = authorization.get("access_token")
        if isinstance(token, str) and token and token.isascii() and token.isprintable() and " " not in token:
            return server, token, True
        return server, None, False

    def fault(self, detail: str, *path: str) -> None:
        self.faults.append(Fault(pointer(*path), "invalid_value", detail))


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value.strip())
