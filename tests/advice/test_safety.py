"""The safety invariants of GUIDELINE.md E5 and of the changes of 2026-12: over the whole space of the axes of every
release, and from raw facts through the API, of the newest."""

from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.conftest import GUIDELINE
from tests.strategies import (
    BANDS,
    CHOICES,
    EMERGENCIES,
    FEW,
    FLAGS,
    MANY,
    MODIFIERS,
    SCREEN,
    SENTINEL,
    SITES,
    TYPES,
    Pairs,
    as_object,
    as_parts,
    bodies,
    corrupted,
    entries,
    patients,
    present,
    raw,
    sent,
)

M = [
    "M0",
    "M1_DENOVO_POLY",
    "M1_DENOVO_BONE_ONLY",
    "M1_DENOVO_OLIGO",
    "M1_DENOVO_EXTENT_UNKNOWN",
    "M1_RECURRENT",
    "M1_ORIGIN_UNKNOWN",
    "M_UNKNOWN",
]
R = [
    "CR_ALL",
    "CR_DISTANT",
    "PR",
    "SD",
    "PD_LOCAL",
    "PD_DISTANT",
    "PD_SITE_UNKNOWN",
    "NOT_STARTED",
    "NOT_EVALUABLE",
    "UNKNOWN",
]
C = ["C4", "C3", "C2A", "C2B", "C1", "CU", "C0"]
BEFORE = "2026-11-23"
NEW_FACTS = {
    "metastasis_proof", "systemic_options", "last_weeks_of_life", "tumour_in_wound", "fever_now", "fever_in_record",
    "all_metastases_treated",
}  # fmt: skip
"""Facts that the release before does not have."""
DE_NOVO = {m for m in M if m.startswith("M1_DENOVO")}
TATA_RESPONDER_RULES = {"NO_ROUTINE_LRT_RESPONDER", "NO_ROUTINE_LRT_RESPONDER_EXTENT_CAVEAT"}
CERTAINTIES = ["high", "moderate", "low", "very_low"]


def assert_invariants(axes, rule, code, direction):
    """S1-S8 of one decision."""
    m, r, c = axes
    if direction == "against":
        assert c == "C0", "S1"
        assert m in DE_NOVO, "S1"
    assert (c == "C4") == (rule == "R01") == (code == "EMERGENCY_PATHWAY"), "S2"
    if c == "CU":
        assert direction in {"insufficient", "not_applicable"}, "S3"
    if m == "M0":
        assert direction == "not_applicable", "S4"
    if m in {"M_UNKNOWN", "M1_ORIGIN_UNKNOWN"}:
        assert direction != "against", "S5"
    if r in {"NOT_EVALUABLE", "UNKNOWN", "PD_SITE_UNKNOWN"}:
        assert direction != "against", "S6"
    if m == "M1_RECURRENT":
        assert code not in TATA_RESPONDER_RULES, "S7"
    if c in {"C2A", "C3"} and m.startswith("M1_"):
        assert direction == "for" or rule in {"G02", "G03", "G04", "G05"}, "S8"


PD = {"PD", "progressive_disease"}
NO_DATA = {"NOT_EVALUABLE", "UNKNOWN"}


def assert_gates_hold(body, axes, lead):
    """S10-S20 of one answer, whose situation is read from the facts."""
    m, r, c = axes
    rule, direction = lead["rule"], lead["direction"]
    removed = body.get("primary_tumour") in {"resected", "not_found"}
    dying = body.get("last_weeks_of_life") is True
    without_drugs = body.get("systemic_options") in {"declined", "none_left"}
    nodes = body.get("metastatic_sites") == ["distant_node"] and body.get("brain_metastases") is not True
    primary_grows = as_parts(body.get("chemotherapy_response")).get("primary") in PD
    proven = body.get("metastasis_proof") == "histology" or body.get("metastatic_status") == "pM1"
    single = body.get("lesion_count") == 1 and body.get("visceral_crisis") is not True
    if direction == "against":
        assert not removed, "S10"
        assert not dying, "S11"
        assert not without_drugs, "S11"
        assert not nodes, "S12"
        assert not (r == "PD_DISTANT" and primary_grows), "S13"
        assert proven or not single or r not in {"NOT_STARTED", "SD", "PR", "PD_DISTANT"}, "S14"
    if c == "C3":
        assert lead["urgency"] == "urgent", "S15"
    if c == "C0" and m.startswith("M1_") and removed and primary_grows:
        assert rule in {"G02", "G06"}, "S16"
    if direction == "for":
        assert not dying, "S17"
        assert not infection_alone(body), "S17"
    if body.get("fever_now") is True:
        assert c != "C0", "S18"
    if nodes and rule == "G08":
        assert r in {"PD_LOCAL", "PD_DISTANT", "PD_SITE_UNKNOWN"} | NO_DATA or m not in DE_NOVO, "S19"
    if without_drugs:
        assert rule not in {"G05", "G09", "R21", "R24"}, "S20"


