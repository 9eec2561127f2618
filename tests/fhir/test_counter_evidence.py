"""What was not understood and may be a complication: it proves nothing, and no older absence outlives it."""

import pytest

from tests.fhir.building import CM, LEFT, RIGHT, SCT, US, cancer, concept, condition, observation, us

BLEEDING, ULCER, CELLULITIS, SEPSIS = "52297004", "46742003", "75817003", "91302008"
ALL = {"bleeding", "ulceration", "infection", "sepsis_signs"}
THEN, NOW = "2026-10-25", "2026-11-20"


def examined(on: str = THEN) -> list[dict]:
    """All four screening items absent."""
    site = {"bodySite": concept(LEFT)}
    return [observation(code, value=False, on=on, system=SCT, **site) for code in (BLEEDING, ULCER, CELLULITIS, SEPSIS)]


def left(found) -> set[str]:
    """What is still said to be absent."""
    said = found.facts.get("complications", {})
    assert set(said.values()) <= {"absent"}
    return set(said)


def test_an_examination_alone_stands(read) -> None:
    assert left(read(us(), cancer(), *examined())) == ALL


DOUBTED = [
    (condition(concept("R58", system=CM, text="Bleeding from left breast tumour"), NOW), {"bleeding"}),
    (condition("R58", NOW, CM), {"bleeding"}),
    (condition("R58", None, CM), {"bleeding"}),
    (condition(ULCER, NOW, bodySite=[{"text": "Left breast"}]), {"ulceration"}),
    (condition({"text": "Exulzeriertes Mammakarzinom links"}, NOW), {"ulceration"}),
    (condition({"text": "Left breast problem"}, NOW), ALL),
    (condition(concept(("http://example.org", "1", "Breast wound, infected")), NOW), {"ulceration", "infection"}),
    (condition(concept(("http://example.org", "1")), NOW, bodySite=[concept(LEFT)]), ALL),
    (condition(concept(("http://example.org", "1", "Urosepsis")), NOW), {"sepsis_signs"}),
    (condition("N61.22", NOW, CM), {"infection"}),
    (condition(BLEEDING, NOW, modifierExtension=[{"url": "http://example.org/x"}]), {"bleeding"}),
    (observation(BLEEDING, {"text": "brisk"}, NOW, SCT), {"bleeding"}),
    (observation(concept(("http://example.org", "2", "Breast bleeding")), value=True, on=NOW), {"bleeding"}),
    (observation({"text": "Breast bleeding"}, value=True, on=NOW), {"bleeding"}),
    ({"resourceType": "Encounter", "id": "x", "subject": US, "reasonCode": [concept(BLEEDING)],
      "period": {"start": NOW}}, {"bleeding"}),
    ({"resourceType": "Encounter", "id": "x", "subject": US, "reasonCode": [{"text": "bleeding breast tumour"}],
      "period": {"start": NOW}}, {"bleeding"}),
    ({"resourceType": "Encounter", "id": "x", "subject": US, "reason": [{"value": [{"concept": concept(BLEEDING)}]}],
      "actualPeriod": {"start": NOW}}, {"bleeding"}),
    ({"resourceType": "QuestionnaireResponse", "id": "x", "subject": US, "authored": NOW,
      "item": [{"item": [{"answer": [{"valueCoding": {"system": SCT, "code": CELLULITIS}}]}]}]}, {"infection"}),
    ({"resourceType": "QuestionnaireResponse", "id": "x", "subject": US, "authored": NOW,
      "item": [{"text": "Does your breast bleed?", "answer": [{"valueBoolean": True}]}]}, {"bleeding"}),
    ({"resourceType": "QuestionnaireResponse", "id": "x", "subject": US, "authored": NOW,
      "item": [{"text": "Does your breast bleed?", "answer": [{"valueCoding": {"display": "Yes"}}]}]}, {"bleeding"}),
    ({"resourceType": "QuestionnaireResponse", "id": "x", "subject": US, "authored": NOW,
      "item": [{"text": "What else?", "answer": [{"valueString": "A wound on my breast"}]}]}, {"ulceration"}),
    ({"resourceType": "ClinicalImpression", "id": "x", "subject": US, "effectiveDateTime": NOW,
      "finding": [{"itemCodeableConcept": concept(SEPSIS)}]}, {"sepsis_signs"}),
    ({"resourceType": "ClinicalImpression", "id": "x", "subject": US, "date": NOW,
      "finding": [{"item": {"concept": {"text": "Ulcerated breast tumour"}}}]}, {"ulceration"}),
    ({"resourceType": "Flag", "id": "x", "subject": US, "status": "active", "period": {"start": NOW},
      "code": {"text": "Breast tumour bleeds"}}, {"bleeding"}),
    ({"resourceType": "AdverseEvent", "id": "x", "subject": US, "actuality": "actual", "date": NOW,
      "event": concept("10006259", system="http://www.meddra.org")}, {"infection"}),
    ({"resourceType": "DiagnosticReport", "id": "x", "subject": US, "conclusionCode": [concept(SEPSIS)]},
     {"sepsis_signs"}),
]  # fmt: skip


