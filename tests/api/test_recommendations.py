"""One patient: the shape of the answer, its headers, and the permalink that asks the same again."""

import datetime as dt
import gzip
import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.facts.identifier import Encoder, read, write
from service.knowledge.guideline import Guideline
from tests.api.asking import BODIES, ONE, RESPONDER, SEPSIS, THREE_PLAIN_FACTS, contract, is_problem, named, send
from tests.api.conftest import CURRENT, NEW, OLD, Clock
from tests.conftest import GUIDELINE

VIEWS = ("full", "brief", "row")

# Typed from API.md, "Response 200". evidence and applicability come with the issue of the evidence.
ANSWER = {
    "decision_id",
    "guideline",
    "summary",
    "recommendations",
    "because",
    "missing_facts",
    "must_check",
    "what_would_change",
    "modifiers",
    "warnings",
    "data_conflicts",
    "refused",
    "citations",
    "dissent",
    "open_questions",
    "communication",
    "disclaimer",
    "links",
}
NOT_IN_BRIEF = {"evidence", "applicability", "communication"}
ROW = {"decision_id", "rule", "code", "direction", "strength", "certainty", "urgency", "warnings"}
RECOMMENDATION = {
    "code",
    "rule",
    "title",
    "statement",
    "direction",
    "strength",
    "certainty",
    "certainty_reasons",
    "urgency",
    "time_critical",
    "intent",
    "provenance",
    "options",
    "citations",
}
WORDS = {
    "direction": {"for", "against", "consider", "not_applicable", "insufficient"},
    "strength": {"strong", "conditional", "none"},
    "certainty": {"high", "moderate", "low", "very_low", "none"},
    "urgency": {"emergency", "urgent", "soon", "routine"},
    "intent": {"survival", "local_control", "symptom", "none"},
}
PROVENANCE = {"trial", "news", "other", "safety"}
OUTCOME = {"code", "direction", "strength", "certainty", "statement", "citations"}
CITATION = {
    "id",
    "title",
    "authors",
    "journal",
    "year",
    "doi",
    "pmid",
    "registry",
    "url",
    "supports",
    "locator",
    "read_in",
    "verified",
}
COMMUNICATION = {"key_message", "not_abandonment", "triggers_to_return", "uncertainty", "ask_patient", "avoid"}

every_body = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
every_view = pytest.mark.parametrize("view", VIEWS)


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return contract(app)


def answered(client: FlaskClient, body: Any, query: str = "", **headers: str) -> TestResponse:
    response = send(client, body, ONE + query, **headers)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response


def encoded(guideline: Guideline, **stated: str) -> str:
    """The facts part of a decision_id for features that the test names."""
    point = {**guideline.vocabulary.nothing, **stated}
    assert len(point) == len(guideline.vocabulary.nothing)
    return Encoder(guideline.vocabulary).encode(point)


# ---- shape


@every_body
@every_view
def test_every_answer_fits_the_published_schema(client: FlaskClient, document: dict, body: dict, view: str) -> None:
    answer = answered(client, body, f"?view={view}").get_json()
    named(document, "Row" if view == "row" else "Answer").validate(answer)


@every_body
def test_the_full_answer_has_every_member_of_the_contract(client: FlaskClient, body: dict) -> None:
    answer = answered(client, body).get_json()
    assert set(answer) >= ANSWER
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,200}", answer["decision_id"])
    assert set(answer["guideline"]) >= {"id", "release", "digest", "evidence_date", "review_by", "sign_off"}
    assert answer["recommendations"]
    for item in answer["recommendations"]:
        assert set(item) >= RECOMMENDATION
        assert all(item[name] in words for name, words in WORDS.items())
        assert item["provenance"]
        assert set(item["provenance"]) <= PROVENANCE
    assert set(answer["because"]) >= {"derived", "trace", "nearest"}
    assert set(answer["because"]["derived"]) == {"metastatic_axis", "response_axis", "complication_tier"}
    for item in answer["missing_facts"]:
        assert set(item) == {"fact", "decisive", "would_become"}
        assert all(set(outcome) >= OUTCOME for outcome in item["would_become"].values())
    assert set(answer["communication"]) >= COMMUNICATION
    assert answer["links"]["self"] == f"/v1/recommendations/{answer['decision_id']}"
    assert answer["links"]["page"].startswith("/")


