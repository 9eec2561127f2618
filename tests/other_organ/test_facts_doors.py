"""A guideline of another organ is a folder at every door that is asked with facts, or that shows its knowledge."""

import csv
import http.client
import io
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from service.knowledge.cases import Case
from service.knowledge.library import load_library
from service.knowledge.proof import PROOF
from tests.api.asking import JSON, NDJSON, contract, is_problem, send
from tests.content import read_cases
from tests.knowledge.test_worked_cases import answered, recalled, refused
from tests.other_organ.conftest import CONTAINED, FOLDER, HOME, OTHER, PERFORATED, RELEASE, SPREAD, STOMACH

ASK = f"{HOME}/recommendations"
BATCH = f"{ASK}/batch"
CASES = read_cases(FOLDER)
PATIENTS = [CONTAINED, {"spread": 1}, PERFORATED]


def read(client: FlaskClient, path: str) -> Any:
    response = client.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)[:500]
    return response.get_json()


def text(client: FlaskClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.get_data(as_text=True)


# ---- the folder


def test_the_guideline_is_yaml_alone_and_loads_without_the_shipped_one() -> None:
    assert {path.suffix for path in OTHER.rglob("*") if path.is_file() and path.name != PROOF} == {".yaml"}
    assert list(load_library(OTHER).guidelines) == [STOMACH]


def test_it_says_everywhere_that_nobody_may_be_treated_by_it() -> None:
    guideline = load_library(OTHER).newest(STOMACH)
    assert guideline is not None
    assert "test only, no clinical use" in guideline.release.title
    assert guideline.release.sign_off == "awaiting"
    studies = {outcome.study for each in guideline.evidence.outcomes for outcome in each.trials}
    assert all(name.startswith("toy_") for name in studies)
    assert all(name.startswith("TOY-") for name in guideline.citations)


def test_it_shares_no_fact_finding_list_or_axis_with_the_shipped_guideline(both: Path) -> None:
    library = load_library(both)
    own, shipped = library.newest(STOMACH), library.newest(library.default)
    assert own is not None
    assert shipped is not None
    assert own.vocabulary.facts.keys().isdisjoint(shipped.vocabulary.facts)
    assert set(own.release.axes).isdisjoint(shipped.release.axes)
    assert {finding.tier for finding in own.findings}.isdisjoint(finding.tier for finding in shipped.findings)
    lists = {path.stem for path in (OTHER / "terminology").glob("*.yaml")} - {"systems"}
    assert all(name.startswith("stomach_") for name in lists)
    assert set(own.kinds) - {"emergency"} == set(own.kinds) - set(shipped.kinds)


# ---- answers


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_worked_case_is_answered_as_written(stomach: FlaskClient, case: Case) -> None:
    body = case.body if case.body is not None else json.dumps(case.facts)
    response = stomach.post(ASK, data=body, content_type=JSON)
    assert response.status_code == case.expect.get("status", 200), response.get_json()
    if response.status_code == 422:
        refused(response.get_json(), case.expect)
    else:
        answered(response.get_json(), case.expect)
        recalled(stomach.application, response.get_json())


def test_alone_it_is_the_one_that_routes_without_an_id_stand_for(alone: Flask) -> None:
    client = alone.test_client()
    assert client.post("/v1/recommendations", json=CONTAINED).data == client.post(ASK, json=CONTAINED).data
    assert read(client, "/v1/facts") == read(client, f"{HOME}/facts")
    outcome = read(client, "/v1/evidence/length-of-life")
    assert outcome["pooled_reason"] == read(client, f"{HOME}/evidence/length-of-life")["pooled_reason"]


def test_beside_the_shipped_guideline_each_keeps_its_own_facts(beside: Flask) -> None:
    client = beside.test_client()
    is_problem(client.post("/v1/recommendations", json=CONTAINED), 422)
    is_problem(client.post(ASK, json={"complications": "none"}), 422)


def test_the_neighbour_changes_nothing_but_the_digest(alone: Flask, beside: Flask) -> None:
    for facts in (CONTAINED, SPREAD, PERFORATED, {}):
        answers = [app.test_client().post(ASK, json=facts).get_json() for app in (alone, beside)]
        assert answers[0] == answers[1]


@pytest.mark.parametrize("view", ["", "?view=full", "?view=brief", "?view=row"])
def test_every_view_is_given(stomach: FlaskClient, view: str) -> None:
    answer = send(stomach, CONTAINED, f"{ASK}{view}").get_json()
    assert "S3" in json.dumps(answer)


def test_its_evidence_stands_in_the_answer_without_a_pool(stomach: FlaskClient) -> None:
    answer = send(stomach, SPREAD, ASK).get_json()
    assert list(answer["evidence"]) == ["length_of_life"]
    outcome = answer["evidence"]["length_of_life"]
    assert (outcome["pooled"], outcome["pooled_reason"]) == (
        None,
        "The two toy trials are invented on different planets.",
    )
    (compared,) = answer["applicability"]
    assert compared["matches"] == ["spread seen together with the tumour"]


@pytest.mark.parametrize("mimetype", [JSON, NDJSON])
def test_a_batch_is_answered_patient_by_patient(stomach: FlaskClient, mimetype: str) -> None:
    body = json.dumps(PATIENTS) if mimetype == JSON else "\n".join(map(json.dumps, PATIENTS))
    response = send(stomach, body, BATCH, mimetype)
    assert response.status_code == 200, response.get_data(as_text=True)
    lines = response.get_json() if mimetype == JSON else [json.loads(line) for line in response.data.splitlines()]
    assert [item["status"] for item in lines] == [200, 422, 200]
    assert [lines[index]["answer"]["rule"] for index in (0, 2)] == ["S3", "S1"]


def test_lines_are_answered_while_they_come(serving: Any, both: Path) -> None:
    head = f"POST {BATCH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {NDJSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with (
        serving(AUTH="none", CONTENT=str(both), GUIDELINES=STOMACH) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=20) as talk,
    ):
        talk.sendall(head.encode())
        answer = http.client.HTTPResponse(talk, method="POST")
        for index, (facts, rule) in enumerate([(CONTAINED, "S3"), (PERFORATED, "S1")]):
            line = json.dumps(facts).encode() + b"\n"
            talk.sendall(b"%x\r\n%b\r\n" % (len(line), line))
            if not index:
                answer.begin()
            item = json.loads(answer.readline())
            assert (item["index"], item["status"], item["answer"]["rule"]) == (index, 200, rule)
        talk.sendall(b"0\r\n\r\n")
        assert answer.read() == b""


