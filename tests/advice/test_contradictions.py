"""The contradictions of D6 but V12 (a repeated key), written here once more, on bodies of every kind."""

import datetime as dt
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.facts.normal_form import normal_form
from service.facts.schema import request_schema
from tests.strategies import (
    ASSERTING,
    M0_WORDS,
    M1_WORDS,
    MANY,
    SCREEN,
    THERAPIES,
    TODAY,
    as_object,
    as_parts,
    bodies,
    dense_bodies,
    sparse_bodies,
)

LONG = {
    "complete_response": "CR",
    "partial_response": "PR",
    "stable_disease": "SD",
    "progressive_disease": "PD",
    "not_evaluable": "NE",
}
CATEGORY = {"CR", "PR", "SD", "PD", "NON_CR_NON_PD", "responded", "pCR"}
LESS_THAN_CR = {"PR", "SD", "PD", "NON_CR_NON_PD", "responded"}
UNSTATED = (None, "unknown")
CLEAR = dict.fromkeys(SCREEN, "absent")


def broken(body):
    """The rules of D6 that a body breaks."""
    said = {name: value for name, value in body.items() if value not in UNSTATED}
    parts = {name: LONG.get(value, value) for name, value in as_parts(body.get("chemotherapy_response")).items()}
    parts = {name: value for name, value in parts.items() if value not in UNSTATED}
    by_rule = status_rules(said, parts) | response_rules(said, parts) | extent_rules(said, parts)
    by_rule["V09"] = any(map(absent_and_there, as_object(body.get("complications")).values()))
    by_rule["V11"] = in_the_future(said, parts)
    by_rule |= outlook_rules(said)
    return {rule for rule, is_broken in by_rule.items() if is_broken}


def status_rules(said, parts):
    status, sites, lesions = (said.get(name) for name in ("metastatic_status", "metastatic_sites", "lesion_count"))
    m0 = status in M0_WORDS
    m1 = status in {*M1_WORDS, "pM1", "de_novo_metastatic", "recurrent_metastatic"}
    stated = {"presentation", "metastatic_extent", "all_sites_ablatable"} & set(said)
    spread = said.get("brain_metastases") is True or said.get("visceral_crisis") is True
    spread = spread or bool(sites) or bool(stated) or (lesions or 0) > 0
    treated = "metastasis_proof" in said or said.get("all_metastases_treated") is True
    opposite = {("de_novo_metastatic", "recurrent"), ("recurrent_metastatic", "de_novo")}
    return {
        "V01": m0 and (spread or treated),
        "V02": m1 and (sites == [] or lesions == 0) and not gone(parts),
        "V03": m0 and parts.get("distant") in CATEGORY,
        "V08": (status, said.get("presentation")) in opposite,
        "V10": m0 and spread and status.endswith("(i+)"),
        "V14": status == "pM1" and said.get("metastasis_proof") == "imaging_only",
    }


def outlook_rules(said):
    """Two fevers, and two outlooks, that cannot both be true."""
    fever, fever_now = said.get("fever_within_6_weeks_of_chemotherapy"), said.get("fever_now")
    weeks, under_a_year = said.get("last_weeks_of_life"), said.get("life_expectancy_under_1_year")
    return {"V13": fever is True and fever_now is False, "V15": weeks is True and under_a_year is False}


def response_rules(said, parts):
    overall, primary, distant = named = [parts.get(name) for name in ("overall", "primary", "distant")]
    resected = said.get("primary_tumour") == "resected"
    return {
        "V04": "not_started" in named and bool(CATEGORY & set(named) or "systemic_therapy" in said),
        "V05": overall == "CR" and bool(LESS_THAN_CR & {primary, distant}),
        "V06": ("pCR" in (overall, primary) and not resected)
        or distant == "pCR"
        or (overall == "pCR" and primary not in (None, "CR", "pCR")),
    }


def extent_rules(said, parts):
    ablatable, lesions = said.get("all_sites_ablatable"), said.get("lesion_count", -1)
    outside_bone = set(said.get("metastatic_sites", [])) - {"bone"} or said.get("brain_metastases") is True
    refused = {
        "oligometastatic": lesions > 5 or (lesions == 0 and not gone(parts)) or ablatable is False,
        "bone_only": bool(outside_bone),
        "polymetastatic": 1 <= lesions <= 5 and ablatable is True,
    }
    return {"V07": refused.get(said.get("metastatic_extent"), False)}