@every_body
def test_a_missing_fact_is_decisive_exactly_when_a_value_changes_the_code(client: FlaskClient, body: dict) -> None:
    answer = answered(client, body).get_json()
    code = answer["recommendations"][0]["code"]
    for item in answer["missing_facts"]:
        assert item["decisive"] == any(outcome["code"] != code for outcome in item["would_become"].values()), item[
            "fact"
        ]


@every_body
def test_every_id_used_is_cited_in_full_and_nothing_else(client: FlaskClient, body: dict) -> None:
    answer = answered(client, body).get_json()
    used = {name for item in answer["recommendations"] for name in item["citations"]}
    used |= {
        name
        for item in answer["missing_facts"]
        for outcome in item["would_become"].values()
        for name in outcome["citations"]
    }
    used |= {name for item in (*answer["dissent"], *answer["open_questions"]) for name in item["citations"]}
    listed = [item["id"] for item in answer["citations"]]
    assert sorted(listed) == sorted(set(listed))
    assert used <= set(listed)
    for item in answer["citations"]:
        assert set(item) >= CITATION
        if item["doi"]:
            assert item["url"] == f"https://doi.org/{item['doi']}"
        assert item["url"] is None or item["url"].startswith("https://")


def test_the_brief_view_is_the_full_one_without_evidence_applicability_and_communication(client: FlaskClient) -> None:
    full = answered(client, RESPONDER).get_json()
    brief = answered(client, RESPONDER, "?view=brief").get_json()
    cited = {item["id"] for item in brief["citations"]}
    full["citations"] = [item for item in full["citations"] if item["id"] in cited]
    assert brief == {name: value for name, value in full.items() if name not in NOT_IN_BRIEF}


@every_body
def test_the_row_repeats_what_the_full_answer_leads_with(client: FlaskClient, body: dict) -> None:
    full, row = answered(client, body).get_json(), answered(client, body, "?view=row").get_json()
    lead = full["recommendations"][0]
    assert set(row) == ROW
    assert row["decision_id"] == full["decision_id"]
    assert {name: row[name] for name in ROW & RECOMMENDATION} == {name: lead[name] for name in ROW & RECOMMENDATION}
    assert row["warnings"] == [item["code"] for item in full["warnings"]]


def test_an_unknown_view_is_refused_by_name_of_the_known_ones(client: FlaskClient) -> None:
    problem = is_problem(send(client, RESPONDER, f"{ONE}?view=fancy"), 400)
    assert all(view in problem["detail"] for view in VIEWS)
    assert "fancy" not in problem["detail"]


def test_three_plain_facts_are_worth_sending(client: FlaskClient) -> None:
    answer = answered(client, THREE_PLAIN_FACTS).get_json()
    assert answer["recommendations"][0]["code"] == "CLARIFY_DE_NOVO_OR_RECURRENT"
    missing = next(item for item in answer["missing_facts"] if item["fact"] == "presentation")
    assert missing["decisive"]
    assert missing["would_become"]["de_novo"]["direction"] == "against"
    assert missing["would_become"]["recurrent"]["direction"] == "not_applicable"
    assert missing["would_become"]["de_novo"]["citations"]
    assert missing["would_become"]["recurrent"]["citations"]


def test_null_and_an_empty_object_say_the_same_as_nothing(client: FlaskClient) -> None:
    body = {
        "presentation": None,
        "complications": {},
        "chemotherapy_response": None,
        "age_years": None,
        "pregnant": None,
    }
    assert answered(client, body).data == answered(client, {}).data


def test_no_recommendation_is_made_of_nothing(client: FlaskClient) -> None:
    assert answered(client, {}).get_json()["recommendations"][0]["direction"] == "insufficient"


# ---- headers


@every_view
def test_headers_name_the_decision_the_release_and_a_version_of_the_answer(client: FlaskClient, view: str) -> None:
    response = answered(client, RESPONDER, f"?view={view}")
    assert response.headers["Decision-Id"] == response.get_json()["decision_id"]
    assert response.headers["Guideline-Release"] == CURRENT
    assert response.mimetype == "application/json"
    assert response.get_etag()[0]
    assert "Evidence-Review" not in response.headers