def test_an_emergency_is_answered_whatever_else_is_wrong(stomach: FlaskClient) -> None:
    for broken in ({**PERFORATED, "mood": 1}, {**PERFORATED, "age": "old"}, {"fever_on_drugs": "true"}):
        answer = send(stomach, broken, ASK).get_json()
        assert answer["recommendations"][0]["code"] == "TOY_EMERGENCY"


def test_a_permalink_and_its_bytes_come_again(stomach: FlaskClient) -> None:
    for facts in ({}, CONTAINED, SPREAD, PERFORATED):
        first = stomach.post(ASK, json=facts)
        again = stomach.get(f"/v1/recommendations/{first.headers['Decision-Id']}")
        assert first.headers["Decision-Id"].startswith(f"1_{STOMACH}_{RELEASE}_")
        assert again.data == first.data


# ---- knowledge


def test_it_is_listed(stomach: FlaskClient) -> None:
    listed = {item["id"]: item for item in read(stomach, "/v1/guidelines")["guidelines"]}
    assert listed[STOMACH]["release"] == RELEASE
    assert STOMACH in [item["id"] for item in read(stomach, "/version")["guidelines"]]


def test_it_tells_its_axes_contradictions_and_cases(stomach: FlaskClient) -> None:
    found = read(stomach, HOME)
    assert list(found["axes"]) == ["reach", "course_now", "trouble_level"]
    assert found["contradictions"] == ["Y01", "Y02", "Y03", "Y04", "Y05", "Y06"]
    assert found["worked_cases"] == len(CASES)


def test_its_facts_are_told_with_every_kind(stomach: FlaskClient) -> None:
    facts = {fact["name"]: fact for fact in read(stomach, f"{HOME}/facts")["facts"]}
    assert [member["path"] for member in facts["course_of_disease"]["members"]] == [
        "course_of_disease.state",
        "course_of_disease.seen_on",
    ]
    assert "haematemesis" in [finding["name"] for finding in facts["troubles"]["types"]]
    assert facts["albumin_g_per_l"]["bands"] == ["<30", ">=30"]
    assert "day_asked" in facts


