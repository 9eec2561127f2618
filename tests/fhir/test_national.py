"""Stage, metastasis, course and operation as national records say them: by code, by notation, in parts."""

import pytest

from tests.fhir.building import (
    CM,
    CM0,
    CM1,
    LOINC,
    OLD,
    SCT,
    Resource,
    cancer,
    concept,
    condition,
    days_ago,
    given,
    observation,
    procedure,
    reasons,
    us,
)

MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-"
EXTENSION = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/StructureDefinition/mii-ex-onko-tnm-"
UICC, OPS, ICD9 = (
    "https://www.uicc.org/resources/tnm",
    "http://fhir.de/CodeSystem/bfarm/ops",
    "http://hl7.org/fhir/sid/icd-9-cm",
)
CLINICAL_M, STAGE_GROUP, CM_CATEGORY, SITE, COURSE = "21907-1", "21908-9", "399387003", "385421009", "396432002"
PRIMARY, NODES, DISTANT = "277062004", "399656008", "399608002"
OLD_M0 = observation(CLINICAL_M, CM0, days_ago(890), id="m0")
DIAGNOSED = days_ago(900)


def status(found) -> str | None:
    return found.facts.get("metastatic_status")


def operation(code: Resource, on: str) -> Resource:
    """A procedure with a concept of its own as code."""
    return procedure("x", on) | {"code": code}


def course(overall: str | None, on: str, **parts: str) -> Resource:
    """An MII course of disease: the letter of the whole, and of its parts."""
    names = {
        "primary": (PRIMARY, "onko-verlauf-primaertumor"),
        "nodes": (NODES, "onko-verlauf-lymphknoten"),
        "distant": (DISTANT, "onko-verlauf-fernmetastasen"),
    }
    components = [
        {"code": concept(code), "valueCodeableConcept": concept((MII + system, parts[name]))}
        for name, (code, system) in names.items()
        if name in parts
    ]
    value = None if overall is None else concept((f"{MII}onko-verlauf-gesamtbeurteilung", overall))
    return observation(COURSE, value, on, SCT, component=components, id=f"course-{on}")


# ---- TNM and UICC


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (UICC, "M0", "M0"),
        (UICC, "M1", "M1"),
        (UICC, "M1b", "M1"),
        (UICC, "MX", None),
        ("urn:oid:2.16.840.1.113883.15.16", "M1", "M1"),
        ("http://dktk.dkfz.de/fhir/onco/core/CodeSystem/TNMMCS", "1a", "M1"),
        ("http://dktk.dkfz.de/fhir/onco/core/CodeSystem/TNMMCS", "M1", "M1"),
        ("http://fhir.ch/ig/ch-crl/CodeSystem/nkrs-pm", "0i+", "M0(i+)"),
        ("http://fhir.ch/ig/ch-crl/CodeSystem/nkrs-cm", "0", "M0"),
        ("http://local.example/m", "0", None),
        ("http://local.example/m", "1", None),
        ("http://local.example/m", "cM1", "M1"),
        (LOINC, "LA4628-9", "M1"),
        (LOINC, "LA4629-7", "M0"),
        (LOINC, "LA21876-0", "M0(i+)"),
        (SCT, "1352513006", "M1"),
        (f"{MII}onko-verlauf-fernmetastasen", "K", None),
        ("https://www.senologie.org/fhir/CodeSystem/cs-senologie-metastasierung", "sekundaer-metastasiert", "M1"),
    ],
)
def test_the_m_category_by_its_code_alone(read, system: str, code: str, expected: str | None) -> None:
    found = read(us(), cancer(), observation(CLINICAL_M, concept((system, code)), "2026-01-12"))
    assert status(found) == expected
    assert bool(reasons(found, CLINICAL_M)) is (expected is None)


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ((SCT, "399390009"), (UICC, "IV"), "M1"),
        ((SCT, "399537006"), (UICC, "IVA"), "M1"),
        ((LOINC, STAGE_GROUP), (UICC, "IIA"), "M0"),
        ((LOINC, STAGE_GROUP), (SCT, "1352913000"), "M1"),
        ((LOINC, STAGE_GROUP), (SCT, "1352856006"), "M0"),
        # The same system holds multiplicity and symbols: the code of the Observation decides.
        ((LOINC, "42030-7"), (UICC, "4"), None),
        ((SCT, "399504009"), (UICC, "M1"), None),
        ((SCT, "371494008"), (SCT, CM1), None),
    ],
)
def test_the_code_of_the_observation_says_what_a_code_of_uicc_is(read, code, value, expected) -> None:
    found = read(us(), cancer(), observation(concept(code), concept(value), "2026-01-12"))
    assert status(found) == expected


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        (concept(("https://cancerstaging.org", "cT3N2M1")), "M1"),
        (concept((UICC, "IV")), "M1"),
        (concept((UICC, "4")), None),
        ({"text": "UICC IV (cT3 cN2a cM1)"}, "M1"),
        ({"text": "M1 (HEP) — hepatische Metastasen"}, "M1"),
        ({"text": "IV"}, None),
        ({"text": "M1 - fraglich"}, None),
        ({"text": "Stadium IV (Fontaine)"}, None),
        ({"text": "history of stage IV"}, None),
    ],
)
def test_the_stage_at_the_condition_is_a_whole_notation_or_nothing(read, summary, expected) -> None:
    found = read(us(), cancer(stage=[{"summary": summary}]))
    assert status(found) == expected
    assert bool(reasons(found, "cancer")) is (expected is None)