def infection_alone(body):
    """Whether infection is stated present and everything else absent."""
    stated = as_object(body.get("complications"))
    others = {kind: entry for kind, entry in stated.items() if kind != "infection"}
    return present(body) == ["infection"] and all(entry == "absent" for entry in others.values())


def axes_of(answer):
    derived = answer["because"]["derived"]
    return derived["metastatic_axis"], derived["response_axis"], derived["complication_tier"]


def lead_of(answer):
    return answer["recommendations"][0]


# ---- over the whole space of the axes --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def decided(library, release):
    """The rule of every cell of a release."""
    guideline = library.guidelines[GUIDELINE][release]
    named = ("metastatic_axis", "response_axis", "complication_tier")
    return {
        cell: guideline.rules[guideline.table.decide(dict(zip(named, cell, strict=True))).output]
        for cell in product(M, R, C)
    }


def test_s1_to_s8_hold_in_every_cell(decided):
    assert len(decided) == 560
    for cell, rule in decided.items():
        assert_invariants(cell, rule.id, rule.code, rule.direction)


def test_s9_a_present_complication_never_gives_c0_or_cu_whatever_else_is_known_of_it(library, release):
    guideline = library.guidelines[GUIDELINE][release]
    nothing = guideline.vocabulary.nothing
    for rest in ("unknown", "absent"):
        base = dict(nothing) | {f.presence: rest for f in guideline.findings}
        for finding in guideline.findings:
            of_it = [feature for feature in finding.features if feature.name != finding.presence]
            for values in product(*(feature.values for feature in of_it)):
                point = base | {finding.presence: "present"}
                point |= {feature.name: value for feature, value in zip(of_it, values, strict=True)}
                assert guideline.chain.derive(point)["complication_tier"] not in {"C0", "CU"}, (
                    rest,
                    finding.path,
                    values,
                )


def test_p1_no_further_complication_turns_a_cell_against(decided):
    for (m, r, c), rule in decided.items():
        worse = [decided[m, r, other].direction for other in C[:-1]]
        assert "against" not in worse, (m, r, c, rule.id)


def test_p2_no_hidden_mandatory_axis_turns_a_cell_against(decided):
    for (m, r, c), rule in decided.items():
        if rule.direction == "against":
            continue
        hidden = [("M_UNKNOWN", r, c), (m, "UNKNOWN", c)]
        hidden += [("M1_ORIGIN_UNKNOWN", r, c)] if m.startswith("M1_") else []
        hidden += [(m, "PD_SITE_UNKNOWN", c)] if r.startswith("PD_") else []
        hidden += [(m, r, "CU")] if c == "C0" else []
        for cell in hidden:
            assert decided[cell].direction != "against", ((m, r, c), cell)


def test_p3_a_hidden_extent_turns_exactly_the_two_documented_cells_against(decided):
    exceptions = {
        (m, r, c)
        for (m, r, c), rule in decided.items()
        if m in DE_NOVO
        and rule.direction != "against"
        and decided["M1_DENOVO_EXTENT_UNKNOWN", r, c].direction == "against"
    }
    assert exceptions == {("M1_DENOVO_BONE_ONLY", "CR_ALL", "C0"), ("M1_DENOVO_OLIGO", "CR_ALL", "C0")}
    assert all(decided[cell].id == "R18" for cell in exceptions)
    assert decided["M1_DENOVO_EXTENT_UNKNOWN", "CR_ALL", "C0"].id == "R17"


# ---- from raw facts, through the API ---------------------------------------------------------------------------------


