"""One recommendation: certainty by the arithmetic of E4, the sentence by E2.1 and E4, options, sources."""

import re

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.advice.conftest import DATA, RELEASES
from tests.strategies import FEW, MANY, as_parts, bodies, patients

LEVELS = ["high", "moderate", "low", "very_low"]
CLEAR = {"bleeding": "absent", "ulceration": "absent", "infection": "absent", "sepsis_signs": "absent"}
DE_NOVO = {
    "metastatic_status": "M1",
    "presentation": "de_novo",
    "metastatic_extent": "polymetastatic",
    "primary_tumour": "in_situ",
}
STABLE_BLEEDING = {
    "presence": "present",
    "grade": 1,
    "haemodynamically_unstable": False,
    "controlled_by_pressure": True,
}

# E2, "certainty and reason": where each rule starts (R20 starts higher for POLY).
START = {
    "R01": "low", "R02": "low", "R03": "low", "R04": "none", "R05": "low", "R06": "very_low", "R07": "very_low",
    "R08": "very_low", "R09": "low", "R10": "very_low", "R11": "very_low", "R12": "none", "R13": "none", "R14": "none",
    "R15": "none", "R16": "moderate", "R17": "low", "R18": "very_low", "R19": "very_low", "R20": "low",
    "R21": "very_low", "R22": "very_low", "R23": "none", "R24": "low", "R25": "none", "G01": "none", "G02": "very_low",
    "G03": "low", "G04": "very_low",
    "G05": "very_low", "G06": "very_low", "G07": "none", "G08": "very_low", "G09": "very_low", "G10": "very_low",
}  # fmt: skip
# E4: reason -> the rules where it is indirectness.
INDIRECT = {
    "AGE_GT_65": {"R16", "R17", "R24"},
    "LIFE_EXPECTANCY_LT_1Y": {"R16", "R17", "R24"},
    "MALE": {"R16", "R17", "R20", "R24"},
    "PREGNANT": {"R16", "R17", "R20", "R24"},
    "BRAIN_METS": {"R24"},
    "WITHOUT_CHEMOTHERAPY": {"R16", "R17"},
    "INFLAMMATORY": {"R16", "R17", "R18", "R19", "R20"},
}
WITHOUT_CHEMOTHERAPY = [
    "endocrine", "endocrine_plus_cdk46", "endocrine_plus_pi3k_akt_mtor", "endocrine_plus_anti_her2", "parp_inhibitor",
    "immunotherapy", "other",
]  # fmt: skip
WITH_OR_AFTER_CHEMOTHERAPY = [
    "chemotherapy", "chemo_plus_anti_her2", "anti_her2", "antibody_drug_conjugate", "chemo_plus_immunotherapy",
]  # fmt: skip
# E2: direction, strength and urgency of each rule (None: it depends on the patient).
GRADES = {
    "R01": ("not_applicable", "strong", "emergency"),
    "R02": ("not_applicable", "strong", "urgent"),
    "R03": ("for", "strong", "urgent"),
    "R04": ("not_applicable", "strong", None),
    "R05": ("for", "conditional", "soon"),
    "R06": ("for", "conditional", "soon"),
    "R07": ("for", "conditional", "soon"),
    "R08": ("consider", "conditional", "soon"),
    "R09": ("consider", "conditional", "soon"),
    "R10": ("consider", "conditional", "soon"),
    "R11": ("consider", "conditional", "soon"),
    "R12": ("insufficient", "none", "soon"),
    "R13": ("insufficient", "none", "soon"),
    "R14": ("not_applicable", "none", None),
    "R15": ("insufficient", "none", "routine"),
    "R16": ("against", "conditional", "routine"),
    "R17": ("against", "conditional", "routine"),
    "R18": ("consider", "conditional", "routine"),
    "R19": ("insufficient", "none", "routine"),
    "R20": ("against", "conditional", "routine"),
    "R21": ("against", "conditional", "soon"),
    "R22": ("consider", "conditional", "soon"),
    "R23": ("insufficient", "none", "soon"),
    "R24": ("against", "conditional", "soon"),
    "R25": ("insufficient", "none", "routine"),
    "G01": ("not_applicable", "none", "routine"),
    "G02": ("not_applicable", "conditional", None),
    "G03": ("not_applicable", "strong", "urgent"),
    "G04": ("consider", "conditional", None),
    "G05": ("consider", "conditional", "soon"),
    "G06": ("consider", "conditional", "soon"),
    "G07": ("insufficient", "none", "soon"),
    "G08": ("consider", "conditional", "soon"),
    "G09": ("consider", "conditional", "soon"),
    "G10": ("consider", "conditional", "soon"),
}
AT_LEAST_SOON = {"R16", "R17", "R20", "R21", "R24"}
"""Rules that a low haemoglobin makes soon."""
CURATIVE = {"R01", "R02", "R04"}
"""Rules whose sentence must not be burdened with what belongs to metastatic disease."""
ABOUT_SURVIVAL = {"R16", "R17", "R18", "R19", "R20", "R21", "R22", "R24"}
"""Rules that weigh local treatment for survival: their sentence itself says what a modifier adds."""