@pytest.mark.parametrize(("newer", "doubted"), DOUBTED)
def test_what_may_be_a_complication_withdraws_an_older_absence(read, newer: dict, doubted: set[str]) -> None:
    found = read(us(), cancer(), *examined(), newer)
    assert left(found) == ALL - doubted
    assert {each["fact"] for each in found.data_conflicts} == {f"complications.{kind}" for kind in doubted}
    for conflict in found.data_conflicts:
        assert any(newer["id"] in label for label in conflict["resources"])


@pytest.mark.parametrize(
    "harmless",
    [
        condition("R58", "2026-10-01", CM),
        condition("R58", NOW, CM, clinical="resolved"),
        condition(concept("R58", system=CM, text="Epistaxis"), NOW),
        condition(ULCER, NOW, bodySite=[concept("39607008")]),
        condition(ULCER, NOW, bodySite=[{"text": "Left heel"}]),
        condition(ULCER, NOW, bodySite=[concept(RIGHT)]),
        condition({"text": "Hypertension"}, NOW),
        condition({"text": "Breast cancer"}, NOW),
        condition(concept(("http://example.org", "1", "Wound of knee")), NOW),
        observation(concept(("http://example.org", "2", "Breast bleeding")), value=False, on=NOW),
        observation({"text": "Breast bleeding"}, "373067005", NOW),
        {"resourceType": "Encounter", "id": "x", "subject": US, "reasonCode": [concept(BLEEDING)],
         "period": {"start": "2026-10-01"}},
        {"resourceType": "Encounter", "id": "x", "subject": US, "reasonCode": [concept(BLEEDING)],
         "status": "cancelled"},
        {"resourceType": "Encounter", "id": "x", "subject": US, "reasonCode": [{"text": "Bleeding from the nose"}],
         "period": {"start": NOW}},
        {"resourceType": "QuestionnaireResponse", "id": "x", "subject": US, "authored": NOW,
         "item": [{"text": "Does your breast bleed?", "answer": [{"valueBoolean": False}]}]},
        {"resourceType": "QuestionnaireResponse", "id": "x", "subject": US, "authored": NOW,
         "item": [{"text": "Does your breast bleed?", "answer": [{"valueString": "No"}]}]},
        {"resourceType": "Flag", "id": "x", "subject": US, "status": "inactive", "code": concept(BLEEDING)},
        {"resourceType": "AdverseEvent", "id": "x", "subject": US, "date": NOW, "outcome": concept("resolved"),
         "event": concept("10006259", system="http://www.meddra.org")},
    ],
)  # fmt: skip
def test_what_is_older_or_certainly_elsewhere_does_not(read, harmless: dict) -> None:
    assert left(read(us(), cancer(), *examined(), harmless)) == ALL


def test_yes_and_no_are_values(read) -> None:
    bled = observation(BLEEDING, "373066001", NOW, SCT)
    assert read(us(), cancer(), *examined(), bled).facts["complications"]["bleeding"] == "present"
    dry = observation(BLEEDING, "373067005", NOW, SCT)
    assert read(us(), cancer(), dry).facts["complications"] == {"bleeding": "absent"}


def test_septic_shock_beside_an_older_examination_is_present(read) -> None:
    found = read(us(), cancer(), *examined(), condition("R65.21", "2026-11-22", CM))
    assert found.facts["complications"]["sepsis_signs"] == "present"


@pytest.mark.parametrize("code", [BLEEDING, SEPSIS])
def test_an_emergency_that_is_only_named_is_told(read, code: str) -> None:
    def named(on: str) -> dict:
        answer = {"valueCoding": {"system": SCT, "code": code}}
        return {"resourceType": "QuestionnaireResponse", "id": "x", "subject": US, "authored": on,
                "item": [{"answer": [answer]}]}  # fmt: skip

    found = read(us(), cancer(), named(NOW))
    assert "complications" not in found.facts
    (conflict,) = found.data_conflicts
    assert "examine today" in conflict["detail"]
    assert not read(us(), cancer(), named("2026-02-01")).data_conflicts
    assert not read(us(), named(NOW)).data_conflicts


def test_an_emergency_that_is_named_and_found_is_stated(read) -> None:
    visit = {"resourceType": "Encounter", "id": "x", "subject": US, "reasonCode": [concept(BLEEDING)]}
    found = read(us(), cancer(), condition(BLEEDING, NOW), visit)
    assert found.facts["complications"] == {"bleeding": "present"}
    assert not found.data_conflicts