def test_a_post_is_never_stored_and_a_permalink_is_asked_again_each_time(client: FlaskClient) -> None:
    posted = answered(client, RESPONDER)
    assert posted.headers["Cache-Control"] == "no-store"
    got = client.get(posted.get_json()["links"]["self"])
    assert {part.strip() for part in got.headers["Cache-Control"].split(",")} == {"private", "no-cache"}


def test_vary_names_what_the_answer_depends_on(client: FlaskClient) -> None:
    posted = answered(client, RESPONDER)
    for response in (posted, client.get(posted.get_json()["links"]["self"])):
        assert {"accept-encoding", "accept-language"} <= {name.lower() for name in response.vary}


@pytest.mark.parametrize("given", ["abcdefgh", "A-1234567", "a" * 64, "0" * 8, "--------"])
def test_a_request_id_of_8_to_64_letters_digits_and_hyphens_is_taken_over(client: FlaskClient, given: str) -> None:
    assert answered(client, {}, X_Request_ID=given).headers["X-Request-ID"] == given
    assert client.get("/nowhere", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", ["", "abcdefg", "a" * 65, "abc defgh", "abcdefg_", "abcdefgé", "abcdefgh/", "12345678;x"]
)
def test_any_other_request_id_is_replaced_by_one_of_our_own(client: FlaskClient, given: str) -> None:
    first, second = (client.get("/livez", headers={"X-Request-ID": given}).headers["X-Request-ID"] for _ in range(2))
    assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", first)
    assert given != first != second


@every_view
def test_an_answer_over_a_kilobyte_is_gzipped_for_those_who_ask_and_reads_the_same(
    client: FlaskClient, view: str
) -> None:
    plain = answered(client, RESPONDER, f"?view={view}", Accept_Encoding="identity")
    zipped = answered(client, RESPONDER, f"?view={view}", Accept_Encoding="gzip")
    assert "Content-Encoding" not in plain.headers
    if len(plain.data) <= 1000:
        assert view == "row"
        assert "Content-Encoding" not in zipped.headers
        assert zipped.data == plain.data
    else:
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert int(zipped.headers["Content-Length"]) == len(zipped.data) < len(plain.data)
        assert gzip.decompress(zipped.data) == plain.data


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity, gzip;q=0"])
def test_nothing_is_gzipped_for_those_who_do_not_ask(client: FlaskClient, accepted: str) -> None:
    assert "Content-Encoding" not in answered(client, RESPONDER, Accept_Encoding=accepted).headers


# ---- permalink


@every_body
@every_view
def test_the_permalink_gives_the_same_bytes_as_the_post(client: FlaskClient, body: dict, view: str) -> None:
    posted = answered(client, body, f"?view={view}")
    got = client.get(f"{ONE}/{posted.headers['Decision-Id']}?view={view}")
    assert got.status_code == 200
    if view != "row" and posted.get_json()["refused"]:
        assert got.get_json() == posted.get_json() | {"refused": []}
    else:
        assert got.data == posted.data
        assert got.headers["ETag"] == posted.headers.get("ETag", got.headers["ETag"])
    assert got.headers["Decision-Id"] == posted.headers["Decision-Id"]
    assert got.headers["Guideline-Release"] == posted.headers["Guideline-Release"]


@every_body
def test_the_answer_is_the_same_400_days_later_and_at_another_address(
    client: FlaskClient, later: Flask, body: dict
) -> None:
    now, then = answered(client, body), answered(later.test_client(), body)
    assert then.data == now.data
    assert then.headers.get("ETag") == now.headers.get("ETag")
    permalink = later.test_client().get(f"{ONE}/{now.headers['Decision-Id']}")
    assert permalink.get_json() == now.get_json() | {"refused": []}