SCREENED = {f"complications.{kind}" for kind in ("bleeding", "ulceration", "infection", "sepsis_signs")}


@given(body=bodies)
@MANY
def test_every_answer_keeps_s1_to_s20_and_is_repeated_by_its_permalink(app, post, body):
    status, answer = post(body)
    assert status in {200, 422}, answer
    if status == 422:
        assert {error["code"] for error in answer["errors"]} <= {"contradiction", "question"}, answer
        return
    lead = lead_of(answer)
    m, r, c = axes_of(answer)
    assert_invariants((m, r, c), lead["rule"], lead["code"], lead["direction"])
    assert_gates_hold(body, (m, r, c), lead)
    if lead["rule"] == "G01":
        assert c == "C0"
        assert m.startswith("M1_")
        assert body["primary_tumour"] in {"resected", "not_found"}
    if present(body):
        assert c not in {"C0", "CU"}, "S9"
    for further in answer["recommendations"][1:]:
        assert further["direction"] != "against", "a supporting recommendation follows a finding"
        assert further["rule"] != "R01"
    again = app.test_client().get(answer["links"]["self"])
    assert again.status_code == 200
    assert again.get_json() == answer


WOUND = {"presence": "present", "grade": 2}


@pytest.mark.parametrize("presentation", ["de_novo", "recurrent", None])
@pytest.mark.parametrize("response", ["CR", "PR", "SD", {"primary": "SD", "distant": "PD"}, "not_started", "NE", None])
@pytest.mark.parametrize(
    "wound",
    [
        {"complications": {"chest_wall_necrosis": WOUND}},
        {"complications": {"chest_wall_necrosis": {"presence": "present", "grade": 3}}},
        {"complications": {"chest_wall_necrosis": WOUND}, "tumour_in_wound": False},
        {"complications": {"ulceration": WOUND}, "tumour_in_wound": False},
    ],
    ids=["necrosis", "deep necrosis", "necrosis, biopsied", "ulceration, biopsied"],
)
def test_s17_nothing_is_for_radiotherapy_of_a_wound_without_proven_tumour(post, presentation, response, wound):
    body = {"metastatic_status": "M1", "presentation": presentation, "chemotherapy_response": response}
    body |= {**wound, "prior_chest_radiotherapy": True}
    body["complications"] = {**dict.fromkeys(SCREEN, "absent"), **wound["complications"]}
    status, answer = post(body)
    assert status == 200, answer
    assert lead_of(answer)["rule"] == "G04"
    for given_ in answer["recommendations"]:
        assert given_["direction"] != "for"
        assert "radiotherapy" not in {option["kind"] for option in given_["options"]}


@given(body=bodies)
@FEW
def test_the_release_before_keeps_s1_to_s9_too(post, body):
    status, answer = post({name: value for name, value in body.items() if name not in NEW_FACTS}, f"?release={BEFORE}")
    assume(status == 200)
    assert answer["guideline"]["release"] == BEFORE
    lead = lead_of(answer)
    assert lead["rule"] == "G01" or lead["rule"].startswith("R")
    assert_invariants(axes_of(answer), lead["rule"], lead["code"], lead["direction"])


URGENT_CODES = {
    "URGENT_LOCAL_CONTROL", "URGENT_CURATIVE_MDT", "URGENT_INFECTION", "WOUND_BIOPSY_FIRST", "COMFORT_CARE_FIRST",
}  # fmt: skip
"""Rules and gates that answer at C3."""


@given(body=corrupted())
@MANY
def test_no_body_that_is_wrong_is_ever_answered_with_a_5xx_or_repeated(post, body):
    text = raw(body)
    status, answer = post(text)
    assert status in {200, 422}, answer
    if status == 422:
        assert answer["errors"]
        assert SENTINEL not in str(answer), "a refused value is never repeated"
        if "urgent" in answer:
            assert answer["urgent"]["code"] in URGENT_CODES
    elif answer["refused"] or "form.repeated" in str(answer["data_conflicts"]):
        assert lead_of(answer)["code"] == "EMERGENCY_PATHWAY", (
            "what could not be read is only passed over in an emergency"
        )


