"""The normal form: bands with their edges, dates as distances, forms that say the same, and unknown for the rest."""

import datetime as dt

import pytest
from hypothesis import given

from service.engine.vocabulary import UNKNOWN
from tests.strategies import MANY, SITES, TODAY, TYPES, as_object, as_parts, bodies, days_before

EDGES = [
    ("age_years", 0, "<18"),
    ("age_years", 17, "<18"),
    ("age_years", 18, "18-54"),
    ("age_years", 54, "18-54"),
    ("age_years", 55, "55-65"),
    ("age_years", 65, "55-65"),
    ("age_years", 66, ">65"),
    ("age_years", 120, ">65"),
    ("platelets_10e9_per_l", 0, "<50"),
    ("platelets_10e9_per_l", 49.999, "<50"),
    ("platelets_10e9_per_l", 50, ">=50"),
    ("platelets_10e9_per_l", 2000, ">=50"),
    ("haemoglobin_g_per_dl", 2, "<8"),
    ("haemoglobin_g_per_dl", 7.99, "<8"),
    ("haemoglobin_g_per_dl", 8, ">=8"),
    ("haemoglobin_g_per_dl", 8.0, ">=8"),
    ("haemoglobin_g_per_dl", 25, ">=8"),
    ("lesion_count", 0, "0"),
    ("lesion_count", 1, "1"),
    ("lesion_count", 2, "2-5"),
    ("lesion_count", 5, "2-5"),
    ("lesion_count", 6, ">5"),
    ("lesion_count", 999, ">5"),
    *(("ecog", number, str(number)) for number in range(5)),
]
ASSESSED = "chemotherapy_response.assessed_on"


def assessed(normal, days_ago, as_of=None, today=TODAY):
    day = TODAY.isoformat() if as_of is None else as_of
    body = {"chemotherapy_response": {"overall": "PR", "assessed_on": days_before(day, days_ago)}}
    return normal(body | ({} if as_of is None else {"as_of": as_of}), today)[ASSESSED]


@pytest.mark.parametrize(("member", "value", "band"), EDGES)
def test_a_number_is_kept_as_the_band_that_the_contract_names(normal, member, value, band):
    assert normal({member: value})[member] == band


@pytest.mark.parametrize(
    ("days_ago", "band"),
    [
        (-2, "future"),
        (-1, "within_120_days"),
        (0, "within_120_days"),
        (1, "within_120_days"),
        (119, "within_120_days"),
        (120, "within_120_days"),
        (121, "older"),
        (122, "older"),
        (9000, "older"),
    ],
)
@pytest.mark.parametrize("as_of", [None, "2026-11-23", "2026-03-01", "2024-02-29"])
def test_v11_an_assessment_counts_for_120_days_and_may_be_one_day_ahead(normal, days_ago, band, as_of):
    assert assessed(normal, days_ago, as_of) == band


@pytest.mark.parametrize("as_of", [{}, {"as_of": None}, {"as_of": "unknown"}])
def test_as_of_is_today_where_it_is_not_stated(normal, as_of):
    body = {"chemotherapy_response": {"overall": "PR", "assessed_on": "2026-07-26"}, **as_of}
    assert normal(body)[ASSESSED] == "within_120_days"
    assert normal(body, TODAY + dt.timedelta(days=1))[ASSESSED] == "older"


def test_as_of_decides_and_not_today(normal):
    body = {"as_of": "2026-01-31", "chemotherapy_response": {"overall": "PR", "assessed_on": "2026-01-01"}}
    assert normal(body, dt.date(2030, 1, 1)) == normal(body, dt.date(2026, 1, 31))
    assert normal(body)[ASSESSED] == "within_120_days"


def test_as_of_itself_is_no_fact_of_the_patient(normal):
    assert normal({"as_of": "2026-01-31"}) == normal({})


@pytest.mark.parametrize(
    ("as_of", "status"), [("2026-11-23", 200), ("2026-11-22", 200), ("2026-11-24", 422), ("2099-01-01", 422)]
)
def test_v11_as_of_after_today_in_utc_is_refused(app, as_of, status):
    response = app.test_client().post("/v1/recommendations", json={"as_of": as_of})
    assert response.status_code == status
    if status == 422:
        assert [(e["pointer"], e["rule"]) for e in response.get_json()["errors"]] == [("/as_of", "V11")]


def test_v11_an_assessment_two_days_ahead_of_as_of_is_refused(app):
    for days_ago, status in ((-1, 200), (-2, 422)):
        facts = {"overall": "PR", "assessed_on": days_before(TODAY.isoformat(), days_ago)}
        response = app.test_client().post("/v1/recommendations", json={"chemotherapy_response": facts})
        assert response.status_code == status
    assert [error["rule"] for error in response.get_json()["errors"]] == ["V11"]
    assert response.get_json()["errors"][0]["pointer"] == "/chemotherapy_response/assessed_on"


