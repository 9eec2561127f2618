"""Relations between what is read of a record and of the same record changed: they hold for every record.

A withdrawn resource adds nothing that it had not contradicted; an incomplete page proves no absence; a metastasis more
never leaves M0, a complication more never leaves it absent; order, addresses, bundles and equal codes change nothing.
"""

import copy
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Flask

from service.fhir.extract import Extraction
from service.knowledge.terminology import Concept, Terminology
from tests.fhir.building import (
    ATC,
    BREAST,
    CM,
    SCT,
    US,
    Resource,
    bundle,
    cancer,
    concept,
    condition,
    days_ago,
    given,
    observation,
    us,
)
from tests.trust.fuzz_cases import holds
from tests.trust.fuzz_extraction import unordered
from tests.trust.fuzz_records import PATIENT, extracted, record

Chance = random.Random
Read = Callable[[list[Any]], Extraction]
STATUS = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
PROVING = ("distant", "from_breast")
NO_METASTASIS = ("M0", "M0(i+)")
M_CATEGORIES, STAGE_GROUPS = ("m_category",), ("stage_group",)
PANEL = "85904-1"
EXAMINED_DAYS = 40
"""An examination of so many days ago still says that something is absent."""


# ---- codes


def coding(terminology: Terminology, listed: Concept, *, display: bool = False) -> Resource:
    """Return a code of a list as a record writes it."""
    uri = next(uri for uri, name in terminology.systems.items() if name == listed.system)
    return {"system": uri, "code": listed.code} | ({"display": listed.display} if display else {})


def pick(chance: Chance, terminology: Terminology, name: str, *categories: str, proofs: Sequence[str] = ()) -> Concept:
    """Return a code of a list that has one of the categories."""
    return chance.choice(
        [
            each
            for each in terminology[name].codes
            if each.category in categories and (not proofs or each.proof in proofs)
        ]
    )


def coded(chance: Chance, terminology: Terminology, name: str, *categories: str) -> Resource:
    """Return a CodeableConcept of a code of a list that has one of the categories."""
    return {"coding": [coding(terminology, pick(chance, terminology, name, *categories))]}


# ---- metastases and complications, in every form that is known by code


def metastasis(chance: Chance, terminology: Terminology, form: str, day: str | None) -> Resource:
    """Return a distant metastasis of this patient: active, not refuted, of no other cancer."""
    secondary = coded(chance, terminology, "metastases", *PROVING)
    return METASTASES[form](chance, terminology, secondary, day) | {"id": "new"}


def _secondary(chance: Chance, _: Terminology, secondary: Resource, day: str | None) -> Resource:
    made = condition(secondary, day, clinical=chance.choice(["active", "recurrence", None]))
    if chance.random() < 0.5:
        made["verificationStatus"] = concept("confirmed", system=STATUS)
    if chance.random() < 0.3:
        made["category"] = [
            concept("encounter-diagnosis", system="http://terminology.hl7.org/CodeSystem/condition-category")
        ]
    return made


def _category(chance: Chance, terminology: Terminology, _: Resource, day: str | None) -> Resource:
    code = coded(chance, terminology, "staging", *M_CATEGORIES)
    return observation(code, coded(chance, terminology, "staging", "M1"), day)


def _group(chance: Chance, terminology: Terminology, _: Resource, day: str | None) -> Resource:
    code = coded(chance, terminology, "staging", *STAGE_GROUPS)
    return observation(code, coded(chance, terminology, "staging", "stage_iv"), day)


def _category_component(chance: Chance, terminology: Terminology, _: Resource, day: str | None) -> Resource:
    part = {
        "code": coded(chance, terminology, "staging", *M_CATEGORIES),
        "valueCodeableConcept": coded(chance, terminology, "staging", "M1"),
    }
    return observation(PANEL, None, day, component=[part])