def gone(parts):
    """A complete response that explains why no lesion is left."""
    return "CR" in (parts.get("overall"), parts.get("distant"))


def absent_and_there(entry):
    if not isinstance(entry, dict) or entry.get("presence") != "absent":
        return False
    asserted = any(entry.get(flag) is value for flag, value in ASSERTING.items())
    return asserted or entry.get("grade") not in UNSTATED


def in_the_future(said, parts):
    if "assessed_on" not in parts:
        return False
    as_of = dt.date.fromisoformat(said.get("as_of", TODAY.isoformat()))
    return dt.date.fromisoformat(parts["assessed_on"]) > as_of + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def named(guideline):
    """The rules that the content names for a body, without asking over HTTP: for many thousand bodies."""
    schema = request_schema(guideline.vocabulary)

    def rules(body):
        stated = {name: value for name, value in body.items() if value is not None}
        point = guideline.chain.derive(normal_form(guideline.vocabulary, schema.load(stated), TODAY))
        return {clause.id for clause in guideline.contradictions.at(point)}

    return rules


WORDS = [None, "CR", "PR", "SD", "PD", "NON_CR_NON_PD", "NE", "not_started", "responded", "pCR"]


@pytest.mark.parametrize("overall", WORDS)
def test_d6_every_combination_of_responses_is_refused_exactly_where_it_contradicts_itself(named, overall):
    others = product(WORDS, WORDS, ["M0", "M1", None], [None, "chemotherapy"], [None, "in_situ", "resected"])
    for primary, distant, status, therapy, primary_tumour in others:
        body = {"metastatic_status": status, "systemic_therapy": therapy, "primary_tumour": primary_tumour}
        body["chemotherapy_response"] = {"overall": overall, "primary": primary, "distant": distant}
        assert named(body) == broken(body), body


STATUSES = [None, "M0", "M0(i+)", "M1", "pM1", "de_novo_metastatic", "recurrent_metastatic"]
EXTENTS = [None, "oligometastatic", "bone_only", "polymetastatic"]


@pytest.mark.parametrize("status", STATUSES)
def test_d6_every_combination_of_status_presentation_and_extent_is_refused_exactly_where_it_should_be(named, status):
    flags = [None, True, False]
    for presentation, extent, brain, crisis, ablatable in product(
        [None, "de_novo", "recurrent"], EXTENTS, flags, flags, flags
    ):
        body = {"metastatic_status": status, "presentation": presentation, "metastatic_extent": extent}
        body |= {"brain_metastases": brain, "visceral_crisis": crisis, "all_sites_ablatable": ablatable}
        assert named(body) == broken(body), body


@pytest.mark.parametrize("status", STATUSES)
def test_d6_every_combination_of_sites_and_lesions_is_refused_exactly_where_it_should_be(named, status):
    sites = [None, [], ["bone"], ["liver"], ["bone", "liver"]]
    for extent, where, lesions, ablatable, response in product(
        EXTENTS, sites, [None, 0, 1, 2, 5, 6], [None, True, False], [None, "CR", "PR", {"distant": "CR"}]
    ):
        body = {"metastatic_status": status, "metastatic_extent": extent, "metastatic_sites": where}
        body |= {"lesion_count": lesions, "all_sites_ablatable": ablatable, "chemotherapy_response": response}
        assert named(body) == broken(body), body


@pytest.mark.parametrize("status", STATUSES)
def test_every_combination_of_status_proof_fever_and_outlook_is_refused_exactly_where_it_should_be(named, status):
    flags = [None, True, False]
    for proof, treated, fever, fever_now, weeks, under_a_year in product(
        [None, "histology", "imaging_only"], flags, flags, flags, flags, flags
    ):
        body = {"metastatic_status": status, "metastasis_proof": proof, "all_metastases_treated": treated}
        body |= {"fever_within_6_weeks_of_chemotherapy": fever, "fever_now": fever_now}
        body |= {"last_weeks_of_life": weeks, "life_expectancy_under_1_year": under_a_year}
        assert named(body) == broken(body), body