@pytest.mark.parametrize("value", ["CR", "PR", "SD", "PD", "NON_CR_NON_PD", "responded", "NE", "not_started"])
def test_v11_an_old_assessment_makes_a_response_not_evaluable_and_leaves_the_rest(ask, value):
    body = {"metastatic_status": "M1", "presentation": "de_novo", "complications": "none"}
    fresh, old = (
        ask({**body, "chemotherapy_response": {"overall": value, "assessed_on": days_before(TODAY.isoformat(), days)}})
        for days in (120, 121)
    )
    axis = old["because"]["derived"]["response_axis"]
    if value in {"NE", "not_started"}:
        assert axis == fresh["because"]["derived"]["response_axis"]
    else:
        assert axis == "NOT_EVALUABLE"
        assert fresh["because"]["derived"]["response_axis"] != "NOT_EVALUABLE"
    assert "assessment_too_old" in [warning["code"] for warning in old["warnings"]]
    assert "assessment_too_old" not in [warning["code"] for warning in fresh["warnings"]]


def test_what_is_not_stated_is_unknown(normal, vocabulary):
    assert normal({}) == vocabulary.nothing
    stated = normal({"metastatic_status": "M1"})
    assert {name for name, value in stated.items() if value != vocabulary.nothing[name]} == {"metastatic_status"}


@pytest.mark.parametrize(
    ("sent", "same"),
    [
        ({"metastatic_status": "cM0"}, {"metastatic_status": "M0"}),
        ({"metastatic_status": "non_metastatic"}, {"metastatic_status": "M0"}),
        ({"metastatic_status": "cM0(i+)"}, {"metastatic_status": "M0(i+)"}),
        ({"metastatic_status": "cM1"}, {"metastatic_status": "M1"}),
        ({"metastatic_status": "metastatic"}, {"metastatic_status": "M1"}),
        ({"presentation": "synchronous"}, {"presentation": "de_novo"}),
        ({"presentation": "metachronous"}, {"presentation": "recurrent"}),
        ({"chemotherapy_response": "partial_response"}, {"chemotherapy_response": {"overall": "PR"}}),
        ({"chemotherapy_response": "complete_response"}, {"chemotherapy_response": "CR"}),
        ({"chemotherapy_response": "stable_disease"}, {"chemotherapy_response": "SD"}),
        ({"chemotherapy_response": "progressive_disease"}, {"chemotherapy_response": "PD"}),
        ({"chemotherapy_response": "not_evaluable"}, {"chemotherapy_response": "NE"}),
        ({"chemotherapy_response": {}}, {}),
        ({"complications": "none"}, {"complications": dict.fromkeys(TYPES, "absent")}),
        ({"complications": "unknown"}, {}),
        ({"complications": {}}, {}),
        ({"complications": {"pain": {}}}, {}),
        (
            {"complications": ["pain", "odour"]},
            {"complications": {"odour": "present", "pain": {"presence": "present"}}},
        ),
        ({"complications": ["pain", "pain"]}, {"complications": ["pain"]}),
        ({"metastatic_sites": ["bone", "bone"]}, {"metastatic_sites": ["bone"]}),
        ({"metastatic_sites": ["liver", "bone"]}, {"metastatic_sites": ["bone", "liver"]}),
    ],
)
def test_two_ways_of_saying_the_same_have_one_normal_form(normal, sent, same):
    assert normal(sent) == normal(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"complications": []}, {}),
        ({"chemotherapy_response": "responded"}, {"chemotherapy_response": "PR"}),
        ({"chemotherapy_response": "NON_CR_NON_PD"}, {"chemotherapy_response": "SD"}),
        ({"metastatic_sites": []}, {}),
        ({"complications": {"pain": "absent"}}, {}),
        ({"metastatic_status": "M0(i+)"}, {"metastatic_status": "M0"}),
    ],
)
def test_what_is_said_about_the_form_of_a_request_is_itself_a_fact(normal, one, other):
    assert normal(one) != normal(other)


def test_a_list_of_sites_says_of_every_site_whether_it_is_listed(normal):
    form = normal({"metastatic_sites": ["bone", "brain"]})
    for site in SITES:
        assert form[f"metastatic_sites.{site}"] == ("listed" if site in {"bone", "brain"} else "not_listed")
    assert form["metastatic_sites.count"] == "2+"
    assert normal({"metastatic_sites": ["bone"]})["metastatic_sites.count"] == "1"
    assert normal({"metastatic_sites": []})["metastatic_sites.count"] == "0"
    assert normal({"metastatic_sites": "unknown"})["metastatic_sites.count"] == UNKNOWN


@given(body=bodies)
@MANY
def test_the_object_forms_say_what_the_short_forms_say(normal, body):
    longer = dict(body)
    if body.get("complications") != []:
        longer["complications"] = as_object(body.get("complications"))
    longer["chemotherapy_response"] = as_parts(body.get("chemotherapy_response"))
    assert normal(longer) == normal(body)


@given(body=bodies)
@MANY
def test_the_order_of_the_members_is_of_no_account(normal, body):
    assert normal(dict(reversed(body.items()))) == normal(body)


@given(body=bodies)
@MANY
def test_every_feature_has_one_of_its_values(normal, vocabulary, body):
    form = normal(body)
    features = {feature.name: feature.values for feature in (*vocabulary.features, *vocabulary.counted)}
    assert set(form) == set(features)
    assert all(value in features[name] for name, value in form.items())