def reasons(body):
    """Names of E4 that hold for a body."""
    found = set()
    if isinstance(body.get("age_years"), int) and body["age_years"] > 65:
        found.add("AGE_GT_65")
    if body.get("life_expectancy_under_1_year") is True:
        found.add("LIFE_EXPECTANCY_LT_1Y")
    if body.get("sex") == "male":
        found.add("MALE")
    if body.get("pregnant") is True:
        found.add("PREGNANT")
    if body.get("brain_metastases") is True or "brain" in (body.get("metastatic_sites") or ()):
        found.add("BRAIN_METS")
    if body.get("systemic_therapy") in WITHOUT_CHEMOTHERAPY:
        found.add("WITHOUT_CHEMOTHERAPY")
    if body.get("inflammatory") is True:
        found.add("INFLAMMATORY")
    return found


def expected_certainty(body, rule, axis):
    level = "moderate" if rule == "R20" and axis == "M1_DENOVO_POLY" else START[rule]
    if level == "none":
        return level
    parts = as_parts(body.get("chemotherapy_response"))
    down = any(rule in INDIRECT[name] for name in reasons(body))
    down += "responded" in [parts.get(name) for name in ("overall", "primary", "distant")]
    return LEVELS[min(LEVELS.index(level) + down, len(LEVELS) - 1)]


def lead_of(answer):
    return answer["recommendations"][0]


@pytest.fixture(scope="session")
def lead(post):
    """The leading recommendation for a body."""

    def asked(query="", **body):
        status, answer = post(body, query)
        assert status == 200, answer
        return lead_of(answer)

    return asked


# ---- certainty -------------------------------------------------------------------------------------------------------


@given(body=bodies)
@MANY
def test_e4_the_certainty_of_every_answer_follows_the_arithmetic(post, body):
    status, answer = post(body)
    assume(status == 200)
    axis = answer["because"]["derived"]["metastatic_axis"]
    for given_, first in zip(answer["recommendations"], [True] + [False] * 99, strict=False):
        assert given_["certainty"] == expected_certainty(body, given_["rule"], axis), (given_["rule"], first)
        direction, strength, urgency = GRADES[given_["rule"]]
        haemoglobin = body.get("haemoglobin_g_per_dl")
        if given_["rule"] in AT_LEAST_SOON and isinstance(haemoglobin, int | float) and haemoglobin < 8:
            urgency = "soon"
        assert (given_["direction"], given_["strength"]) == (direction, strength)
        assert given_["urgency"] == (urgency or given_["urgency"])


