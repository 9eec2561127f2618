"""Small tolerant accessors on FHIR resources as plain dicts: what is missing or of a wrong type reads as absent.

Hospitals send an object where a list belongs, empty codings, bundles without a type, plain strings where DSTU2 had
them. None of these raises here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from service.facts.json_body import Json

Resource = dict[str, Any]

SHOWN = 128
"""Longest text of a resource that is repeated back."""

MAX_NESTING = 16
"""Bundles inside bundles beyond which nothing is looked for; the body itself is limited to 64 levels."""

ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ABSENT_SYSTEMS = (
    "http://terminology.hl7.org/CodeSystem/data-absent-reason",
    "http://hl7.org/fhir/data-absent-reason",
    "http://terminology.hl7.org/CodeSystem/v3-NullFlavor",
    "http://hl7.org/fhir/v3/NullFlavor",
)


class Coding(NamedTuple):
    """One code of a concept; a member that is missing is empty."""

    system: str
    code: str
    display: str

    @property
    def token(self) -> str:
        """The code as a FHIR search writes it, `system|code`."""
        return f"{self.system[:SHOWN]}|{self.code[:SHOWN]}"


INCOMPLETE = frozenset(
    (
        *("incomplete", "suppressed", "timeout", "throttled", "too-costly", "transient", "exception", "lock-error"),
        *("no-store", "security", "login", "expired", "forbidden"),
    )
)
"""Codes of an issue that say that results are missing, whatever its severity."""
HARMLESS = frozenset({"warning", "information", "success"})
"""Severities of an issue that is no failure."""
SUCCESS = range(200, 300)
"""HTTP statuses of an answered query."""
NOT_MATCHES = frozenset({"include", "outcome"})
"""Modes of an entry that a search did not ask for."""


class Envelope(NamedTuple):
    """What a bundle says of a version; `history` is the number of a bundle that lists versions, the newest first."""

    entry: Resource
    history: int | None
    order: int
    """The place among all entries sent."""


NO_ENVELOPE = Envelope({}, None, 0)


class Entry(NamedTuple):
    """A resource, its type, the address that its bundle gives it, and where in the request it stood."""

    resource: Resource
    type: str
    full_url: str
    path: str
    envelope: Envelope = NO_ENVELOPE

    @property
    def label(self) -> str:
        """What remarks call the resource: its type and id, or where it stood."""
        if not self.type:
            return self.path or "request"
        return f"{self.type}/{string(self.resource.get('id')) or self.full_url or self.path}"[:SHOWN]


def objects(value: Json) -> list[Resource]:
    """The objects of a list; an object alone is a list of one."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def first_object(value: Json) -> Resource:
    """Return the object, or the first of a list; an empty one where there is none."""
    return next(iter(objects(value)), {})


def string(value: Json) -> str:
    """A text, or the empty one."""
    return value.strip() if isinstance(value, str) else ""


def type_of(resource: Json) -> str:
    """The type of a resource, or the empty text."""
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    return kind.strip() if isinstance(kind, str) else ""


def codings(concept: Json) -> list[Coding]:
    """Return the codes of a CodeableConcept, a list of them, or a bare Coding. Codings without a code are left out."""
    return [
        Coding(string(coding.get("system")), code, string(coding.get("display")))
        for item in objects(concept)
        for coding in (objects(item["coding"]) if "coding" in item else (item,))
        if (code := string(coding.get("code")))
    ]


def texts(concept: Json) -> list[str]:
    """The texts of a concept: its own, then the displays of its codes."""
    if isinstance(concept, str):
        return [concept] if concept.strip() else []
    phrases = [string(item.get("text")) for item in objects(concept)]
    phrases += [
        string(coding.get("display")) for item in objects(concept) for coding in objects(item.get("coding")) or [item]
    ]
    return [text for text in dict.fromkeys(phrases) if text]


def word(value: Json) -> str:
    """A status: a plain word, or the first code of a concept (R4 made concepts of what DSTU2 sent as words)."""
    if isinstance(value, str):
        return value.strip().lower()
    if value is None:
        return ""
    return next((coding.code.lower() for coding in codings(value)), "")


def is_absent(value: Json) -> bool:
    """Whether a value only says why there is none (data-absent-reason as extension or as code)."""
    if not isinstance(value, dict | list):
        return False
    if "extension" not in value and "coding" not in value and isinstance(value, dict):  # such as a Quantity
        return string(value.get("system")) in ABSENT_SYSTEMS and bool(string(value.get("code")))
    if any(string(extension.get("url")) == ABSENT_REASON for extension in extensions(value, ABSENT_REASON)):
        return True
    codes = codings(value)
    return bool(codes) and all(coding.system in ABSENT_SYSTEMS for coding in codes)


