"""Small tolerant accessors on FHIR resources as plain dicts: what is missing or of a wrong type reads as absent.

Hospitals send an object where a list belongs, empty codings, bundles without a type, plain strings where DSTU2 had
them. None of these raises here.
"""

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


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource, its type, the address that its bundle gives it, and where in the request it stood."""

    resource: Resource
    type: str
    full_url: str
    path: str


def objects(value: Json) -> list[Resource]:
    """The objects of a list; an object alone is a list of one."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


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
    found = [string(item.get("text")) for item in objects(concept)]
    found += [
        string(coding.get("display")) for item in objects(concept) for coding in objects(item.get("coding")) or [item]
    ]
    return [text for text in dict.fromkeys(found) if text]


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
    if any(string(each.get("url")) == ABSENT_REASON for each in extensions(value, ABSENT_REASON)):
        return True
    said = codings(value)
    return bool(said) and all(coding.system in ABSENT_SYSTEMS for coding in said)


def choice(resource: Resource, name: str) -> tuple[str, Json]:
    """The element value[x] that a resource has, and its name; ("", None) without one or with a reason instead."""
    for element, value in resource.items():
        if element.startswith(name) and element[len(name) : len(name) + 1].isupper():
            return (element, value) if value is not None and not is_absent(value) else ("", None)
    return "", None


def extensions(element: Json, ending: str) -> list[Resource]:
    """The extensions whose URL ends so (mCODE renamed its bases from release to release)."""
    return [
        each
        for item in objects(element)
        for each in objects(item.get("extension"))
        if string(each.get("url")).endswith(ending)
    ]


def reference(value: Json) -> str:
    """The text of a Reference; empty for one by identifier or display only."""
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
    """What a request brought: every resource, and every bundle that it stood in."""

    entries: list[Entry]
    bundles: list[Resource]


def read_sent(tree: Json) -> Sent:
    """Return every resource of a bundle, a list, or a bundle in a bundle, in the order sent.

    What stands in the place of a resource and is none comes as an empty one, so that it can be reported.
    """
    sent = Sent([], [])
    _read_tree(tree, "", 0, sent)
    return sent


def _read_tree(tree: Json, path: str, nesting: int, sent: Sent) -> None:
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            _read_tree(item, f"{path}[{index}]", nesting, sent)
        return
    kind = type_of(tree)
    if kind != "Bundle" or nesting >= MAX_NESTING:
        sent.entries.append(Entry(tree if kind else {}, kind, "", path))
        return
    sent.bundles.append(tree)
    listed = tree.get("entry", [])
    prefix = f"{path}{'.' if path else ''}entry["
    for index, entry in enumerate(listed if isinstance(listed, list) else [listed]):
        _read_entry(entry, f"{prefix}{index}]", nesting, sent)


def _read_entry(entry: Json, path: str, nesting: int, sent: Sent) -> None:
    content = entry if isinstance(entry, dict) else {"resource": None}
    response: Json = content.get("response")
    outcome: Json = response.get("outcome") if isinstance(response, dict) else None
    if kind := type_of(outcome):
        sent.entries.append(Entry(outcome, kind, "", path))
    if "resource" not in content:
        return
    resource: Json = content["resource"]
    kind = type_of(resource)
    if kind == "Bundle":
        _read_tree(resource, path, nesting + 1, sent)
    else:
        sent.entries.append(Entry(resource if kind else {}, kind, string(content.get("fullUrl")), path))


def has_more(bundle: Resource) -> bool:
    """Whether a bundle is one page of several."""
    return any(string(link.get("relation")) == "next" for link in objects(bundle.get("link")))


def failed(resource: Json) -> bool:
    """Whether a resource is an OperationOutcome that tells of an error: a query that failed found nothing out."""
    return type_of(resource) == "OperationOutcome" and any(
        word(issue.get("severity")) in {"error", "fatal"} for issue in objects(resource.get("issue"))
    )