@given(data=st.data())
@MANY
def test_e4_the_arithmetic_holds_on_the_rules_where_something_is_indirect(post, data):
    response = data.draw(st.sampled_from(["PR", "SD", "not_started", "responded", {"primary": "CR", "distant": "PR"}]))
    body = {**DE_NOVO, "chemotherapy_response": response, "complications": "none"}
    body["metastatic_extent"] = data.draw(
        st.sampled_from(["polymetastatic", "oligometastatic", "bone_only", "unknown"])
    )
    offered = {
        "age_years": [54, 65, 66],
        "life_expectancy_under_1_year": [True, False],
        "sex": ["male", "female", "other"],
        "pregnant": [True, False],
        "brain_metastases": [True] if body["metastatic_extent"] != "bone_only" else [False],
        "systemic_therapy": [*WITHOUT_CHEMOTHERAPY, *WITH_OR_AFTER_CHEMOTHERAPY],
        "inflammatory": [True, False],
    }
    if response == "not_started":
        del offered["systemic_therapy"]
    for name in data.draw(st.lists(st.sampled_from(list(offered)), unique=True)):
        body[name] = data.draw(st.sampled_from(offered[name]))
    status, answer = post(body)
    assert status == 200, answer
    given_ = lead_of(answer)
    assert given_["rule"] in {"R16", "R17", "R20", "R24"}
    expected = expected_certainty(body, given_["rule"], answer["because"]["derived"]["metastatic_axis"])
    assert given_["certainty"] == expected
    plain = {"chemotherapy_response", "complications", *DE_NOVO}
    start = lead_of(post({name: value for name, value in body.items() if name in plain})[1])
    lowered = [reason for reason in given_["certainty_reasons"] if reason not in start["certainty_reasons"]]
    assert bool(lowered) == any(given_["rule"] in INDIRECT[name] for name in reasons(body)), "each level has its reason"


@pytest.mark.parametrize(
    ("urgency", "body"),
    [
        ("soon", {"complications": ["ulceration"]}),
        ("soon", {"complications": {**CLEAR, "odour": "present"}}),
        ("soon", {"complications": "none", "chemotherapy_response": "PD"}),
        ("soon", {"complications": "none", "chemotherapy_response": {"primary": "PD"}}),
        ("routine", {"complications": "none", "chemotherapy_response": "SD"}),
        ("routine", {"complications": {**CLEAR, "impending_breakthrough": "present"}}),
        ("routine", {}),
    ],
)
def test_r04_is_soon_where_there_is_a_symptom_or_progression_and_routine_otherwise(lead, urgency, body):
    found = lead(metastatic_status="M0", **body)
    assert (found["rule"], found["urgency"]) == ("R04", urgency)


# ---- the sentence ----------------------------------------------------------------------------------------------------

BOTH = {"pregnant": True, "ecog": 3}
"""Surgery removed by the performance status, radiotherapy by the pregnancy."""
RECURRENT = {"metastatic_status": "M1", "presentation": "recurrent", "primary_tumour": "in_situ"}
SENTENCES = [
    (release, case)
    for release in RELEASES
    for case in yaml.safe_load((DATA / f"sentences_{release}.yaml").read_text(encoding="utf-8"))
]
BOTH_REMOVED = {
    "2026-11-23": "Control the bleeding or ulcer without operation or radiotherapy: wound care, topical haemostasis, "
    "embolisation where possible, palliative-care referral",
    "2026-12-01": "Treat {what} with wound care, topical haemostasis, embolisation where possible and palliative care",
}
WHAT = {"ulceration": "the open wound", "bleeding": "the bleeding"}


@pytest.mark.parametrize(
    ("of", "case"), SENTENCES, ids=[f"{release} {case['rule']} {case['case']}" for release, case in SENTENCES]
)
def test_e21_the_sentence_is_that_of_the_first_row_that_fits(lead, of, case):
    found = lead(f"?release={of}", **case["facts"])
    assert found["rule"] == case["rule"]
    assert found["statement"] == case["sentence"]