def test_the_sites_behind_an_m_category_are_sites(read) -> None:
    value = observation(CLINICAL_M, {"text": "cM1 (OSS, HEP)"}, "2026-01-12")
    assert read(us(), cancer(), value).facts["metastatic_sites"] == ["bone", "liver"]


@pytest.mark.parametrize("text", ["UICC IIB (cT2 cN1 cM1)", "cM0 pM1", "Stage IV (T1 N0 M0)"])
def test_a_notation_that_contradicts_itself_states_nothing_and_forbids_an_older_m0(read, text: str) -> None:
    found = read(us(), cancer(DIAGNOSED), OLD_M0, observation(STAGE_GROUP, {"text": text}, days_ago(60)))
    assert status(found) is None
    assert found.data_conflicts
    assert any(text in reason for reason in reasons(found, STAGE_GROUP))


def test_an_m_category_that_cannot_be_read_forbids_an_older_m0(read) -> None:
    found = read(us(), cancer(DIAGNOSED), OLD_M0, observation(CLINICAL_M, {"text": "V.a. M1"}, days_ago(60)))
    assert status(found) is None


@pytest.mark.parametrize(
    ("code", "display", "expected"), [(CM0, "N0", "M0"), (CM0, "cM1", "M0"), ("258228008", "Stadium 0", "M1")]
)
def test_the_code_decides_and_a_display_that_differs_is_told(read, code: str, display: str, expected: str) -> None:
    about = STAGE_GROUP if expected == "M1" else CLINICAL_M
    found = read(us(), cancer(), observation(about, concept((SCT, code, display)), "2026-01-12"))
    assert status(found) == expected
    (conflict,) = found.data_conflicts
    assert conflict["values"] == [f"{SCT}|{code}", display]


def prefixed(letter: str, value: str = "M1", on: str | None = "2026-01-12") -> Resource:
    modifier = {"url": f"{EXTENSION}{letter}-praefix", "valueCodeableConcept": concept((UICC, letter))}
    return observation(CM_CATEGORY, concept((UICC, value)), on, SCT, modifierExtension=[modifier])


def test_prefixes_of_tnm_are_known_modifier_extensions(read) -> None:
    assert status(read(us(), cancer(), prefixed("y"))) == "M1"
    assert status(read(us(), cancer(), prefixed("a"))) is None
    recurrent = read(us(), cancer(), prefixed("r"))
    assert (status(recurrent), recurrent.facts.get("presentation")) == ("M1", None)
    assert [each["fact"] for each in recurrent.data_conflicts] == ["presentation"]
    assert read(us(), cancer(None), prefixed("r", on=None)).facts["presentation"] == "recurrent"