@given(text=st.one_of(st.text(max_size=60), st.binary(max_size=60)))
@MANY
def test_no_text_at_all_is_answered_with_a_5xx(post, text):
    status, _ = post(text)
    assert status in {200, 400, 422}


@given(body=corrupted(), emergency=st.sampled_from(EMERGENCIES), data=st.data())
@MANY
def test_an_emergency_added_to_anything_that_can_be_read_is_the_emergency_pathway(app, post, body, emergency, data):
    body = Pairs(body)
    body.insert(data.draw(st.integers(0, len(body))), emergency)
    status, answer = post(raw(body))
    assert status == 200, answer
    assert lead_of(answer)["rule"] == "R01"
    assert axes_of(answer)[2] == "C4"
    again = app.test_client().get(answer["links"]["self"]).get_json()
    assert again == answer | {"refused": []}


@given(body=corrupted(), data=st.data())
@FEW
def test_an_emergency_is_found_inside_complications_however_they_are_stated(post, body, data):
    kind, entry = data.draw(
        st.sampled_from([("sepsis_signs", "present"), ("bleeding", {"grade": 4}), ("infection", {"necrotising": True})])
    )
    stated = [item for name, item in body if name == "complications" and isinstance(item, dict)]
    inside = Pairs(stated[-1].items() if stated else [])
    inside.insert(data.draw(st.integers(0, len(inside))), (kind, entry))
    others = Pairs(item for item in body if item[0] != "complications")
    others.insert(data.draw(st.integers(0, len(others))), ("complications", inside))
    status, answer = post(raw(others))
    assert status == 200, answer
    assert lead_of(answer)["rule"] == "R01"


@pytest.mark.parametrize(("member", "value"), EMERGENCIES, ids=str)
def test_p_removing_every_field_but_the_emergency_still_gives_r01(post, member, value):
    whole = {"metastatic_status": "M1", "presentation": "de_novo", "chemotherapy_response": "PR", member: value}
    for body in (whole, {member: value}):
        status, answer = post(body)
        assert (status, lead_of(answer)["rule"]) == (200, "R01")


@given(body=patients(), kind=st.sampled_from(list(TYPES)), data=st.data())
@MANY
def test_p1_adding_a_present_complication_never_gives_against(post, body, kind, data):
    entry = data.draw(entries(kind))
    entry = (
        {"presence": "present", **{k: v for k, v in entry.items() if k != "presence"}}
        if isinstance(entry, dict)
        else "present"
    )
    more = {**body, "complications": {**as_object(body.get("complications")), kind: entry}}
    status, answer = post(more)
    if status == 200:
        assert lead_of(answer)["direction"] != "against"
        assert axes_of(answer)[2] not in {"C0", "CU"}
    else:
        assert post(body)[0] == 422, "the complication itself is no contradiction"


# P2, the deliberate exceptions of E5: the rules that the answer may come from, and those that it may become.
BESIDE_A_PART = ({"R18", "R19", "R22", "R23", "R25"}, {"R16", "R17", "R20", "R24"})
BESIDE_TWO_PARTS = ({"R23"}, {"R16", "R17", "R20"})
BOTH_GROW = ({"G09"}, {"R21"})


def hidden(body):
    """Each mandatory fact that the body states -> the body without it."""
    found = {}
    for name in ("metastatic_status", "presentation", "chemotherapy_response", "complications"):
        if name in body:
            found[name] = {key: value for key, value in body.items() if key != name}
    parts = as_parts(body.get("chemotherapy_response"))
    for part in ("overall", "primary", "distant"):
        if part in parts:
            rest = {key: value for key, value in parts.items() if key != part}
            found[f"chemotherapy_response.{part}"] = {**body, "chemotherapy_response": rest}
    stated = as_object(body.get("complications"))
    for kind in SCREEN:
        if kind in stated:
            rest = {key: value for key, value in stated.items() if key != kind}
            found[f"complications.{kind}"] = {**body, "complications": rest}
    return found