@pytest.mark.parametrize("response", ["PR", "not_started", "PD", None])
@pytest.mark.parametrize(
    "base", [DE_NOVO, RECURRENT, {**DE_NOVO, "primary_tumour": "resected"}], ids=["de novo", "recurrent", "resected"]
)
@pytest.mark.parametrize(
    "complication", [{"ulceration": "present"}, {"bleeding": {**STABLE_BLEEDING, "grade": 2}}], ids=str
)
def test_e4_with_surgery_and_radiotherapy_removed_the_code_stays_and_the_rest_is_offered(
    lead, release, base, response, complication
):
    body = {**base, "chemotherapy_response": response, "complications": {**CLEAR, **complication}}
    query = f"?release={release}"
    plain, removed = lead(query, **body), lead(query, **body, **BOTH)
    assert removed["rule"] == plain["rule"] in {"R05", "R06", "R07"}
    (kind,) = complication
    assert BOTH_REMOVED[release].format(what=WHAT[kind]) in removed["statement"]
    kinds = {option["kind"] for option in removed["options"]}
    assert not kinds & {"surgery", "radiotherapy"}
    assert {"wound_care", "palliative_care", "embolisation", "haemostasis"} <= kinds


@pytest.mark.parametrize(
    "without",
    [{"ecog": 3}, {"ecog": 4}, {"closure_possible": False}, {"platelets_10e9_per_l": 49.9}, {"visceral_crisis": True}],
    ids=str,
)
@given(body=patients())
@FEW
def test_e4_surgery_is_removed_from_every_recommendation(post, without, body):
    status, answer = post({**body, **without})
    assume(status == 200)
    for given_ in answer["recommendations"]:
        assert "surgery" not in {option["kind"] for option in given_["options"]}


@given(body=patients())
@FEW
def test_e4_pregnancy_removes_radiotherapy_and_asks_for_the_trimester(post, body):
    status, answer = post({**body, "pregnant": True})
    assume(status == 200)
    for given_ in answer["recommendations"]:
        for option in given_["options"]:
            assert option["kind"] != "radiotherapy"
            assert option["kind"] != "embolisation" or "radiation review" in option["note"]
    if lead_of(answer)["rule"] != "R01":
        assert any("trimester" in check.lower() for check in answer["must_check"])


@given(body=patients())
@FEW
def test_e4_earlier_radiotherapy_marks_radiotherapy_and_never_removes_it(post, body):
    plain = {name: value for name, value in body.items() if name != "prior_chest_radiotherapy"}
    status, answer = post(plain)
    assume(status == 200)
    marked = post({**plain, "prior_chest_radiotherapy": True})[1]
    for before, after in zip(answer["recommendations"], marked["recommendations"], strict=True):
        assert [option["id"] for option in after["options"]] == [option["id"] for option in before["options"]]
        for option in after["options"]:
            assert option["kind"] != "radiotherapy" or "re-irradiation review" in option["note"]


PREGNANCY_URGENT = "Pregnancy: act today, with obstetrics at the same time. "
PREGNANCY = (
    "Pregnancy: the trimester decides what can be given; take this to a joint oncology-obstetric board. Not all "
    "systemic therapy can be given. "
)
SYMPTOM = "Care of the wound and of the symptom does not wait for it. "
SURGERY_FIRST = "Surgery may be the safer first step. "
MAY_OPERATE_FIRST = {"R22", "R24", "G06", "G07", "G10"}


def pregnancy_before(found, tier, response, *, surgery_is_left):
    """What stands before the sentence of a pregnant patient."""
    if found["rule"] in CURATIVE:
        return ""
    if found["urgency"] == "urgent":
        return PREGNANCY_URGENT
    first = found["rule"] in MAY_OPERATE_FIRST and response in {"NOT_STARTED", "PD_LOCAL"} and surgery_is_left
    return PREGNANCY + SYMPTOM * (tier in {"C2A", "C2B", "C1"}) + SURGERY_FIRST * first