def test_an_unknown_modifier_extension_still_forbids(read) -> None:
    unknown = prefixed("y") | {"modifierExtension": [{"url": "http://example.org/y-praefix", "valueBoolean": True}]}
    assert status(read(us(), cancer(), unknown)) is None
    on_a_condition = condition("C79.51", "2026-01-20", CM, modifierExtension=prefixed("y")["modifierExtension"])
    assert status(read(us(), cancer(), on_a_condition)) is None


@pytest.mark.parametrize(("suffix", "expected"), [("i+", "M0(i+)"), ("mol+", "M0(i+)"), ("i-", "M0")])
def test_isolated_tumour_cells_as_a_suffix_of_the_value(read, suffix: str, expected: str) -> None:
    extension = {"url": f"{EXTENSION}itc-suffix", "valueCodeableConcept": concept((UICC, suffix))}
    value = concept((UICC, "M0")) | {"extension": [extension]}
    assert status(read(us(), cancer(), observation(CM_CATEGORY, value, "2026-01-12", SCT))) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("primär metastasiert", "de_novo"), ("sekundär metastasiert", "recurrent")]
)
def test_a_word_that_says_when_the_metastasis_came(read, text: str, expected: str) -> None:
    found = read(us(), cancer(None), observation(CLINICAL_M, {"text": text}))
    assert (status(found), found.facts["presentation"]) == ("M1", expected)


# ---- newer evidence of a metastasis, in any form, forbids an older M0


@pytest.mark.parametrize(
    "newer",
    [
        observation(SITE, concept((f"{MII}onko-fernmetastasen", "GEN")), days_ago(60), SCT),
        observation(SITE, concept((f"{MII}fernmetastasen", "LYM")), days_ago(60), SCT),
        observation(SITE, "258333005", days_ago(60), SCT),
        course("K", days_ago(60), distant="N"),
        course("P", days_ago(60), primary="K", distant="P"),
        course(None, days_ago(60), distant="T"),
        observation("99999-9", None, days_ago(60), component=[{"code": concept(CM_CATEGORY), "valueString": "cM1"}]),
        observation("399390009", concept((UICC, "IV")), days_ago(60), SCT),
    ],
)
def test_proof_in_whichever_form_is_m1_after_an_old_m0(read, newer: Resource) -> None:
    found = read(us(), cancer(DIAGNOSED), OLD_M0, newer)
    assert (status(found), found.facts["presentation"]) == ("M1", "recurrent")


BONE = concept((CM, "C79.51"))
ANSWER = {"answer": [{"valueCoding": BONE["coding"][0]}]}


@pytest.mark.parametrize(
    "newer",
    [
        {"resourceType": "DiagnosticReport", "status": "final", "issued": days_ago(30), "conclusionCode": [BONE]},
        {"resourceType": "Encounter", "status": "finished", "period": {"start": days_ago(30)}, "reasonCode": [BONE]},
        {"resourceType": "ServiceRequest", "status": "active", "authoredOn": days_ago(30), "reasonCode": [BONE]},
        {"resourceType": "ClinicalImpression", "date": days_ago(30), "finding": [{"itemCodeableConcept": BONE}]},
        {"resourceType": "Flag", "status": "active", "period": {"start": days_ago(30)}, "code": BONE},
        {"resourceType": "Claim", "created": days_ago(30), "diagnosis": [{"diagnosisCodeableConcept": BONE}]},
        {"resourceType": "QuestionnaireResponse", "authored": days_ago(30), "item": [ANSWER]},
        given("108290001", days_ago(30), reasonCode=[BONE]),
        procedure("108290001", days_ago(30), reasonCode=[BONE]),
        observation("99999-9", BONE, days_ago(30)),
        observation("94222008", None, days_ago(30), SCT),
        course("K", days_ago(30), distant="F"),
    ],
)  # fmt: skip
def test_a_metastasis_that_is_only_named_or_doubtful_forbids_an_older_m0(read, newer: Resource) -> None:
    newer = {"id": "newer", "subject": {"reference": "Patient/us"}, "patient": {"reference": "Patient/us"}, **newer}
    found = read(us(), cancer(DIAGNOSED), OLD_M0, newer)
    assert status(found) is None
    (conflict,) = [each for each in found.data_conflicts if each["fact"] == "metastatic_status"]
    assert any(newer["id"] in label for label in conflict["resources"])
    assert reasons(found, newer["id"])