def exception(body, fact):
    """The documented exception to P2 that may apply: rules from, rules to."""
    parts = as_parts(body.get("chemotherapy_response"))
    stated = {name for name in ("primary", "distant") if parts.get(name, "unknown") != "unknown"}
    overall = parts.get("overall", "unknown") != "unknown"
    if fact == "chemotherapy_response.primary" and {parts.get("primary"), parts.get("distant")} <= PD:
        return BOTH_GROW
    if overall and fact.removeprefix("chemotherapy_response.") in stated:
        return BESIDE_A_PART
    if parts.get("overall") in {"PD", "progressive_disease"} and fact.endswith(".overall") and len(stated) == 2:
        return BESIDE_TWO_PARTS
    return set(), set()


@given(body=patients(), data=st.data())
@MANY
def test_p2_hiding_a_mandatory_fact_never_gives_against_but_for_the_documented_exceptions(post, body, data):
    status, answer = post(body)
    assume(status == 200)
    assume(lead_of(answer)["direction"] != "against")
    facts = hidden(body)
    for fact in data.draw(st.lists(st.sampled_from(list(facts)), unique=True, min_size=1, max_size=3)):
        status, weaker = post(facts[fact])
        if status != 200 or lead_of(weaker)["direction"] != "against":
            continue
        before, after = exception(body, fact)
        assert lead_of(answer)["rule"] in before, (fact, "turned the answer against")
        assert lead_of(weaker)["rule"] in after, fact
        named = {item["fact"] for item in weaker["missing_facts"] if item["decisive"]}
        assert fact in named, "an exception is named in missing_facts"


HIDDEN_FACT = {"G10": "metastatic_sites", "G07": "lesion_count"}
"""Gate -> the fact without which another answer may be against: a documented exception."""
EXTENT = ("metastatic_extent", "lesion_count", "all_sites_ablatable", "metastatic_sites")


@given(body=patients())
@FEW
def test_p3_hiding_the_extent_gives_against_only_from_the_documented_answers_and_names_it(post, body):
    body["complications"] = "none"
    facts = [fact for fact in EXTENT if fact in body]
    assume(facts)
    status, answer = post(body)
    assume(status == 200)
    assume(lead_of(answer)["direction"] != "against")
    for fact in facts:
        status, weaker = post({key: value for key, value in body.items() if key != fact})
        if status == 200 and lead_of(weaker)["direction"] == "against":
            before, after = lead_of(answer)["rule"], lead_of(weaker)["rule"]
            assert (before, after) == ("R18", "R17") or HIDDEN_FACT.get(before) == fact, (before, after, fact)
            named = {item["fact"] for item in weaker["missing_facts"] if item["decisive"]}
            assert named & set(EXTENT)


@pytest.mark.parametrize("extent", ["oligometastatic", "bone_only"])
def test_p3_the_exception_is_real_and_names_the_extent(post, extent):
    body = {"metastatic_status": "M1", "presentation": "de_novo", "metastatic_extent": extent, "complications": "none"}
    body["chemotherapy_response"] = {"primary": "CR", "distant": "CR"}
    assert lead_of(post(body)[1])["rule"] == "R18"
    del body["metastatic_extent"]
    weaker = post(body)[1]
    assert lead_of(weaker)["rule"] == "R17"
    (named,) = [item for item in weaker["missing_facts"] if item["fact"] == "metastatic_extent"]
    assert named["decisive"]
    assert named["would_become"][extent]["code"] == "MDT_SELECTED_OLIGO_NED"


def test_p3_hiding_the_lesion_count_of_a_solitary_bone_lesion_declared_bone_only_changes_no_code(post, release):
    """Where the lesion is proven; of one that is not, the newest release asks for the proof first."""
    body = {"metastatic_status": "M1", "presentation": "de_novo", "metastatic_extent": "bone_only", "lesion_count": 1}
    body |= {} if release == BEFORE else {"metastasis_proof": "histology"}
    for response, complications in product(["CR", "PR", "SD", "PD", "not_started"], ["none", "unknown", ["pain"]]):
        body |= {"chemotherapy_response": response, "complications": complications}
        less = {key: value for key, value in body.items() if key != "lesion_count"}
        query = f"?release={release}"
        assert lead_of(post(body, query)[1])["code"] == lead_of(post(less, query)[1])["code"]