def _site(chance: Chance, terminology: Terminology, _: Resource, day: str | None) -> Resource:
    code = coded(chance, terminology, "staging", "distant_site")
    return observation(code, coded(chance, terminology, "body_sites", "bone", "liver", "lung", "brain"), day)


def _course(chance: Chance, terminology: Terminology, _: Resource, day: str | None) -> Resource:
    code = coded(chance, terminology, "disease_status", "status")
    return observation(code, coded(chance, terminology, "disease_status", "distant_metastasis"), day)


def _conclusion(_: Chance, __: Terminology, secondary: Resource, day: str | None) -> Resource:
    return report("DiagnosticReport", "conclusionCode", [secondary], day)


def _reason(chance: Chance, _: Terminology, secondary: Resource, day: str | None) -> Resource:
    kind = chance.choice(["Procedure", "Encounter", "MedicationAdministration"])
    return report(kind, "reasonCode", [secondary], day)


METASTASES: Mapping[str, Callable[[Chance, Terminology, Resource, str | None], Resource]] = {
    "secondary": _secondary,
    "category": _category,
    "group": _group,
    "component": _category_component,
    "site": _site,
    "course": _course,
    "conclusion": _conclusion,
    "reason": _reason,
}


def report(kind: str, element: str, value: Any, day: str | None) -> Resource:
    """Return a resource of another kind that names what is the matter in one of its elements."""
    made: Resource = {"resourceType": kind, "subject": {"reference": "Patient/us"}, element: value}
    made["status"] = {"Encounter": "finished", "DiagnosticReport": "final", "Flag": "active"}.get(kind, "completed")
    if kind in {"Procedure", "MedicationAdministration"}:
        made["code" if kind == "Procedure" else "medicationCodeableConcept"] = concept("409073007")
    if day:
        dated = {
            "Procedure": "performedDateTime",
            "QuestionnaireResponse": "authored",
            "ClinicalImpression": "date",
            "AdverseEvent": "date",
        }
        if kind in {"Encounter", "Flag"}:
            made["period"] = {"start": day}
        else:
            made[dated.get(kind, "effectiveDateTime")] = day
    return made


def complication(chance: Chance, terminology: Terminology, form: str, kind: str, day: str | None) -> Resource:
    """Return a complication of a kind: this patient's, active, at this tumour or of unknown place."""
    listed = pick(chance, terminology, "complications", kind, proofs=("coded", "linked"))
    made = COMPLICATIONS[form](chance, terminology, {"coding": [coding(terminology, listed)]}, day)
    if made["resourceType"] in {"Condition", "Observation"} and chance.random() < 0.4:
        site = concept(BREAST)
        made["bodySite"] = [site] if made["resourceType"] == "Condition" else site
    return made | {"id": "new"}


def _disorder(chance: Chance, _: Terminology, code: Resource, day: str | None) -> Resource:
    return condition(code, day, clinical=chance.choice(["active", "recurrence", None]))


def _present(chance: Chance, terminology: Terminology, code: Resource, day: str | None) -> Resource:
    value = chance.choice([True, coded(chance, terminology, "presence", "present")])
    return observation(code, value, day, status=chance.choice(["final", "preliminary"]))


def _named_by_value(_: Chance, __: Terminology, code: Resource, day: str | None) -> Resource:
    return observation("75325-1", code, day)


def _part(chance: Chance, terminology: Terminology, code: Resource, day: str | None) -> Resource:
    part = {"code": code, "valueCodeableConcept": coded(chance, terminology, "presence", "present")}
    return observation(PANEL, None, day, component=[part])


def _adverse(_: Chance, __: Terminology, code: Resource, day: str | None) -> Resource:
    return report("AdverseEvent", "event", code, day) | {"actuality": "actual"}