def test_a_permalink_of_a_dated_body_does_not_age(client: FlaskClient, later: Flask) -> None:
    """The POST without as_of is judged against today; the id keeps what that was."""
    body = RESPONDER | {"chemotherapy_response": {"overall": "PR", "assessed_on": "2026-11-01"}}
    now, then = answered(client, body), answered(later.test_client(), body)
    assert now.get_json()["because"]["derived"]["response_axis"] == "PR"
    assert then.get_json()["because"]["derived"]["response_axis"] == "NOT_EVALUABLE"
    assert later.test_client().get(f"{ONE}/{now.headers['Decision-Id']}").data == now.data


def test_the_id_holds_bands_only(client: FlaskClient) -> None:
    """Two patients in the same bands have the same id and the same answer."""
    one = RESPONDER | {"age_years": 56, "platelets_10e9_per_l": 50, "lesion_count": 9}
    two = RESPONDER | {"age_years": 65, "platelets_10e9_per_l": 412.5, "lesion_count": 700}
    assert answered(client, one).data == answered(client, two).data
    assert (
        answered(client, one | {"age_years": 66}).headers["Decision-Id"] != answered(client, one).headers["Decision-Id"]
    )


@every_view
def test_an_answer_that_the_caller_has_is_not_sent_again(client: FlaskClient, view: str) -> None:
    posted = answered(client, RESPONDER, f"?view={view}")
    link = f"{ONE}/{posted.headers['Decision-Id']}?view={view}"
    for accepted in ("identity", "gzip"):
        headers = {"If-None-Match": posted.headers["ETag"], "Accept-Encoding": accepted}
        again = client.get(link, headers=headers)
        assert again.status_code == 304
        assert again.data == b""
        assert again.headers["ETag"] == posted.headers["ETag"]
        assert "Content-Encoding" not in again.headers


def test_an_etag_is_of_one_decision_and_one_view(client: FlaskClient) -> None:
    tags = {answered(client, body, f"?view={view}").headers["ETag"] for body in (RESPONDER, {}) for view in VIEWS}
    assert len(tags) == 6
    link = answered(client, RESPONDER).get_json()["links"]["self"]
    other = answered(client, RESPONDER, "?view=row").headers["ETag"]
    assert client.get(link, headers={"If-None-Match": other}).status_code == 200


def test_a_head_request_tells_the_length_and_sends_nothing(client: FlaskClient) -> None:
    link = answered(client, RESPONDER).get_json()["links"]["self"]
    head, got = client.head(link), client.get(link)
    assert head.status_code == 200
    assert head.data == b""
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


# ---- ids that are none


def test_an_id_with_any_one_character_changed_is_not_found(client: FlaskClient) -> None:
    whole = answered(client, RESPONDER).headers["Decision-Id"]
    for place, char in enumerate(whole):
        for other in {"0", "a", "Z", "_", "-", chr(ord(char) ^ 1), char.swapcase()} - {char}:
            damaged = f"{whole[:place]}{other}{whole[place + 1 :]}"
            response = client.get(f"{ONE}/{damaged}")
            assert response.status_code == 404, damaged
    is_problem(response, 404, "not-found")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-1],
        lambda text: text[1:],
        lambda text: text + "0",
        lambda text: text + "%0A",
        lambda text: " " + text,
        lambda text: text.upper(),
        lambda text: text.replace("_", "-"),
        lambda _: "1",
        lambda _: "a" * 300,
        lambda _: "%00",
        lambda _: "é",
        lambda _: "%ED%A0%80",
    ],
)
def test_an_id_cut_stretched_or_invented_is_not_found(client: FlaskClient, damage: Any) -> None:
    whole = answered(client, RESPONDER).headers["Decision-Id"]
    is_problem(client.get(f"{ONE}/{damage(whole)}"), 404, "not-found")


@pytest.mark.parametrize(
    "stated",
    [
        {"metastatic_status": "M0", "presentation": "de_novo"},
        {"metastatic_status": "M1", "metastatic_extent": "oligometastatic", "lesion_count": ">5"},
        {"chemotherapy_response.overall": "CR", "chemotherapy_response.distant": "PD"},
        {"complications.pain.presence": "absent", "complications.pain.grade": "2"},
        {"chemotherapy_response.assessed_on": "future"},
        {"form.repeated": "yes"},
    ],
)
def test_an_id_with_a_good_check_value_is_still_checked_like_a_request(
    client: FlaskClient, guideline: Guideline, stated: dict[str, str]
) -> None:
    name = write(*guideline.key, encoded(guideline, **stated))
    assert read(name) is not None
    is_problem(client.get(f"{ONE}/{name}"), 404, "not-found")