def test_p2_the_gate_is_a_documented_exception_and_is_named(post):
    body = {"metastatic_status": "M1", "presentation": "de_novo", "metastatic_extent": "polymetastatic"}
    body |= {"chemotherapy_response": "PR", "complications": "none"}
    assert lead_of(post({**body, "primary_tumour": "resected"})[1])["rule"] == "G01"
    weaker = post(body)[1]
    assert lead_of(weaker)["rule"] == "R16"
    (named,) = [item for item in weaker["missing_facts"] if item["fact"] == "primary_tumour"]
    assert named["would_become"]["resected"]["code"] == "NO_PRIMARY_TO_TREAT"


@given(body=patients(), proof=st.sampled_from(["histology", "imaging_only"]), data=st.data())
@FEW
def test_p2_hiding_the_proof_of_the_metastasis_never_gives_against(post, body, proof, data):
    body["lesion_count"] = data.draw(st.sampled_from([1, 2]))
    status, answer = post({**body, "metastasis_proof": proof})
    assume(status == 200)
    assume(lead_of(answer)["direction"] != "against")
    less = {name: value for name, value in body.items() if name != "metastasis_proof"}
    less["metastatic_status"] = "M1" if body["metastatic_status"] == "pM1" else body["metastatic_status"]
    assert lead_of(post(less)[1])["direction"] != "against"


GATE_THAT_READS = {"visceral_crisis": "G07", "prior_chest_radiotherapy": "G04", "anti_angiogenic_therapy": "G05"}
"""Modifiers that a gate reads too."""


@given(body=patients(), data=st.data())
@MANY
def test_e4_modifiers_never_change_the_code(post, body, data):
    plain = {key: value for key, value in body.items() if key not in MODIFIERS}
    status, answer = post(plain)
    assume(status == 200)
    names = data.draw(st.lists(st.sampled_from(MODIFIERS), unique=True, min_size=1))
    stated = {name: data.draw(st.sampled_from(values_of(name))) for name in names}
    status, modified = post({**plain, **stated})
    if status == 422:
        rules = {error["rule"] for error in modified["errors"]}
        assert rules <= {"V01", "V10", "V15"}
        assert "visceral_crisis" in stated or rules == {"V15"}
        return
    before, after = lead_of(answer), lead_of(modified)
    if before["rule"] != after["rule"]:
        gates = {GATE_THAT_READS[name] for name in stated if name in GATE_THAT_READS}
        assert gates & {before["rule"], after["rule"]}, "only a gate that reads it comes or goes"
        return
    same = ("rule", "code", "direction", "strength", "urgency", "time_critical", "intent")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert modified["because"]["derived"] == answer["because"]["derived"]
    if before["certainty"] == "none":
        assert after["certainty"] == "none"
    else:
        assert CERTAINTIES.index(after["certainty"]) >= CERTAINTIES.index(before["certainty"]), "certainty only falls"


def values_of(name):
    """The JSON values of a member."""
    if name in BANDS:
        return list(BANDS[name].values())
    return [True, False] if name in FLAGS else CHOICES[name]


@given(body=patients(), data=st.data())
@FEW
def test_d51_the_bleeding_risks_change_the_code_only_where_bleeding_is_present(post, body, data):
    risks = {"platelets_10e9_per_l": 10, "haemoglobin_g_per_dl": 5, "anticoagulated": True}
    plain = {key: value for key, value in body.items() if key not in risks}
    status, answer = post(plain)
    assume(status == 200)
    stated = {name: risks[name] for name in data.draw(st.sets(st.sampled_from(list(risks)), min_size=1))}
    modified = post({**plain, **stated})[1]
    bleeds = as_object(body["complications"]).get("bleeding", "absent")
    if bleeds in ("absent", "unknown"):
        assert lead_of(modified)["code"] == lead_of(answer)["code"]
    assert C.index(axes_of(modified)[2]) <= C.index(axes_of(answer)[2])


# ---- unknown is a value ----------------------------------------------------------------------------------------------