def _told(chance: Chance, _: Terminology, code: Resource, day: str | None) -> Resource:
    kind, element, value = chance.choice(
        [
            ("Encounter", "reasonCode", [code]),
            ("ClinicalImpression", "finding", [{"itemCodeableConcept": code}]),
            ("QuestionnaireResponse", "item", [{"linkId": "1", "answer": [{"valueCoding": code["coding"][0]}]}]),
            ("Flag", "code", code),
            ("Procedure", "reasonCode", [code]),
            ("DiagnosticReport", "conclusionCode", [code]),
        ]
    )
    return report(kind, element, value, day)


COMPLICATIONS: Mapping[str, Callable[[Chance, Terminology, Resource, str | None], Resource]] = {
    "disorder": _disorder,
    "present": _present,
    "value": _named_by_value,
    "component": _part,
    "adverse": _adverse,
    "told": _told,
}


# ---- records in which an absence is stated


def staged(chance: Chance, terminology: Terminology) -> tuple[list[Resource], int]:
    """Return a record of a curable cancer, and how many days ago it was staged."""
    days = chance.choice([0, 3, 31, 123, 400])
    code = coded(chance, terminology, "staging", *M_CATEGORIES)
    value = coded(chance, terminology, "staging", "M0")
    return [us(), whole_cancer(chance, days), observation(code, value, days_ago(days), id="m0")], days


def examined(chance: Chance, terminology: Terminology) -> tuple[list[Resource], int, str]:
    """Return a record of an examination that found no complication of a kind, how many days ago, and the kind."""
    days = chance.choice([0, 3, 20, EXAMINED_DAYS])
    kind = chance.choice(KINDS)
    listed = pick(chance, terminology, "complications", kind, proofs=("coded", "linked"))
    value = chance.choice([False, coded(chance, terminology, "presence", "absent")])
    examination = observation({"coding": [coding(terminology, listed)]}, value, days_ago(days), id="examination")
    return [us(), whole_cancer(chance, days), examination | {"bodySite": concept(BREAST)}], days, kind


def whole_cancer(chance: Chance, days: int) -> Resource:
    """Return a breast cancer without a side, known for some days more."""
    system, code = chance.choice([(SCT, "254837009"), (CM, "C50.919")])
    return cancer(days_ago(days + chance.choice([0, 5, 20])), code, system)


def not_older(chance: Chance, days: int) -> str | None:
    """Return a day that is not before some days ago; None for a resource without a date."""
    return chance.choice([None, days_ago(days), days_ago(chance.randint(0, days)), days_ago(0)])


def judge_metastasis(read: Read, chance: Chance, terminology: Terminology, form: str) -> None:
    """Judge a record that states M0 and to which a metastasis is added."""
    resources, days = staged(chance, terminology)
    before = read(resources)
    holds(before.facts.get("metastatic_status") in NO_METASTASIS, "an M0 is stated", (before, resources))
    new = metastasis(chance, terminology, form, not_older(chance, days))
    after = read(shuffled(chance, [*resources, new]))
    status = after.facts.get("metastatic_status")
    holds(status not in NO_METASTASIS, f"a metastasis more never leaves M0 ({form})", (new, resources))


def judge_complication(read: Read, chance: Chance, terminology: Terminology, form: str) -> None:
    """Judge a record that states a complication absent and to which one is added."""
    resources, days, kind = examined(chance, terminology)
    before = read(resources)
    holds(presence(before, kind) == "absent", "an absence is stated", (before, resources))
    new = complication(chance, terminology, form, kind, not_older(chance, days))
    after = read(shuffled(chance, [*resources, new]))
    holds(presence(after, kind) != "absent", f"a complication more never leaves it absent ({form})", (new, resources))


def presence(found: Extraction, kind: str) -> Any:
    """Return what is said of a complication."""
    stated = found.facts.get("complications", {})
    value = stated.get(kind) if isinstance(stated, dict) else None
    return value.get("presence") if isinstance(value, dict) else value