def test_contradictory_facts_of_an_emergency_have_a_permalink(client: FlaskClient, guideline: Guideline) -> None:
    facts = encoded(
        guideline,
        **{"metastatic_status": "M0", "presentation": "de_novo", "complications.sepsis_signs.presence": "present"},
    )
    answer = client.get(f"{ONE}/{write(*guideline.key, facts)}").get_json()
    assert answer["recommendations"][0]["code"] == "EMERGENCY_PATHWAY"
    assert "V01" in {item["rule"] for item in answer["data_conflicts"]}


@pytest.mark.parametrize("facts", ["z" * 60, "z" * 150])
def test_a_number_beyond_the_vocabulary_is_not_found(client: FlaskClient, guideline: Guideline, facts: str) -> None:
    is_problem(client.get(f"{ONE}/{write(*guideline.key, facts)}"), 404, "not-found")


def test_a_decision_has_one_id_only(client: FlaskClient, guideline: Guideline) -> None:
    facts = encoded(guideline, metastatic_status="M1")
    assert client.get(f"{ONE}/{write(*guideline.key, facts)}").status_code == 200
    is_problem(client.get(f"{ONE}/{write(*guideline.key, '0' + facts)}"), 404, "not-found")


def test_an_id_of_a_release_that_is_gone_says_so(client: FlaskClient, guideline: Guideline) -> None:
    facts = encoded(guideline, metastatic_status="M1")
    is_problem(client.get(f"{ONE}/{write(GUIDELINE, '2019-01-01', facts)}"), 410, "gone")


# ---- several releases


def test_the_general_form_is_the_short_one_with_the_guideline_named(client: FlaskClient) -> None:
    short, general = answered(client, RESPONDER), send(client, RESPONDER, f"/v1/guidelines/{GUIDELINE}/recommendations")
    assert general.status_code == 200
    assert general.data == short.data


def test_an_older_release_is_asked_by_name_and_the_newest_otherwise(updated: Flask) -> None:
    path = f"/v1/guidelines/{GUIDELINE}/recommendations"
    client = updated.test_client()
    strengths = {}
    for query, release in (("", NEW), ("?release=latest", NEW), (f"?release={NEW}", NEW), (f"?release={OLD}", OLD)):
        response = send(client, RESPONDER, path + query)
        assert response.headers["Guideline-Release"] == response.get_json()["guideline"]["release"] == release
        strengths[query] = response.get_json()["recommendations"][0]["strength"]
    assert strengths == {
        "": "strong",
        "?release=latest": "strong",
        f"?release={NEW}": "strong",
        f"?release={OLD}": "conditional",
    }


def test_an_unknown_guideline_or_release_is_not_found(client: FlaskClient) -> None:
    is_problem(send(client, RESPONDER, "/v1/guidelines/nothing/recommendations"), 404, "not-found")
    is_problem(send(client, RESPONDER, f"/v1/guidelines/{GUIDELINE}/recommendations?release=1999"), 404, "not-found")


@pytest.mark.parametrize("release", [OLD, CURRENT])
def test_an_old_permalink_keeps_its_answer_after_an_update(client: FlaskClient, updated: Flask, release: str) -> None:
    before = send(client, RESPONDER, f"/v1/guidelines/{GUIDELINE}/recommendations?release={release}").get_json()
    after = updated.test_client().get(before["links"]["self"])
    assert after.headers["Guideline-Release"] == release
    kept = ("code", "direction", "strength", "certainty", "urgency", "citations")
    for old, new in zip(before["recommendations"], after.get_json()["recommendations"], strict=True):
        assert {name: new[name] for name in kept} == {name: old[name] for name in kept}
    assert after.get_json()["because"]["derived"] == before["because"]["derived"]