@given(body=bodies, data=st.data())
@MANY
def test_unknown_missing_and_null_are_the_same_question(post, body, data):
    members = [*CHOICES, *BANDS, *FLAGS, "metastatic_sites", "chemotherapy_response", "complications", "as_of"]
    open_members = [name for name in members if name not in body]
    names = data.draw(st.lists(st.sampled_from(open_members), unique=True, min_size=1)) if open_members else []
    said = {name: data.draw(st.sampled_from([None, "unknown"])) for name in names}
    said |= {
        name: {} for name in names if name in {"chemotherapy_response", "complications"} and data.draw(st.booleans())
    }
    parts = as_parts(body.get("chemotherapy_response"))
    if parts:
        more = dict.fromkeys(
            ["overall", "primary", "distant", "assessed_on", "method"], data.draw(st.sampled_from([None, "unknown"]))
        )
        said["chemotherapy_response"] = {**more, **parts}
    if isinstance(body.get("complications"), dict):
        stated = body["complications"]
        others = {
            kind: data.draw(st.sampled_from([None, "unknown", {}, {"presence": None, "grade": None}])) for kind in TYPES
        }
        said["complications"] = {**others, **stated}
    status, answer = post(body)
    status_said, answer_said = post({**body, **said})
    assert status_said == status
    if status == 200:
        assert answer_said == answer
    else:
        assert {(e["pointer"], e.get("rule")) for e in answer_said["errors"]} >= {
            (e["pointer"], e.get("rule")) for e in answer["errors"] if e["pointer"].count("/") > 1
        }


@given(body=bodies, data=st.data())
@MANY
def test_what_a_missing_fact_would_become_is_what_sending_it_gives(post, body, data):
    status, answer = post(body)
    assume(status == 200)
    lead = lead_of(answer)
    assume(answer["missing_facts"])
    for item in answer["missing_facts"]:
        outcomes = item["would_become"]
        assert item["decisive"] == any(other["code"] != lead["code"] for other in outcomes.values()), item["fact"]
        assert item["fact"] in SCREENED or any(
            (other["code"], other["statement"], other["certainty"])
            != (lead["code"], lead["statement"], lead["certainty"])
            for other in outcomes.values()
        ), "a fact that changes nothing is not named, but for the screen, which always is"
    item = data.draw(st.sampled_from(answer["missing_facts"]), label="missing")
    value = data.draw(st.sampled_from(list(item["would_become"])), label="value")
    status, then = post(sent(body, item["fact"], value))
    assert status == 200, then
    told, got = item["would_become"][value], lead_of(then)
    assert {name: got[name] for name in told} == told


@given(body=bodies, data=st.data())
@MANY
def test_a_fact_that_is_not_named_as_missing_would_not_change_the_code(post, body, data):
    status, answer = post(body)
    assume(status == 200)
    named = {item["fact"] for item in answer["missing_facts"]}
    parts = as_parts(body.get("chemotherapy_response"))
    stated = as_object(body.get("complications"))
    choices = {
        **{name: [word for word in words if word != "unknown"] for name, words in CHOICES.items() if name not in body},
        **{name: list(bands) for name, bands in BANDS.items() if name not in body},
        **{name: ["true", "false"] for name in FLAGS if name not in body},
        **{
            f"chemotherapy_response.{part}": ["CR", "PR", "SD", "PD", "NON_CR_NON_PD", "NE", "not_started"]
            for part in ("overall", "primary", "distant")
            if part not in parts
        },
        **{f"complications.{kind}": ["present", "absent"] for kind in TYPES if kind not in stated},
    }
    choices |= {} if "metastatic_sites" in body else {"metastatic_sites": SITES}
    silent = [name for name in choices if name not in named]
    assume(silent)
    fact = data.draw(st.sampled_from(silent), label="not named")
    value = data.draw(st.sampled_from(choices[fact]), label="value")
    status, then = post(sent(body, fact, value))
    if status == 200:
        assert lead_of(then)["code"] == lead_of(answer)["code"], (fact, value)


@given(body=patients())
@FEW
def test_the_views_and_the_batch_tell_the_same_decision(app, post, body):
    status, answer = post(body)
    assume(status == 200)
    lead = lead_of(answer)
    row = post(body, "?view=row")[1]
    assert row == {
        "decision_id": answer["decision_id"],
        **{name: lead[name] for name in ("rule", "code", "direction", "strength", "certainty", "urgency")},
        "warnings": [warning["code"] for warning in answer["warnings"]],
    }
    batch = app.test_client().post("/v1/recommendations/batch?view=full", json=[{"zzz": 1}, body]).get_json()
    assert [(line["index"], line["status"]) for line in batch] == [(0, 422), (1, 200)]
    assert batch[1]["answer"] == answer