def chart(chance: Chance, terminology: Terminology) -> list[Resource]:
    """Return a random record, most often with a breast cancer and with what turns advice."""
    resources: list[Resource] = record(chance, terminology)
    more: list[Resource] = []
    if chance.random() < 0.8:
        more.append(whole_cancer(chance, chance.choice([0, 30, 121, 123, 400])))
    for _ in range(chance.choice([0, 1, 1, 2])):
        form = chance.choice(list(METASTASES))
        more.append(metastasis(chance, terminology, form, not_older(chance, 400)))
    for _ in range(chance.choice([0, 1, 1, 2])):
        form, kind = chance.choice(list(COMPLICATIONS)), chance.choice(KINDS)
        more.append(complication(chance, terminology, form, kind, not_older(chance, 60)))
    if chance.random() < 0.4:
        more.append(given("L01CD01", days_ago(chance.choice([0, 20, 41, 43, 200])), ATC))
        answer = coded(chance, terminology, "disease_status", *RESPONSES)
        more.append(observation("97509-4", answer, not_older(chance, 100)))
    if chance.random() < 0.3:
        removal = coded(chance, terminology, "procedures", "mastectomy")
        more.append({"resourceType": "Procedure", "status": "completed", "subject": US, "code": removal})
        more[-1] |= {"performedDateTime": days_ago(chance.choice([0, 50, 500]))}
    return [*resources, *(each | {"id": f"s{number}"} for number, each in enumerate(more))]


KINDS = ("bleeding", "ulceration", "infection", "pain")
RESPONSES = ("improved", "stable", "worsened", "CR", "PR", "SD", "PD")


# ---- incomplete pages


def _page(resources: list[Any], **more: Any) -> Resource:
    return bundle(*resources, type="searchset") | more


def _refused(chance: Chance, resources: list[Any]) -> Resource:
    entries: list[Resource] = [{"resource": each, "response": {"status": "200"}} for each in resources]
    entries.append({"response": {"status": chance.choice(["403 Forbidden", "500", "404"])}})
    return {"resourceType": "Bundle", "type": "batch-response", "entry": entries}


INCOMPLETE: Mapping[str, Callable[[Chance, list[Any]], Resource]] = {
    "next": lambda _, resources: _page(
        resources, link=[{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]
    ),
    "total": lambda chance, resources: _page(resources, total=len(resources) + chance.choice([1, 7])),
    "error": lambda chance, resources: _with_outcome(resources, chance.choice(["error", "fatal"]), "exception"),
    "suppressed": lambda _, resources: _with_outcome(resources, "information", "suppressed"),
    "incomplete": lambda _, resources: _with_outcome(resources, "warning", "incomplete"),
    "refused": _refused,
}
"""The ways in which a page says itself that it is incomplete."""


def _with_outcome(resources: list[Any], severity: str, code: str) -> Resource:
    page = _page(resources)
    issue = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}
    page["entry"].append({"resource": issue, "search": {"mode": "outcome"}})
    return page


def judge_incomplete(read: Read, chance: Chance, resources: list[Any], way: str) -> None:
    """Judge what is read of a record of which a part is missing."""
    page = [INCOMPLETE[way](chance, resources)]
    found = read(page)
    about = (found, resources)
    rule = f"an incomplete page ({way}) never yields"
    holds(found.subject is not False, f"{rule} the subject false", about)
    holds(found.facts.get("metastatic_status") not in NO_METASTASIS, f"{rule} M0", about)
    holds(found.facts.get("presentation") != "de_novo", f"{rule} de_novo", about)
    kinds = found.facts.get("complications", {})
    absent = [kind for kind in kinds if presence(found, kind) == "absent"] if isinstance(kinds, dict) else kinds
    holds(not absent, f"{rule} an absence", about)


# ---- other forms of the same record


def shuffled(chance: Chance, resources: Sequence[Any]) -> list[Any]:
    """Return the resources in another order."""
    return chance.sample(list(resources), len(resources))