def test_its_rules_are_told_by_id_and_by_code(stomach: FlaskClient) -> None:
    assert [rule["id"] for rule in read(stomach, f"{HOME}/rules")["rules"]] == ["S1", "S2", "S3", "S4", "S5", "S6"]
    assert read(stomach, f"{HOME}/rules/S4") == read(stomach, f"{HOME}/rules/TOY_LEAVE")


def test_its_decision_table_is_told_as_cells_and_as_csv(stomach: FlaskClient) -> None:
    cells = read(stomach, f"{HOME}/decision-table")["cells"]
    assert len(cells) == 3 * 3 * 5
    rules = {(cell["reach"], cell["course_now"], cell["trouble_level"]): cell["rule"] for cell in cells}
    assert rules["FAR", "WORSE", "QUIET"] == "S4"
    rows = list(csv.DictReader(io.StringIO(text(stomach, f"{HOME}/decision-table.csv"))))
    assert len(rows) == len(cells)
    assert rows[0].keys() >= {"reach", "course_now", "trouble_level", "rule"}


def test_its_evidence_is_told_drawn_and_listed(stomach: FlaskClient) -> None:
    assert [outcome["id"] for outcome in read(stomach, f"{HOME}/evidence")["outcomes"]] == ["length_of_life"]
    outcome = read(stomach, f"{HOME}/evidence/length-of-life")
    assert outcome["favours"] == {"below": "stomach removed", "above": "stomach left in place"}
    assert [study["study"] for study in outcome["studies"]] == ["toy_gaster_one", "toy_gaster_two"]
    assert "favours stomach removed" in text(stomach, f"{HOME}/evidence/length-of-life.svg")
    rows = list(csv.DictReader(io.StringIO(text(stomach, f"{HOME}/evidence/length-of-life.csv"))))
    assert [row["kind"] for row in rows][-1] == "not_pooled"
    is_problem(stomach.get(f"{HOME}/evidence/overall-survival"), 404)


def test_its_hazards_and_source_attributes_are_told(stomach: FlaskClient) -> None:
    assert [hazard["id"] for hazard in read(stomach, f"{HOME}/hazards")["hazards"]] == ["X1", "X2"]
    assert "TOY-GASTER-1" in json.dumps(read(stomach, f"{HOME}/source-attributes"))


def test_its_sources_and_studies_are_told(stomach: FlaskClient) -> None:
    cited_by = read(stomach, "/v1/citations/TOY-GASTER-1")["cited_by_guideline"]
    assert cited_by == {STOMACH: ["S3", "S4"]}
    assert read(stomach, "/v1/studies/toy_gaster_one")["id"] == "toy_gaster_one"


# ---- the contract


@pytest.mark.parametrize(("name", "folder"), [("beside", STOMACH), ("alone", "{guideline}")])
def test_the_contract_has_its_request_schema(request: pytest.FixtureRequest, name: str, folder: str) -> None:
    document = contract(request.getfixturevalue(name))
    OpenAPIV31SpecValidator(document).validate()
    schemas = document["components"]["schemas"]
    (own,) = [name for name, schema in schemas.items() if "albumin_g_per_l" in schema.get("properties", {})]
    assert {"troubles", "course_of_disease", "day_asked"} <= schemas[own]["properties"].keys()
    for path in ("recommendations", "recommendations/batch"):
        operation = document["paths"][f"/v1/guidelines/{folder}/{path}"]["post"]
        assert f"/schemas/{own}" in json.dumps(operation["requestBody"])


def test_an_unknown_guideline_is_not_found_at_any_door(stomach: FlaskClient) -> None:
    home = "/v1/guidelines/toy-spleen"
    for path in ("", "/facts", "/rules", "/decision-table", "/evidence", "/hazards", "/source-attributes"):
        is_problem(stomach.get(f"{home}{path}"), 404)
    for path in ("/recommendations", "/recommendations/batch", "/facts/extract"):
        is_problem(stomach.post(f"{home}{path}", json=[]), 404)
