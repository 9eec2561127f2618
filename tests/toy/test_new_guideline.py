"""A new guideline is a folder and no Python: two invented ones are loaded, proved and asked over HTTP."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from service.knowledge.library import load_library
from service.knowledge.proof import PROOF
from tests.content import read_cases
from tests.knowledge.test_worked_cases import answered, recalled, refused
from tests.toy.conftest import TOY, app_of

FOLDERS = sorted((TOY / "guidelines").glob("*/*/"))
CASES = [(folder.parent.name, case) for folder in FOLDERS for case in read_cases(folder)]

WET = {"forecast": "rain", "hazards": "none", "walk_minutes": 30}
OVERHEAD = {"hazards": {"lightning": {"overhead": True}}}


@pytest.mark.parametrize(("guideline", "case"), CASES, ids=[f"{name}: {case.name}" for name, case in CASES])
def test_every_worked_case_of_an_invented_guideline_is_answered_as_written(toy, guideline, case):
    body = case.body if case.body is not None else json.dumps(case.facts)
    url = f"/v1/guidelines/{guideline}/recommendations"
    response = toy.test_client().post(url, data=body, content_type="application/json")
    assert response.status_code == case.expect.get("status", 200), response.get_json()
    if response.status_code == 422:
        refused(response.get_json(), case.expect)
    else:
        answered(response.get_json(), case.expect)
        recalled(toy, response.get_json())


def test_the_folder_holds_data_only():
    assert {path.suffix for path in TOY.rglob("*") if path.is_file() and path.name != PROOF} == {".yaml"}


def test_no_python_of_the_service_names_the_invented_guideline():
    sources = (Path(__file__).parents[2] / "service").rglob("*.py")
    assert not [str(path) for path in sources if "umbrella" in path.read_text(encoding="utf-8").lower()]


def test_the_answer_carries_grade_options_sources_and_words_of_the_folder(ask_toy):
    answer = ask_toy(WET)
    lead = answer["recommendations"][0]
    assert lead["statement"] == "Take an umbrella."
    assert (lead["direction"], lead["strength"], lead["certainty"]) == ("for", "conditional", "moderate")
    assert [option["id"] for option in lead["options"]] == ["umbrella", "raincoat"]
    assert lead["options"][0]["benefit"] == "Dry in 80.5%."
    assert lead["certainty_reasons"] == [{"domain": "imprecision", "text": "HR 0.50, 95% CI 0.31-0.805"}]
    source = answer["citations"][0]
    assert (source["id"], source["locator"].split("; ")[0], source["verified"]) == ("TOY-RAIN", "abstract", "yes")
    assert source["supports"].startswith("that umbrellas keep people dry (HR 0.50, 95% CI 0.31-0.805)")
    assert [item["citations"] for item in answer["dissent"]] == [["TOY-STORM"]]
    assert [item["text"] for item in answer["open_questions"]] == [
        "Whether the colour matters is open (OR 1.25, exploratory)."
    ]
    assert answer["communication"]["key_message"] == "It will be wet."
    assert answer["because"]["derived"] == {"wetness": "WET", "hazard_tier": "T0"}
    assert answer["disclaimer"].startswith("An invented guideline")


def test_a_modifier_of_the_folder_removes_marks_lowers_and_words(ask_toy):
    answer = ask_toy({**WET, "sky": {"wind_km_per_h": 41}, "belongings": ["laptop"]})
    lead = answer["recommendations"][0]
    assert lead["statement"] == "Take a raincoat; keep the laptop dry."
    assert lead["certainty"] == "low"
    assert [(option["id"], option["note"]) for option in lead["options"]] == [("raincoat", "button it up")]
    assert [item["id"] for item in answer["modifiers"]] == ["WINDY", "LAPTOP"]
    assert answer["must_check"] == ["It opens", "The bag is closed", "Keys"]
    assert (
        "that laptops dislike rain (RR 1.20, 90% CI 1.00-1.44, the ratio has a 90% interval)"
        in (answer["citations"][0]["supports"])
    )


def test_what_is_missing_is_found_among_the_facts_of_the_folder(ask_toy):
    missing = {item["fact"]: item for item in ask_toy({"hazards": "none"})["missing_facts"]}
    codes = {value: other["code"] for value, other in missing["forecast"]["would_become"].items()}
    assert missing["forecast"]["decisive"]
    assert codes == {"dry": "LEAVE_UMBRELLA", "rain": "TAKE_UMBRELLA"}
    assert "staying_in" in missing
    assert "belongings" not in missing


def test_the_fact_that_the_rule_asks_for_first_stands_first_and_is_named_in_the_key_message(ask_toy):
    answer = ask_toy({})
    assert answer["missing_facts"][0]["fact"] == "hazards.lightning"
    assert answer["communication"]["key_message"] == "Still open: whether there is lightning."


def test_the_emergency_tier_of_the_folder_is_answered_whatever_else_is_wrong(ask_toy):
    for broken in (
        {**OVERHEAD, "mood": "good"},
        {**OVERHEAD, "forecast": 7},
        {**OVERHEAD, "as_of": "2999-01-01"},
        {"hazards": {"LIGHTNING": {"overhead": "true"}}},
    ):
        answer = ask_toy(broken)
        assert answer["recommendations"][0]["code"] == "GO_INSIDE_NOW"
        assert answer["refused"] or [item["rule"] for item in answer["data_conflicts"]] == ["W05"]
        assert answer["missing_facts"] == []


def test_the_urgent_tier_of_the_folder_is_told_in_a_refusal(ask_toy):
    problem = ask_toy({"hazards": ["lightning"], "mood": "good"}, status=422)
    assert problem["urgent"]["code"] == "WAIT_UNDER_A_ROOF"
    assert [error["pointer"] for error in problem["errors"]] == ["/mood"]


def test_a_spelling_of_the_folder_is_refused_by_name(ask_toy):
    (error,) = ask_toy({"sky": "gray"}, status=422)["errors"]
    assert error["pointer"] == "/sky"
    assert "grey" in error["detail"]


def test_a_permalink_of_an_invented_guideline_gives_the_same_bytes_again(toy):
    client = toy.test_client()
    for facts in ({}, WET, OVERHEAD, {**WET, "belongings": ["hat", "laptop"], "sky": "blue"}):
        first = client.post("/v1/recommendations", json=facts)
        name = first.headers["Decision-Id"]
        again = client.get(f"/v1/recommendations/{name}")
        assert name.startswith("1_toy-umbrella_2026-02-01_")
        assert again.status_code == 200
        assert again.get_data() == first.get_data()


def test_the_trace_names_the_tables_of_the_folder_and_why_not_the_nearest_rule(ask_toy):
    because = ask_toy(WET)["because"]
    assert because["trace"][-1]["output"] == "U03"
    assert [step["table"] for step in because["trace"]] == ["look_today", "wetness", "hazard_tier", "toy-umbrella"]
    near = {(item["rule"], item["feature"]): item["needed"] for item in because["nearest"]}
    assert near["U04", "wetness"] == ["DRY"]
    assert near["U02", "hazard_tier"] == ["T3"]


def test_the_rule_that_holds_is_never_told_as_its_own_neighbour(ask_toy):
    assert "U03" not in {item["rule"] for item in ask_toy(WET)["because"]["nearest"]}


def test_the_guidelines_of_the_folder_are_listed(toy):
    listed = toy.test_client().get("/v1/guidelines").get_json()["guidelines"]
    assert [(item["id"], item["release"]) for item in listed] == [
        ("toy-coat", "2026-03-01"),
        ("toy-umbrella", "2026-02-01"),
    ]


def test_one_guideline_tells_its_axes_modifiers_and_number_of_cases(toy):
    told = toy.test_client().get("/v1/guidelines/toy-umbrella").get_json()
    assert told["axes"] == {"wetness": ["WET", "DRY", "UNKNOWN"], "hazard_tier": ["T4", "T3", "T1", "TU", "T0"]}
    assert [item["id"] for item in told["modifiers"]] == ["WINDY", "LAPTOP", "ALWAYS"]
    assert told["contradictions"] == ["W01", "W02", "W03", "W04", "W05"]
    assert told["worked_cases"] == sum(name == "toy-umbrella" for name, _ in CASES)


def test_every_cell_of_the_decision_table_has_its_rule(toy):
    cells = toy.test_client().get("/v1/guidelines/toy-umbrella/decision-table").get_json()["cells"]
    rules = {(cell["wetness"], cell["hazard_tier"]): cell["rule"] for cell in cells}
    assert len(rules) == 15
    assert rules["WET", "T1"] == "U03"
    assert rules["UNKNOWN", "TU"] == "U05"


def test_the_facts_of_the_folder_are_told_with_every_kind(toy):
    told = toy.test_client().get("/v1/facts").get_json()
    facts = {fact["name"]: fact for fact in told["facts"]}
    assert told["guideline"]["id"] == "toy-umbrella"
    assert list(facts) == ["forecast", "sky", "hazards", "belongings", "walk_minutes", "staying_in", "as_of"]
    assert facts["forecast"]["values"]["rain"]["synonyms"] == ["showers"]
    assert [member["path"] for member in facts["sky"]["members"]] == ["sky.look", "sky.seen_on", "sky.wind_km_per_h"]
    assert [finding["name"] for finding in facts["hazards"]["types"]] == ["lightning", "hail"]
    assert facts["walk_minutes"]["bands"] == ["short", "long"]


@pytest.mark.parametrize("path", ["rules", "rules/U03", "rules/TAKE_UMBRELLA", "decision-table"])
def test_the_rules_of_the_folder_can_be_read(toy, path):
    assert toy.test_client().get(f"/v1/guidelines/toy-umbrella/{path}").status_code == 200


def test_a_source_tells_the_rules_of_the_folder_that_cite_it(toy):
    told = toy.test_client().get("/v1/citations/TOY-STORM").get_json()
    assert told["cited_by"] == ["U01", "U02"]
    assert told["verified"] == "second-hand"


def test_the_contract_is_made_of_the_facts_of_the_folder(toy):
    response = toy.test_client().get("/openapi.json")
    assert response.status_code == 200
    document = response.get_json()
    OpenAPIV31SpecValidator(document).validate()
    assert "forecast" in document["components"]["schemas"]["Facts"]["properties"]


def test_the_contract_beside_another_guideline_is_that_of_the_guideline_asked_by_default(beside):
    response = beside.test_client().get("/openapi.json")
    assert response.status_code == 200
    assert "forecast" in response.get_json()["components"]["schemas"]["Facts"]["properties"]


def test_the_probes_name_the_invented_releases(toy):
    client = toy.test_client()
    assert client.get("/readyz").get_json()["status"] == "ready"
    assert [item["id"] for item in client.get("/version").get_json()["guidelines"]] == ["toy-coat", "toy-umbrella"]


def test_beside_the_shipped_guideline_each_is_asked_by_its_own_name(beside):
    client = beside.test_client()
    by_default = client.post("/v1/recommendations", json=WET).get_json()
    umbrella = client.post("/v1/guidelines/toy-umbrella/recommendations", json=WET).get_json()
    shipped = client.post("/v1/guidelines/mbc-primary-lrt/recommendations", json={"metastatic_status": "M1"}).get_json()
    assert by_default == umbrella
    assert umbrella["guideline"]["id"] == "toy-umbrella"
    assert shipped["recommendations"][0]["rule"] == "R13"
    assert client.post("/v1/guidelines/mbc-primary-lrt/recommendations", json=WET).status_code == 422


def test_the_neighbour_does_not_change_an_answer(toy, beside):
    alone = toy.test_client().post("/v1/recommendations", json=WET).get_json()
    together = beside.test_client().post("/v1/recommendations", json=WET).get_json()
    assert alone == together


def test_a_batch_asks_the_guideline_of_the_folder(toy):
    answers = toy.test_client().post("/v1/recommendations/batch", json=[WET, {"forecast": 1}, OVERHEAD]).get_json()
    assert [item["status"] for item in answers] == [200, 422, 200]
    assert [answers[index]["answer"]["rule"] for index in (0, 2)] == ["U03", "U01"]


def test_a_guideline_without_findings_tables_or_modifiers_is_enough():
    client = app_of(TOY, "toy-coat").test_client()
    answer = client.post("/v1/recommendations", json={"temperature": "warm"}).get_json()
    assert answer["recommendations"][0]["code"] == "NO_COAT"
    assert (answer["communication"], answer["dissent"], answer["modifiers"]) == (None, [], [])
    assert client.get(answer["links"]["self"]).get_json() == answer
    unknown = client.post("/v1/recommendations", json={}).get_json()
    assert unknown["missing_facts"][0]["fact"] == "temperature"
    refusal = client.post("/v1/recommendations", json={"temperature": "hot"})
    assert refusal.status_code == 422
    assert "urgent" not in refusal.get_json()
    assert client.get("/v1/facts").get_json()["guideline"]["id"] == "toy-coat"


def test_a_key_said_twice_is_refused_even_where_no_contradiction_of_the_folder_says_so():
    client = app_of(TOY, "toy-coat").test_client()
    body = '{"temperature": "cold", "temperature": "warm"}'
    response = client.post("/v1/recommendations", data=body, content_type="application/json")
    assert response.status_code == 422
    assert [error["pointer"] for error in response.get_json()["errors"]] == ["/temperature"]


def test_the_contract_of_a_guideline_without_findings_can_be_read():
    response = app_of(TOY, "toy-coat").test_client().get("/openapi.json")
    assert response.status_code == 200
    assert "temperature" in response.get_json()["components"]["schemas"]["Facts"]["properties"]


def test_the_digest_of_a_toy_is_that_of_its_own_folder_and_the_shared_sources():
    first = load_library(TOY).guidelines
    assert first["toy-coat"]["2026-03-01"].digest != first["toy-umbrella"]["2026-02-01"].digest


def test_the_command_line_checks_an_invented_guideline():
    command = [sys.executable, "-m", "flask", "--app", "service", "guideline", "check"]
    environment = {"CONTENT": str(TOY), "GUIDELINE": "toy-umbrella", "PATH": "/usr/bin", "LOG_LEVEL": "error"}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "rules 5, gates 1, cells 15" in done.stdout