@pytest.mark.parametrize("ecog", [0, 4])
@given(body=patients())
@FEW
def test_e4_the_pregnancy_stands_before_every_answer_but_curative_ones_and_emergencies(post, ecog, body):
    removing = ("closure_possible", "platelets_10e9_per_l", "visceral_crisis", "inflammatory")
    plain = {name: value for name, value in body.items() if name not in removing}
    status, answer = post({**plain, "pregnant": True, "ecog": ecog})
    assume(status == 200)
    found, derived = lead_of(answer), answer["because"]["derived"]
    tier, response = derived["complication_tier"], derived["response_axis"]
    expected = pregnancy_before(found, tier, response, surgery_is_left=ecog == 0)
    assert found["statement"].startswith(expected)
    rest = found["statement"].removeprefix(expected)
    assert not rest.startswith(("Pregnancy", SYMPTOM, SURGERY_FIRST))


@given(body=patients())
@FEW
def test_e4_what_a_modifier_adds_stands_where_it_belongs_and_never_beside_curative_intent(post, body):
    status, answer = post({**body, "pregnant": True, "sex": "male", "life_expectancy_under_1_year": True, "ecog": 4})
    assume(status == 200)
    found = lead_of(answer)
    rule, statement = found["rule"], found["statement"]
    notes = " ".join(note for modifier in answer["modifiers"] for note in modifier["notes"])
    for added in ("this is carried over", "a shorter outlook makes a survival gain less, not more, likely"):
        assert added in statement or rule not in ABOUT_SURVIVAL
        assert (added in statement + notes) == (rule not in CURATIVE), (rule, added)
    assert ("not a candidate for an aggressive plan as things stand" in statement) == (
        rule in {"R18", "R19", "R22", "G07", "G10"}
    )
    assert ("comfort is the aim and local control stays open" in statement) == (rule in {"R09", "R21", "R24", "G09"})
    if rule == "R24":
        assert "not operating first" not in statement


@given(body=patients())
@FEW
def test_e4_a_patient_who_declines_is_named_first_on_every_for_and_nowhere_else(post, body):
    status, answer = post({**body, "patient_preference": "declines_local_treatment"})
    assume(status == 200)
    for given_ in answer["recommendations"]:
        says = given_["statement"].lower().startswith("the patient has declined local treatment:")
        assert says == (given_["direction"] == "for")
        assert given_["decision_aid"] or not says


@given(body=bodies)
@MANY
def test_every_statement_is_well_formed_prose(post, body):
    status, answer = post(body)
    assume(status == 200)
    texts = [given_["statement"] for given_ in answer["recommendations"]]
    texts += [other["statement"] for item in answer["missing_facts"] for other in item["would_become"].values()]
    for text in [*texts, answer["summary"]]:
        assert text.endswith("."), text
        assert text[0].isupper(), text
        assert not re.search(r"\.\.|\s\s|\s[.,;]|[.,;][.,;]|\{|\}|None", text), text
    assert len(set(texts[: len(answer["recommendations"])])) == len(answer["recommendations"]), "said once"


# ---- what follows the lead -------------------------------------------------------------------------------------------


def test_e21_further_triggers_follow_as_supporting_recommendations_the_gravest_first(post):
    body = {**DE_NOVO, "chemotherapy_response": "PR"}
    body["complications"] = {
        **CLEAR,
        "odour": "present",
        "lymphoedema": {"presence": "present", "grade": 1},
        "ulceration": "present",
        "plexopathy": "present",
    }
    answer = post(body)[1]
    told = [(given_["rule"], given_["direction"]) for given_ in answer["recommendations"]]
    assert told == [("R05", "for"), ("R10", "consider"), ("R10", "consider"), ("R11", "consider")]
    assert (
        "Image the plexus" in [given_["statement"] for given_ in answer["recommendations"]][2]
        or "Image the plexus" in (answer["recommendations"][1]["statement"])
    )


def test_e21_of_equal_tier_the_one_higher_in_d51_leads(lead):
    infected = {**CLEAR, "infection": "present", "pain": "present", "odour": "present"}
    assert (
        "Treat the infection first" in lead(**DE_NOVO, chemotherapy_response="PR", complications=infected)["statement"]
    )
    both = {**CLEAR, "bleeding": "present", "plexopathy": {"presence": "present", "grade": 3}}
    assert "stop the bleeding" in lead(**DE_NOVO, complications=both)["statement"]