def choice(resource: Resource, name: str) -> tuple[str, Json]:
    """The element value[x] that a resource has, and its name; ("", None) without one or with a reason instead."""
    for element, value in resource.items():
        if element.startswith(name) and element[len(name) : len(name) + 1].isupper():
            return (element, value) if value is not None and not is_absent(value) else ("", None)
    return "", None


def extensions(element: Json, ending: str) -> list[Resource]:
    """The extensions whose URL ends so (mCODE renamed its bases from release to release)."""
    return [
        extension
        for item in objects(element)
        for extension in objects(item.get("extension"))
        if string(extension.get("url")).endswith(ending)
    ]


def extension_codings(*elements: Json) -> list[Coding]:
    """Return the codes that extensions of these elements, or of their codings, hold.

    A code without a system is of the system that the address of its extension stands for.
    """
    codes: list[Coding] = []
    for element in elements:
        for item in objects(element):
            for holder in (item, *objects(item.get("coding"))):
                for extension in objects(holder.get("extension")):
                    value = choice(extension, "value")[1]
                    values = [Coding("", string(value), "")] if isinstance(value, str) else codings(value)
                    address = string(extension.get("url"))
                    codes += [code if code.system else code._replace(system=address) for code in values if code.code]
    return codes


def reference(value: Json) -> str:
    """The text of a Reference; empty for one by identifier or display only."""
    if isinstance(value, dict):
        return string(value.get("reference"))
    return next((string(item.get("reference")) for item in objects(value)), "")