@pytest.mark.parametrize(
    "harmless",
    [
        observation("94222008", None, days_ago(30), SCT, valueBoolean=False),
        observation("94222008", "2667000", days_ago(30), SCT),
        {"resourceType": "FamilyMemberHistory", "status": "completed", "condition": [{"code": BONE}]},
        procedure("108290001", days_ago(895), reasonCode=[BONE]),
        procedure("108290001", days_ago(30), reasonCode=[concept((CM, "C77.3"))]),
        course("K", days_ago(30), distant="K"),
        course("K", days_ago(30), distant="X"),
    ],
)
def test_what_names_none_leaves_an_m0(read, harmless: Resource) -> None:
    harmless = {"id": "harmless", "subject": {"reference": "Patient/us"}, **harmless}
    assert status(read(us(), cancer(DIAGNOSED), OLD_M0, harmless)) == "M0"


def test_none_detectable_now_is_no_m_category_and_never_resets_m1(read) -> None:
    clear = course("V", days_ago(10), primary="K", distant="K")
    assert status(read(us(), cancer(), clear)) is None
    assert status(read(us(), cancer(), condition("C79.51", "2026-01-20", CM), clear)) == "M1"


def test_a_named_metastasis_elsewhere_makes_the_sites_unclear(read) -> None:
    bone = condition("C79.51", "2026-01-20", CM)
    assert read(us(), cancer(), bone).facts["metastatic_extent"] == "bone_only"
    named = procedure("108290001", "2026-02-01", reasonCode=[BONE])
    assert read(us(), cancer(), bone, named).facts["metastatic_extent"] == "bone_only"
    liver = procedure("108290001", "2026-02-01", reasonCode=[concept((CM, "C78.7"))])
    assert "metastatic_extent" not in read(us(), cancer(), bone, liver).facts


# ---- the course in its parts

DISEASE = (cancer(), condition("C79.51", "2026-01-20", CM), given("56946", "2026-04-01"))


@pytest.mark.parametrize(
    ("overall", "parts", "expected"),
    [
        ("T", {"primary": "T", "distant": "K"}, {"overall": "PR", "distant": "CR"}),
        ("K", {"primary": "N", "distant": "N"}, {"overall": "SD", "primary": "SD", "distant": "SD"}),
        ("V", {"primary": "K", "nodes": "K", "distant": "K"}, {"overall": "CR", "primary": "CR", "distant": "CR"}),
        ("P", {"primary": "N", "distant": "P"}, {"overall": "PD", "primary": "SD", "distant": "PD"}),
        ("D", {"primary": "P", "distant": "K"}, {"primary": "PD", "distant": "CR"}),
        ("D", {}, None),
        ("T", {"distant": "P"}, None),
        ("K", {"nodes": "R"}, None),
        ("V", {"primary": "T"}, None),
        ("T", {"primary": "F", "distant": "U"}, {"overall": "PR"}),
    ],
)
def test_the_parts_of_one_assessment(read, overall: str, parts: dict[str, str], expected: Resource | None) -> None:
    found = read(us(), *DISEASE, course(overall, "2026-08-01", **parts)).facts.get("chemotherapy_response")
    assert found == (None if expected is None else expected | {"assessed_on": "2026-08-01"})


def test_no_metastasis_detectable_is_no_response_of_metastases_that_are_not_known(read) -> None:
    found = read(us(), cancer(), given("56946", "2026-04-01"), course("T", "2026-08-01", distant="K"))
    assert found.facts["chemotherapy_response"] == {"overall": "PR", "assessed_on": "2026-08-01"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [("LA28366-5", "CR"), ("LA28369-9", "PR"), ("LA28371-5", "SD"), ("LA28370-7", "PD"), ("LA9348-9", None)],
)
def test_a_response_in_the_answer_codes_of_loinc(read, code: str, expected: str | None) -> None:
    found = read(us(), *DISEASE, observation("88040-1", concept((LOINC, code)), "2026-08-01"))
    assert found.facts.get("chemotherapy_response", {}).get("overall") == expected