def test_release_latest_asks_the_same_facts_of_the_newest_release_and_says_what_changed(
    updated: Flask, app: Flask
) -> None:
    client = updated.test_client()
    old = send(client, RESPONDER, f"/v1/guidelines/{GUIDELINE}/recommendations?release={CURRENT}").get_json()
    response = client.get(f"{old['links']['self']}?release=latest")
    answer = response.get_json()
    assert response.headers["Guideline-Release"] == answer["guideline"]["release"] == NEW
    assert response.headers["Decision-Id"] == answer["decision_id"] != old["decision_id"]
    assert answer["recommendations"][0]["strength"] == "strong"
    assert len(answer["changed"]) == 1
    assert "strength" in json.dumps(answer["changed"])
    newest = answered(client, RESPONDER).get_json()
    assert {name: value for name, value in answer.items() if name != "changed"} == newest
    named(contract(app), "Answer").validate(answer)


def test_release_latest_tells_the_other_words_of_the_shipped_release(client: FlaskClient, app: Flask) -> None:
    """The permalink of 2026-11-23: the same rule, no longer "Do not add", for it is conditional."""
    old = send(client, RESPONDER, f"/v1/guidelines/{GUIDELINE}/recommendations?release={OLD}").get_json()
    answer = client.get(f"{old['links']['self']}?release=latest").get_json()
    assert answer["guideline"]["release"] == CURRENT
    before, after = old["recommendations"][0], answer["recommendations"][0]
    assert (before["rule"], after["rule"]) == ("R16", "R16")
    changes = {change["member"]: change for change in answer["changed"]}
    assert (changes["statement"]["before"], changes["statement"]["after"]) == (before["statement"], after["statement"])
    assert before["statement"].startswith("Do not") != after["statement"].startswith("Do not")
    named(contract(app), "Answer").validate(answer)


def test_release_latest_tells_the_gate_that_answers_now(client: FlaskClient) -> None:
    """One lesion that nobody has proven: in 2026-12-01 gate G07 stands before R20."""
    facts = {name: value for name, value in RESPONDER.items() if name != "metastatic_extent"}
    facts |= {"lesion_count": 1, "all_sites_ablatable": True, "chemotherapy_response": "SD"}
    old = send(client, facts, f"/v1/guidelines/{GUIDELINE}/recommendations?release={OLD}").get_json()
    changed = client.get(f"{old['links']['self']}?release=latest").get_json()["changed"]
    rules = [(change["before"], change["after"]) for change in changed if change["member"] == "rule"]
    assert rules == [("R20", "G07")]


@every_view
def test_release_latest_of_the_newest_release_has_changed_nothing(client: FlaskClient, view: str) -> None:
    posted = answered(client, RESPONDER, f"?view={view}")
    got = client.get(f"{ONE}/{posted.headers['Decision-Id']}?release=latest&view={view}").get_json()
    assert got == posted.get_json() | {"changed": []}


def test_a_release_that_was_taken_away_is_gone(client: FlaskClient, only_new: Flask) -> None:
    link = answered(client, RESPONDER).get_json()["links"]["self"]
    is_problem(only_new.test_client().get(link), 410, "gone")


# ---- review date


def test_a_review_date_that_has_passed_is_told_outside_the_answer(
    client: FlaskClient, away: tuple[Flask, Clock]
) -> None:
    app, clock = away
    fresh = answered(client, RESPONDER)
    review_by = dt.date.fromisoformat(fresh.get_json()["guideline"]["review_by"])
    other = app.test_client()
    clock.set(review_by)
    assert "Evidence-Review" not in answered(other, RESPONDER).headers
    clock.set(review_by + dt.timedelta(days=1))
    late = answered(other, RESPONDER)
    assert late.headers["Evidence-Review"] == "overdue"
    assert other.get(fresh.get_json()["links"]["self"]).headers["Evidence-Review"] == "overdue"
    assert late.data == fresh.data
    ready = other.get("/readyz")
    assert ready.status_code == 200
    assert ready.get_json()["status"] == "degraded"
    assert "overdue" in json.dumps(ready.get_json()["parts"])


def test_an_emergency_is_answered_by_an_overdue_guideline_too(later: Flask) -> None:
    assert answered(later.test_client(), SEPSIS).headers["Evidence-Review"] == "overdue"