FORMS: Mapping[str, Callable[[Chance, list[Any]], list[Any]]] = {
    "order": shuffled,
    "bundle": lambda chance, resources: [bundle(*resources, type=chance.choice(BUNDLES))],
    "split": lambda chance, resources: [bundle(*part) for part in _parts(chance, resources)],
    "nested": lambda chance, resources: [bundle(bundle(*(parts := _parts(chance, resources))[0]), *parts[1])],
    "absolute": lambda _, resources: readdressed(resources, lambda kind, id_: f"https://ehr.example/fhir/{kind}/{id_}"),
    "versioned": lambda _, resources: readdressed(resources, lambda kind, id_: f"{kind}/{id_}/_history/3"),
    "full url": lambda _, resources: [addressed(resources)],
}
"""Other forms of the same record."""
BUNDLES = ("collection", "searchset", "document", "batch-response", "message")


def _parts(chance: Chance, resources: list[Any]) -> tuple[list[Any], list[Any]]:
    place = chance.randint(0, len(resources))
    return resources[:place], resources[place:]


def readdressed(value: Any, address: Callable[[str, str], str]) -> Any:
    """Return the same with other addresses in its references."""
    if isinstance(value, list):
        return [readdressed(each, address) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: readdressed(each, address) for name, each in value.items()}
    text = made.get("reference")
    if isinstance(text, str) and text.count("/") == 1:
        kind, ident = text.split("/")
        made["reference"] = address(kind, ident)
    return made


def addressed(resources: list[Any]) -> Resource:
    """Return a bundle in which each resource has an address of its own, by which references find it."""
    urls = {
        (each["resourceType"], each["id"]): f"urn:uuid:0000{number:04}-0000-4000-8000-000000000000"
        for number, each in enumerate(resources)
    }
    moved = readdressed(resources, lambda kind, ident: urls.get((kind, ident), f"{kind}/{ident}"))
    entries = [{"fullUrl": urls[each["resourceType"], each["id"]], "resource": each} for each in moved]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def other_codes(chance: Chance, terminology: Terminology, value: Any, equals: "Equals") -> Any:
    """Return the same with each code written in another system, where a code of the same meaning is listed."""
    if isinstance(value, list):
        return [other_codes(chance, terminology, each, equals) for each in value]
    if not isinstance(value, dict):
        return value
    system, code = value.get("system"), value.get("code")
    key = terminology.key(system, code) if isinstance(system, str) and isinstance(code, str) else None
    if key in equals:
        return coding(terminology, chance.choice(equals[key]))
    return {name: other_codes(chance, terminology, each, equals) for name, each in value.items()}


DRUGS = "drugs"
"""A list in which codes of one category are different drugs: another drug may begin another line."""
SCALE = "meddra"
"""A term of the CTCAE says more than a code of the same finding: a number beside it is a grade. A code that stands for
all below it says less than one of them: a group of drugs is no drug."""
Equals = Mapping[tuple[str, str] | None, Sequence[Concept]]
"""System and code -> the codes of other systems that mean the same in every list."""


def equal_codes(terminology: Terminology) -> Equals:
    """Return the codes that have the same meaning: in the same lists, in each with the same members."""
    if terminology.digest in _EQUALS:
        return _EQUALS[terminology.digest]
    groups: dict[object, list[Concept]] = {}
    for name in terminology.lists:
        for listed in terminology[name].codes:
            if listed.system == SCALE or listed.below:
                continue
            found = terminology.index.find(listed.system, listed.code)
            drug = listed.display.lower().partition(" ")[0] if DRUGS in found else ""
            key = (
                drug,
                frozenset(
                    (each, one.category, one.side, one.site, one.proof, one.grade) for each, one in found.items()
                ),
            )
            groups.setdefault(key, []).append(listed)
    equals: dict[tuple[str, str] | None, Sequence[Concept]] = {}
    for group in groups.values():
        for listed in group:
            if others := [each for each in group if each.system != listed.system]:
                equals[listed.system, listed.code] = others
    _EQUALS[terminology.digest] = equals
    return equals