@pytest.mark.parametrize(
    ("assessed", "between", "expected"),
    [
        ("2026-09-28", None, "SD"),
        ("2026-09-29", None, None),
        ("2026-09-01", course("P", "2026-08-01"), None),
        ("2026-09-01", course("Y", "2026-08-01"), None),
        ("2026-09-01", course("K", "2026-08-01", distant="N"), "SD"),
    ],
)
def test_a_line_ends_with_progression_after_its_last_dose_or_180_days_after_it(
    read, assessed, between, expected
) -> None:
    found = read(us(), *DISEASE, course("K", assessed), *([between] if between else []))
    assert found.facts.get("chemotherapy_response", {}).get("overall") == expected
    if expected is None:
        assert any("last dose of the current line" in reason for reason in reasons(found, assessed))


def test_an_older_response_does_not_stand_for_one_after_the_end_of_the_line(read) -> None:
    found = read(us(), *DISEASE, course("T", "2026-06-01"), course("K", "2026-11-01"))
    assert "chemotherapy_response" not in found.facts


def test_a_therapy_that_is_still_given_has_not_ended(read) -> None:
    statement = given(
        "72965", None, kind="MedicationStatement", status="active", effectivePeriod={"start": "2026-02-15"}
    )
    found = read(us(), cancer(), condition("C79.51", "2026-01-20", CM), statement, course("K", "2026-11-01"))
    assert found.facts["chemotherapy_response"]["overall"] == "SD"


def test_a_response_without_a_drug_is_told(read) -> None:
    found = read(
        us(), cancer(), condition("C79.51", "2026-01-20", CM), observation("88040-1", {"text": "PR"}, "2026-08-01")
    )
    assert "chemotherapy_response" not in found.facts
    assert "no systemic therapy" in reasons(found, "88040-1")[0]


# ---- an older cancer forbids de novo

NEW = (cancer(days_ago(140)), condition("C79.51", days_ago(135), CM))


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        (condition("174.9", days_ago(4300), ICD9, "resolved"), "recurrent"),
        (condition("1749", days_ago(4300), ICD9, "resolved"), "recurrent"),
        (condition("V10.3", days_ago(4300), ICD9), None),
        (condition("Z85.3", days_ago(100), "http://hl7.org/fhir/sid/icd-10"), None),
        (
            condition(concept(("http://local.example/dx", "77", "Mammakarzinom links")), days_ago(4300), clinical=None),
            None,
        ),
        (condition(concept(("http://local.example/dx", "77")), days_ago(4300), clinical=None), None),
        (condition({"text": "Breast cancer 2014"}, days_ago(4300), clinical=None), None),
        (procedure("406505007", days_ago(2200)), None),
        (operation(concept((OPS, "5-872.1")), days_ago(2200)), None),
        (operation(concept((OPS, "5-870.90")), days_ago(2200)), None),
        (operation(concept((OPS, "5-402.11")), days_ago(2200)), None),
        (operation(concept(("http://www.ama-assn.org/go/cpt", "19303")), days_ago(2200)), None),
        (operation(concept(("http://local.example/op", "1", "Mastektomie rechts")), days_ago(2200)), None),
        (operation({"text": "Lumpectomy"}, days_ago(2200)), None),
        (procedure("108290001", days_ago(2200), "80248007"), None),
        (given("x", days_ago(2200), medicationCodeableConcept={"text": "Tamoxifen 20 mg"}), None),
        (course("Y", days_ago(135)), None),
        # What is of the same time, or no cancer of the breast, forbids nothing.
        (procedure("79544006", days_ago(130)), "de_novo"),
        (procedure("108290001", days_ago(2200), "272673000"), "de_novo"),
        (condition("250.00", days_ago(4300), ICD9), "de_novo"),
        (condition(concept(("http://local.example/dx", "9", "Hypertension")), days_ago(4300)), "de_novo"),
        (operation(concept(("http://local.example/op", "2", "Appendectomy")), days_ago(2200)), "de_novo"),
    ],
)
def test_an_older_cancer_in_whichever_code_is_not_de_novo(read, old: Resource, expected: str | None) -> None:
    found = read(us(), *NEW, old | {"id": "old"})
    assert status(found) == "M1"
    assert found.facts.get("presentation") == expected
    assert any(each["fact"] == "presentation" for each in found.data_conflicts) is (expected is None)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (SCT, "406505007"),
        (OPS, "5-872.0"),
        (OPS, "5-870.a1"),
        (OPS, "5-874.0"),
        (OPS, "5-877.10"),
        ("http://www.ama-assn.org/go/cpt", "19307"),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "0HTU0ZZ"),
        ("https://fhir.hl7.org.uk/Id/opcs-4", "B27.2"),
    ],
)
def test_an_operation_in_a_national_code_removed_the_primary(read, system: str, code: str) -> None:
    gone = operation(concept((system, code)), "2026-05-01")
    assert read(us(), cancer(), gone).facts["primary_tumour"] == "resected"