@given(body=bodies)
@MANY
def test_supporting_recommendations_never_outrank_the_lead(post, body):
    status, answer = post(body)
    assume(status == 200)
    order = ["emergency", "urgent", "soon", "routine"]
    ranks = [order.index(given_["urgency"]) for given_ in answer["recommendations"]]
    assert ranks[0] == min(ranks)
    if lead_of(answer)["rule"] == "R01" or answer["because"]["derived"]["complication_tier"] in {"CU", "C0"}:
        assert len(ranks) == 1


# ---- options and sources ---------------------------------------------------------------------------------------------


ALL_LINES = {"surgery", "radiotherapy", "embolisation", "haemostasis", "systemic", "trial"}
"""Kinds of options that have benefit, harm and what is unknown; others have the lines that a source supports."""


@given(body=bodies)
@MANY
def test_every_recommendation_offers_a_choice_with_benefit_harm_and_what_is_unknown(post, body):
    status, answer = post(body)
    assume(status == 200)
    for given_ in answer["recommendations"]:
        ids = [option["id"] for option in given_["options"]]
        assert len(set(ids)) == len(ids)
        for option in given_["options"]:
            lines = [option[name] for name in ("benefit", "harm", "unknown")]
            assert all(lines) or option["kind"] not in ALL_LINES, option["id"]
            assert all(line is None or line for line in lines), "a line is there or left out"
        if given_["rule"] != "R01":  # only one way is appropriate in an emergency
            assert len(ids) >= 2, given_["rule"]


@given(body=bodies)
@MANY
def test_every_recommendation_cites_a_source_and_every_source_can_be_looked_up(post, body):
    status, answer = post(body)
    assume(status == 200)
    listed = {citation["id"]: citation for citation in answer["citations"]}
    assert len(listed) == len(answer["citations"])
    others = [other for item in answer["missing_facts"] for other in item["would_become"].values()]
    for given_ in (*answer["recommendations"], *others):
        assert given_["citations"], "a recommendation without a source"
        assert set(given_["citations"]) <= set(listed)
    for given_ in answer["recommendations"]:
        for identifier in given_["citations"]:
            assert listed[identifier]["supports"]
            assert listed[identifier]["locator"]


@pytest.mark.parametrize("extent", ["polymetastatic", "oligometastatic"])
@pytest.mark.parametrize("response", ["PR", "SD", "not_started", {"primary": "PR", "distant": "CR"}], ids=str)
def test_every_source_of_the_dissent_and_of_the_open_questions_is_among_the_citations(post, extent, response):
    answer = post({**DE_NOVO, "metastatic_extent": extent, "chemotherapy_response": response, "complications": "none"})[
        1
    ]
    told = {identifier for item in (*answer["dissent"], *answer["open_questions"]) for identifier in item["citations"]}
    assert told <= {citation["id"] for citation in answer["citations"]}


def test_every_citation_that_is_loaded_can_be_fetched(app, guideline):
    for identifier, citation in guideline.citations.items():
        response = app.test_client().get(f"/v1/citations/{identifier}")
        assert response.status_code == 200
        assert response.get_json()["id"] == identifier
        assert citation.url is None or citation.url.startswith("https://")


def test_every_rule_and_each_of_its_wordings_cites_something_with_a_locator(guideline):
    for rule in guideline.rules.values():
        assert rule.citations, rule.id
        for cited in (*rule.citations, *(c for wording in rule.statements for c in wording.citations)):
            assert cited.id in guideline.citations
            assert cited.locator
            assert cited.supports


def test_no_for_or_against_rests_on_second_hand_sources_alone(guideline):
    """GUIDELINE.md "What may be shown": 2nd is never the only source of a for or against."""
    for rule in guideline.rules.values():
        groups = [rule.citations, *(w.citations for w in rule.statements if w.citations)]
        groups += [grade.citations for grade in rule.grades if grade.citations]
        if rule.direction in {"for", "against"}:
            for cited in groups:
                assert any(guideline.citations[item.id].verified == "yes" for item in cited), rule.id