_EQUALS: dict[str, Equals] = {}
"""Digest of the code lists -> their equal codes."""


def judge_same(read: Read, chance: Chance, resources: list[Any], form: str) -> None:
    """Judge that another form of a record states the same."""
    other = FORMS[form](chance, resources)
    before, after = read(resources), read(other)
    holds(same(before, after), f"another form of the record changes nothing ({form})", (before, after, other))


def judge_codes(read: Read, chance: Chance, terminology: Terminology, resources: list[Any]) -> None:
    """Judge that codes of other systems that mean the same change nothing."""
    plain = without_displays(resources)
    other = other_codes(chance, terminology, plain, equal_codes(terminology))
    before, after = read(plain), read(other)
    holds(same(before, after), "a code of the same meaning changes nothing", (before, after, plain, other))


def without_displays(value: Any) -> Any:
    """Return the same without the names of codes: a name may say more than its code."""
    if isinstance(value, list):
        return [without_displays(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: without_displays(each) for name, each in value.items() if name != "display"}


def same(one: Extraction, other: Extraction) -> bool:
    """Return whether two extractions state the same."""
    return one.subject == other.subject and unordered(one.facts) == unordered(other.facts)


# ---- withdrawn resources

GRAVE: Mapping[str, Sequence[Any]] = {
    "metastatic_status": ("M1",),
    "presentation": ("de_novo",),
    "primary_tumour": ("resected",),
}
"""Facts and values that a withdrawn resource never adds; responses and complications beside them."""


def grave(found: Extraction) -> dict[str, Any]:
    """Return the facts that turn advice and that are stated, by path."""
    stated = {path: value for path, value in found.facts.items() if value in GRAVE.get(path, ())}
    if "chemotherapy_response" in found.facts:
        stated["chemotherapy_response"] = found.facts["chemotherapy_response"]["overall"]
    kinds = found.facts.get("complications", {})
    stated |= {f"complications.{kind}": "present" for kind in kinds if presence(found, kind) == "present"}
    return stated


def _versions(resource: Resource, newer: Resource | None) -> Resource:
    """Return a history of a resource: its first version, and a newer one or that it was deleted."""
    path = f"{resource['resourceType']}/{resource['id']}"
    entries: list[Resource] = [
        {"resource": resource | {"meta": {"versionId": "1"}}, "request": {"method": "PUT", "url": path}}
    ]
    if newer is None:
        entries.insert(0, {"request": {"method": "DELETE", "url": path}, "response": {"status": "204"}})
    else:
        put = {"method": "PUT", "url": path}
        entries.insert(0, {"resource": newer | {"meta": {"versionId": "2"}}, "request": put})
    return {"resourceType": "Bundle", "type": "history", "entry": entries}


def in_error(resource: Resource) -> Resource:
    """Return the resource as one that was entered in error."""
    if resource["resourceType"] in {"Condition", "AllergyIntolerance"}:
        return resource | {"verificationStatus": concept("entered-in-error", system=STATUS)}
    if resource["resourceType"] == "AdverseEvent":
        return resource | {"actuality": "potential", "status": "entered-in-error"}
    return resource | {"status": "entered-in-error"}


def _refuted(resource: Resource) -> Resource:
    if resource["resourceType"] != "Condition":
        return in_error(resource)
    return resource | {"verificationStatus": concept("refuted", system=STATUS)}


WITHDRAWN: Mapping[str, Callable[[Resource], list[Resource]]] = {
    "removed": lambda _: [],
    "in error": lambda resource: [in_error(resource)],
    "refuted": lambda resource: [_refuted(resource)],
    "superseded": lambda resource: [_versions(resource, in_error(resource))],
    "deleted": lambda resource: [_versions(resource, None)],
}
"""What a record holds in the place of a resource that was withdrawn."""


def judge_withdrawn(read: Read, chance: Chance, terminology: Terminology, resources: list[Any], way: str) -> None:
    """Judge that a withdrawn resource adds nothing grave but what it had contradicted itself."""
    resource = chance.choice(resources)
    if resource["resourceType"] == "Patient":
        return
    index = resources.index(resource)
    rest = [*resources[:index], *resources[index + 1 :]]
    before, removed = read(resources), read(rest)
    after = read([*resources[:index], *copy.deepcopy(WITHDRAWN[way](resource)), *resources[index + 1 :]])
    label = f"{resource['resourceType']}/{resource['id']}"
    stated, lists = grave(before), lists_of(terminology, resource)
    new = {path for path, value in grave(after).items() if stated.get(path) != value}
    new = {path for path in new if lists.isdisjoint(AGAINST[top(path)]) and not is_against(before, path, label)}
    holds(not new, f"a withdrawn resource adds nothing ({way}): {sorted(new)}", (resource, before, after, resources))
    if after.subject == removed.subject:  # that a cancer was refuted may be said of the record
        rule = f"a resource that is withdrawn ({way}) states no more than one that is not there"
        holds(unordered(removed.facts) == unordered(after.facts), rule, (resource, removed, after, resources))


AGAINST: Mapping[str, frozenset[str]] = {
    "metastatic_status": frozenset(("breast_cancer", "staging")),
    "presentation": frozenset(("breast_cancer", "metastases", "staging", "disease_status", "procedures", "drugs")),
    "primary_tumour": frozenset(("breast_cancer", "procedures")),
    "chemotherapy_response": frozenset(
        ("breast_cancer", "metastases", "staging", "disease_status", "procedures", "drugs")
    ),
    "complications": frozenset(("breast_cancer", "complications", "procedures")),
}
"""Fact -> the code lists whose codes may speak against its grave values: a cancer says whose all the others are, an
earlier metastasis speaks against de_novo, an operation against a complication and a response before it."""


def lists_of(terminology: Terminology, value: Any) -> set[str]:
    """Return the code lists that know any code of a resource."""
    if isinstance(value, list):
        return {name for each in value for name in lists_of(terminology, each)}
    if not isinstance(value, dict):
        return set()
    system, code = value.get("system"), value.get("code")
    if isinstance(system, str) and isinstance(code, str):
        return set(terminology.find(system, code))
    return {name for each in value.values() for name in lists_of(terminology, each)}


def top(path: str) -> str:
    """Return the first part of a path."""
    return path.partition(".")[0]


def is_against(found: Extraction, path: str, label: str) -> bool:
    """Return whether a resource is told as what speaks against a fact, or states another value of it."""
    told = {
        each
        for conflict in found.data_conflicts
        if top(str(conflict["fact"])) == top(path)
        for each in conflict["resources"]
    }
    for stated, origin in found.provenance.items():
        if top(stated) == top(path):
            told |= {origin["resource"]} | ({origin["runner_up"]["resource"]} if origin["runner_up"] else set())
    return label in told


# ---- one case of the long run


def case(app: Flask, chance: Chance, counts: Counter) -> None:
    """Make a record and judge all relations of it, each in one of its forms."""
    library = app.config["KNOWLEDGE"].library
    terminology = library.terminology
    resources = chart(chance, terminology)

    def read(tree: list[Any]) -> Extraction:
        counts["records read"] += 1
        return extracted(library, tree, PATIENT)

    judge_metastasis(read, chance, terminology, chance.choice(list(METASTASES)))
    judge_complication(read, chance, terminology, chance.choice(list(COMPLICATIONS)))
    judge_incomplete(read, chance, resources, chance.choice(list(INCOMPLETE)))
    judge_same(read, chance, resources, chance.choice(list(FORMS)))
    judge_codes(read, chance, terminology, resources)
    judge_withdrawn(read, chance, terminology, resources, chance.choice(list(WITHDRAWN)))