@pytest.mark.parametrize("code", ["5-870.90", "5-870.a0", "5-879.1", "5-886.0", "5-402.11", "5-501"])
def test_an_operation_that_may_have_left_the_primary_removed_nothing(read, code: str) -> None:
    assert "primary_tumour" not in read(us(), cancer(), operation(concept((OPS, code)), "2026-05-01")).facts


# ---- group codes

KIND = f"{MII}onko-therapie-typ"


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([(OPS, "8-54")], None),
        ([(OPS, "8-543.11")], None),
        ([(OPS, "8-54"), (KIND, "IM")], None),
        ([(OPS, "8-54"), (KIND, "CI")], None),
        ([(OPS, "8-54"), (KIND, "CH")], "chemotherapy"),
        ([(OPS, "8-54"), (KIND, "HO")], "endocrine"),
    ],
)
def test_a_group_code_states_no_class_of_therapy(read, codes, expected: str | None) -> None:
    found = read(us(), cancer(), operation(concept(*codes), "2026-10-20"))
    assert found.facts.get("systemic_therapy") == expected
    assert bool(reasons(found, "p-x")) is (expected is None)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("L01", None), ("L01E", None), ("L01F", None), ("L01X", None), ("L01XC", None), ("L01XX", None),
        ("L01A", "chemotherapy"), ("L01B", "chemotherapy"), ("L01C", "chemotherapy"), ("L01D", "chemotherapy"),
        ("L01XC18", "immunotherapy"), ("L01XC07", "other"), ("L01FX05", "other"), ("L01XX52", "other"),
        ("L02B", "endocrine"),
    ],
)  # fmt: skip
def test_an_atc_group_of_several_kinds_states_no_class(read, code: str, expected: str | None) -> None:
    drug = given(code, "2026-10-20", system="http://www.whocc.no/atc")
    assert read(us(), cancer(), drug).facts.get("systemic_therapy") == expected


@pytest.mark.parametrize(("codes", "counts"), [([(OPS, "8-54")], True), ([(OPS, "8-54"), (KIND, "IM")], False)])
def test_a_group_that_may_be_chemotherapy_counts_for_a_fever(read, codes, counts: object) -> None:
    fever = observation("8310-5", {"value": 38.6, "unit": "Cel"}, days_ago(0))
    found = read(us(), cancer(), operation(concept(*codes), "2026-11-10"), fever)
    assert found.facts.get("fever_within_6_weeks_of_chemotherapy", False) is counts


def test_bare_stage_codes_of_older_profiles_are_read_as_before(read) -> None:
    assert status(read(us(), cancer(), observation(STAGE_GROUP, concept((OLD, "4")), "2026-01-12"))) == "M1"


def test_mx_is_no_evidence_either_way(read) -> None:
    unknown = observation(CLINICAL_M, concept((UICC, "MX")), days_ago(60))
    assert status(read(us(), cancer(DIAGNOSED), OLD_M0, unknown)) == "M0"
    assert any("MX is not known" in reason for reason in reasons(read(us(), cancer(), unknown)))