@pytest.mark.parametrize("therapy", THERAPIES)
@pytest.mark.parametrize("part", ["overall", "primary", "distant"])
def test_v04_not_started_beside_a_therapy_is_refused_whatever_its_class(post, therapy, part):
    body = {"metastatic_status": "M1", "chemotherapy_response": {part: "not_started"}, "systemic_therapy": therapy}
    assert broken(body) == {"V04"}
    status, answer = post(body)
    assert (status, {error["rule"] for error in answer["errors"]}) == (422, {"V04"})
    assert post({**body, "systemic_therapy": "unknown"})[0] == 200


@given(body=st.one_of(bodies, dense_bodies, sparse_bodies()))
@MANY
def test_d6_exactly_the_rules_that_are_broken_are_named(post, body):
    status, answer = post(body)
    rules = broken(body)
    if status == 200 and answer["because"]["derived"]["complication_tier"] == "C4":
        told = {item["rule"] for item in answer["data_conflicts"]} - {"overall_progression_elsewhere"}
        assert told == rules, "an emergency is answered, and what contradicts itself is told"
    else:
        assert (status == 422) == bool(rules or refused_words(body)), (rules, answer)
        assert {error["rule"] for error in answer.get("errors", []) if "rule" in error} == rules


def refused_words(body):
    """Words that are refused with a question and not as a contradiction."""
    return "not_responded" in as_parts(body.get("chemotherapy_response")).values()


URGENT_FACTS = (
    "complications", "platelets_10e9_per_l", "haemoglobin_g_per_dl", "anticoagulated", "fever_now",
    "fever_within_6_weeks_of_chemotherapy", "last_weeks_of_life", "prior_chest_radiotherapy", "tumour_in_wound",
    "primary_tumour",
)  # fmt: skip
"""Facts that can make an answer urgent or say which answer it is, and that contradict none of each other."""


@given(body=dense_bodies)
@MANY
def test_d6_a_refusal_carries_urgent_exactly_where_the_facts_amount_to_c3(post, body):
    """The same complications beside nothing that can contradict them say which tier the facts amount to."""
    status, answer = post(body)
    alone = {name: body[name] for name in URGENT_FACTS if name in body}
    parts = as_parts(body.get("chemotherapy_response"))
    response = next((parts[name] for name in ("primary", "overall") if parts.get(name) not in (*UNSTATED, "pCR")), None)
    if response is not None:
        alone["chemotherapy_response"] = {"primary": response}
    if response != "not_started" and "systemic_therapy" in body:
        alone["systemic_therapy"] = body["systemic_therapy"]
    if status == 422 and "V09" not in {error.get("rule") for error in answer["errors"]}:
        urgent = post(alone)[1]
        tier = urgent["because"]["derived"]["complication_tier"]
        assert tier != "C4"
        m0 = body.get("metastatic_status") in M0_WORDS
        code = "URGENT_CURATIVE_MDT" if m0 else urgent["recommendations"][0]["code"]
        assert answer.get("urgent", {}).get("code") == (code if tier == "C3" else None)


INFECTION = {"infection": {"presence": "present", "grade": 3}}
NECROSIS = {"chest_wall_necrosis": {"presence": "present", "grade": 3}}


@pytest.mark.parametrize("status", ["M0", "M1", "unknown"])
@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"complications": {**CLEAR, "bleeding": "present"}}, "URGENT_LOCAL_CONTROL"),
        ({"complications": {**CLEAR, **INFECTION}}, "URGENT_INFECTION"),
        ({"complications": {**CLEAR, **NECROSIS}, "prior_chest_radiotherapy": True}, "WOUND_BIOPSY_FIRST"),
        ({"complications": {**CLEAR, "bleeding": "present"}, "last_weeks_of_life": True}, "COMFORT_CARE_FIRST"),
    ],
    ids=["local control", "infection", "wound", "last weeks"],
)
def test_what_is_urgent_beside_a_refusal_is_the_gate_that_would_have_answered(post, status, facts, code):
    asked, contradictory = {"metastatic_status": status, **facts}, {"chemotherapy_response": {"distant": "pCR"}}
    code = "URGENT_CURATIVE_MDT" if status == "M0" else code
    assert post(asked)[1]["recommendations"][0]["code"] == code
    refused, answer = post({**asked, **contradictory})
    assert (refused, answer["urgent"]["code"]) == (422, code)