def local(text: str) -> tuple[str, str]:
    """Type and id that a reference names, without base URL and version; the type may be empty (urn:uuid:…)."""
    if text.lower().startswith(("urn:uuid:", "urn:oid:")):
        return "", text.split(":", 2)[2]
    parts = [part for part in text.split("?", maxsplit=1)[0].split("/") if part]
    if "_history" in parts:
        parts = parts[: parts.index("_history")]
    if not parts:
        return "", ""
    return (parts[-2] if len(parts) > 1 else ""), parts[-1]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request brought: every resource, every bundle that it stood in, and what was deleted or refused."""

    entries: list[Entry]
    bundles: list[Resource]
    deleted: list[Entry]
    """Entries that delete a resource, as (type, id) or as a search; they hold none."""
    unanswered: list[str]
    """Paths of entries that answer a query with an error and nothing else."""


def read_sent(tree: Json) -> Sent:
    """Return every resource of a bundle, a list, or a bundle in a bundle, in the order sent.

    What stands in the place of a resource and is none comes as an empty one, so that it can be reported.
    """
    sent = Sent([], [], [], [])
    _read_tree(tree, "", 0, sent)
    return sent


def _read_tree(tree: Json, path: str, nesting: int, sent: Sent) -> None:
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            _read_tree(item, f"{path}[{index}]", nesting, sent)
        return
    kind = type_of(tree)
    if kind != "Bundle" or nesting >= MAX_NESTING:
        sent.entries.append(Entry(as_r4(tree) if kind else {}, kind, "", path))
        return
    sent.bundles.append(tree)
    entries = tree.get("entry", [])
    history = len(sent.bundles) if tree.get("type") == "history" else None
    prefix = f"{path}{'.' if path else ''}entry["
    for index, entry in enumerate(entries if isinstance(entries, list) else [entries]):
        _read_entry(entry, f"{prefix}{index}]", nesting, sent, history)


def _read_entry(entry: Json, path: str, nesting: int, sent: Sent, history: int | None) -> None:
    content = entry if isinstance(entry, dict) else {"resource": None}
    full_url = string(content.get("fullUrl"))
    envelope = NO_ENVELOPE
    if history is not None or "response" in content or "request" in content:
        envelope = Envelope(content, history, len(sent.entries) + len(sent.deleted))
    if "response" in content:
        outcome: Json = first_object(content["response"]).get("outcome")
        if kind := type_of(outcome):
            sent.entries.append(Entry(outcome, kind, "", path))
        elif is_unanswered(content):
            sent.unanswered.append(path)
            return
    if "request" in content and _deletes(request := first_object(content["request"])):
        address = string(request.get("url")) or full_url
        sent.deleted.append(Entry({}, "", address, path, envelope))
    elif "resource" in content:
        resource: Json = content["resource"]
        kind = type_of(resource)
        if kind == "Bundle":
            _read_tree(resource, path, nesting + 1, sent)
        else:
            sent.entries.append(Entry(as_r4(resource) if kind else {}, kind, full_url, path, envelope))


def _deletes(request: Resource) -> bool:
    return string(request.get("method")).upper() == "DELETE"


def is_unanswered(entry: Json) -> bool:
    """Return whether an entry of a batch is a query that was refused or went wrong, and holds nothing."""
    if not isinstance(entry, dict) or entry.get("resource") is not None:
        return False
    status = string(first_object(entry.get("response")).get("status"))[:3]
    return status.isdigit() and int(status) not in SUCCESS


def is_partial(bundles: Iterable[Resource]) -> bool:
    """Return whether any page of a search or a history is missing: by its links, or by its total.

    Pages that were all sent belong together by their links.
    """
    bundles = list(bundles)
    links_by_bundle = [_links(bundle) for bundle in bundles]
    pages = {links["self"] for links in links_by_bundle if "self" in links}
    counts: list[int] = []
    totals: list[Json] = []
    for bundle, links in zip(bundles, links_by_bundle, strict=True):
        if any(name in links and links[name] not in pages for name in ("next", "previous")):
            return True
        total = bundle.get("total")
        count = 0 if total is None else _match_count(bundle)
        if "next" in links or "previous" in links:
            counts.append(count)
            totals.append(total)
        elif is_total_larger(total, count):
            return True
    return any(is_total_larger(total, sum(counts)) for total in totals)


def is_total_larger(total: Json, count: int) -> bool:
    """Return whether a bundle says that it found more than so many."""
    return isinstance(total, int | float) and not isinstance(total, bool) and total > count


def _links(bundle: Resource) -> dict[str, str]:
    """Return the addresses of a page and of the pages beside it, by relation; an empty address is known to nobody."""
    addresses: dict[str, str] = {}
    for link in objects(bundle.get("link")):
        relation = string(link.get("relation")).lower()
        address = string(link.get("url"))
        if address or relation == "next":
            addresses["previous" if relation == "prev" else relation] = address
    return addresses


def _match_count(bundle: Resource) -> int:
    """Return how many entries of a page the search asked for."""
    entries = objects(bundle.get("entry"))
    return sum(
        ("search" not in entry or string(first_object(entry["search"]).get("mode")) not in NOT_MATCHES)
        and type_of(entry.get("resource")) != "OperationOutcome"
        for entry in entries
    )


def failed(resource: Json) -> bool:
    """Return whether an OperationOutcome tells of an error, or says that results are missing; one of no issue does."""
    if type_of(resource) != "OperationOutcome":
        return False
    issues = objects(resource.get("issue"))
    return not issues or any(_is_failure(issue) or is_incomplete(issue) for issue in issues)


def _is_failure(issue: Resource) -> bool:
    return word(issue.get("severity")) not in HARMLESS


def is_incomplete(issue: Resource) -> bool:
    """Return whether an issue says that results are missing, whatever its severity."""
    return word(issue.get("code")) in INCOMPLETE


# ---- FHIR R5


def as_r4(resource: Resource) -> Resource:
    """Return a resource with the members of R5 that R4 names otherwise under their names of R4."""
    if R5_MEMBERS.isdisjoint(resource):
        return resource
    renamed = dict(resource)
    taking = word(first_object(resource.get("adherence")).get("code"))
    renamed |= next(({"status": status} for prefix, status in ADHERENCE.items() if taking.startswith(prefix)), {})
    for name, (concept, pointer) in R5_REFERENCES.items():
        value = resource.get(name)
        parts = objects(value)
        if not any("concept" in part or "reference" in part for part in parts):
            continue
        concepts = [part["concept"] for part in parts if "concept" in part]
        pointers = [
            part["reference"] if isinstance(part["reference"], dict) else part for part in parts if "reference" in part
        ]
        several = isinstance(value, list)
        if concepts and concept not in resource:
            renamed[concept] = concepts if several else concepts[0]
        if pointers and pointer not in resource:
            renamed[pointer] = pointers if several else pointers[0]
    return renamed


R5_REFERENCES = {
    "medication": ("medicationCodeableConcept", "medicationReference"),
    "reason": ("reasonCode", "reasonReference"),
}
"""Member of R5 that holds concepts and references -> the members of R4 that hold them apart."""
R5_MEMBERS = frozenset(R5_REFERENCES)
ADHERENCE = {"taking": "active", "not-taking": "not-taken", "stopped": "stopped", "on-hold": "on-hold"}
"""How the adherence of a recorded medication begins -> its status in R4."""
