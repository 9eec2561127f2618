"""The tolerant reader: it reads all that the schema reads, and what a caller meant, and it never fails."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.facts.json_body import parse
from service.facts.tolerant import FoldingReader, TolerantReader
from tests.strategies import EMERGENCIES, MANY, SITES, TODAY, TYPES, Pairs, bodies, corrupted, faulty_values, raw


@pytest.fixture(scope="session")
def read(vocabulary):
    """Feature -> all values found."""

    def reading(body):
        text = body if isinstance(body, str) else raw(body)
        return TolerantReader(vocabulary, TODAY).read(parse(text.encode()))

    return reading


@given(body=bodies)
@MANY
def test_what_the_schema_accepts_is_read_the_same(read, normal, vocabulary, body):
    assume(body.get("complications") != [])  # has a test of its own
    found = {name: values for name, values in read(body).items() if values}
    assert all(len(values) == 1 for values in found.values())
    stated = {name: value for name, value in normal(body).items() if value != vocabulary.nothing[name]}
    counted = {feature.name for feature in vocabulary.counted}
    assert {name: value for name, (value,) in found.items()} == {n: v for n, v in stated.items() if n not in counted}


def test_an_empty_list_of_complications_is_read_the_same(read, normal):
    assert normal({"complications": []})["complications.form"] == "empty_list"
    assert read({"complications": []}).get("complications.form") == ["empty_list"]


@given(body=corrupted())
@MANY
def test_nothing_makes_the_reader_fail_and_it_gives_values_of_the_vocabulary_only(read, vocabulary, body):
    features = {feature.name: feature.values for feature in vocabulary.features}
    for name, values in read(body).items():
        assert set(values) <= set(features[name])
        assert len(set(values)) == len(values)


@given(tree=faulty_values)
@MANY
def test_nothing_that_is_not_an_object_makes_the_reader_fail(read, tree):
    assert isinstance(read(json.dumps(tree)), dict)


@given(body=corrupted(), extra=st.sampled_from(EMERGENCIES), data=st.data())
@MANY
def test_what_is_stated_is_read_beside_anything_else(read, body, extra, data):
    alone = read(Pairs([extra]))
    body.insert(data.draw(st.integers(0, len(body))), extra)
    found = read(body)
    for name, values in alone.items():
        assert set(values) <= set(found[name])


@pytest.mark.parametrize(
    ("body", "feature", "value"),
    [
        ({"complications": {"bleeding": {"grade": "4"}}}, "complications.bleeding.grade", "4"),
        ({"complications": {"bleeding": {"grade": 4.0}}}, "complications.bleeding.grade", "4"),
        ({"complications": {"bleeding": {"grade": " 4 "}}}, "complications.bleeding.grade", "4"),
        ({"complications": {"bleeding": {"Grade": 4}}}, "complications.bleeding.grade", "4"),
        ({"complications": {"Bleeding": {"grade": 4}}}, "complications.bleeding.grade", "4"),
        ({"Complications": {"bleeding": {"grade": 4}}}, "complications.bleeding.grade", "4"),
        ({"complications": [{"bleeding": {"grade": 4}}]}, "complications.bleeding.grade", "4"),
        ({"bleeding": {"grade": 4}}, "complications.bleeding.grade", "4"),
        ({"complications": {"odor": "present"}}, "complications.odour.presence", "present"),
        ({"complications": ["lymphedema"]}, "complications.lymphoedema.presence", "present"),
        (
            {"complications": {"bleeding": {"hemodynamically_unstable": True}}},
            "complications.bleeding.haemodynamically_unstable",
            "true",
        ),
        ({"complications": {"infection": {"necrotizing": "true"}}}, "complications.infection.necrotising", "true"),
        ({"complications": {"sepsis_signs": True}}, "complications.sepsis_signs.presence", "present"),
        ({"complications": {"sepsis_signs": {"presence": True}}}, "complications.sepsis_signs.presence", "present"),
        ({"complications": {"sepsis_signs": "Present"}}, "complications.sepsis_signs.presence", "present"),
        ({"complications": "sepsis_signs"}, "complications.sepsis_signs.presence", "present"),
        ({"complications": "NONE"}, "complications.sepsis_signs.presence", "absent"),
        ({"fever_within_6_weeks_of_chemotherapy": "true"}, "fever_within_6_weeks_of_chemotherapy", "true"),
        ({"fever_within_6_weeks_of_chemotherapy": 1}, "fever_within_6_weeks_of_chemotherapy", "true"),
        ({"fever_within_6_weeks_of_chemotherapy": "No"}, "fever_within_6_weeks_of_chemotherapy", "false"),
        ({"hemoglobin": "7.9"}, "haemoglobin_g_per_dl", "<8"),
        ({"platelets_10e9_per_l": "49"}, "platelets_10e9_per_l", "<50"),
        ({"metastatic_status": "m1"}, "metastatic_status", "M1"),
        ({"metastatic_sites": "bone"}, "metastatic_sites.bone", "listed"),
    ],
)
def test_a_tolerable_type_a_wrong_case_and_an_american_spelling_are_understood(read, body, feature, value):
    assert read(body).get(feature) == [value]


@pytest.mark.parametrize(
    "body",
    [
        {"complications": {"bleeding": {"grade": "severe"}}},
        {"complications": {"bleeding": {"grade": 4.5}}},
        {"complications": {"bleeding": {"grade": True}}},
        {"complications": {"bleeding": {"grade": 40}}},
        {"complications": {"bleeding": {"grade": None}}},
        {"complications": {"bleeding": "unknown"}},
        {"fever_within_6_weeks_of_chemotherapy": "unknown"},
        {"fever_within_6_weeks_of_chemotherapy": 2},
        {"haemoglobin_g_per_dl": "80"},
        {"haemoglobin_g_per_dl": "inf"},
        {"haemoglobin_g_per_dl": "nan"},
        {"platelets_10e9_per_l": -1},
        {"chemotherapy_response": "not_responded"},
        {"sex": ["male"]},
        {},
    ],
)
def test_what_has_no_clear_meaning_is_not_read(read, body):
    assert not any(read(body).values())


def test_of_a_repeated_key_every_value_counts(read):
    found = read('{"complications": {"bleeding": "absent", "bleeding": {"grade": 4}}, "complications": "none"}')
    assert found["complications.bleeding.presence"] == ["absent"]
    assert found["complications.bleeding.grade"] == ["4"]
    both = read('{"sex": "male", "sex": "female", "sex": "male"}')
    assert both["sex"] == ["male", "female"]


def test_a_list_of_sites_with_a_strange_word_in_it_says_nothing_of_the_others(read):
    found = read({"metastatic_sites": ["bone", "moon"]})
    assert found["metastatic_sites.bone"] == ["listed"]
    assert all(not found.get(f"metastatic_sites.{site}") for site in SITES if site != "bone")
    assert read({"metastatic_sites": ["bone"]})["metastatic_sites.liver"] == ["not_listed"]


@pytest.mark.parametrize("number", [10, 999, 1001, 3000])
@pytest.mark.parametrize("where", ["unknown members", "unknown complications", "a list", "a repeated key"])
def test_an_emergency_is_read_behind_any_number_of_other_things_that_a_body_can_hold(ask, number, where):
    if where == "unknown members":
        text = "{" + "".join(f'"k{i}": 1, ' for i in range(number)) + '"fever_within_6_weeks_of_chemotherapy": true}'
    elif where == "unknown complications":
        text = '{"complications": {' + "".join(f'"k{i}": 1, ' for i in range(number)) + '"sepsis_signs": "present"}}'
    elif where == "a list":
        text = '{"complications": [' + '"odour", ' * (number - 1) + '"x", "sepsis_signs"]}'
    else:
        text = '{"complications": {' + '"sepsis_signs": 0, ' * number + '"sepsis_signs": "present"}}'
    assert len(text) <= 64 * 1024
    answer = ask_text(ask, text)
    assert answer["recommendations"][0]["rule"] == "R01"


@pytest.fixture(scope="session")
def ask(app):
    return app.test_client


def ask_text(client, text):
    response = client().post("/v1/recommendations", data=text, content_type="application/json")
    assert response.status_code == 200, response.get_data(as_text=True)[:300]
    return response.get_json()


URGENT = {
    "severe pain, in whichever order its values stand": (
        '{"complications": {"pain": {"controlled": true, "controlled": false, "grade": 1, "grade": 3}}}'
    ),
    "severe pain, the other order": (
        '{"complications": {"pain": {"grade": 3, "grade": 1, "controlled": false, "controlled": true}}}'
    ),
    "an infection with sepsis signs absent and unknown": (
        '{"complications": {"infection": "present", "sepsis_signs": "absent", "sepsis_signs": "unknown"}}'
    ),
    "a bleeding of grade 1 and of unknown grade": (
        '{"complications": {"bleeding": {"presence": "present", "haemodynamically_unstable": false,'
        ' "controlled_by_pressure": true, "grade": 1, "grade": "unknown"}}}'
    ),
    "a bleeding absent and present": '{"complications": {"bleeding": "absent", "bleeding": "present"}}',
}


@pytest.mark.parametrize("text", URGENT.values(), ids=URGENT)
def test_v12_a_refusal_is_urgent_where_either_value_of_a_repeated_key_makes_it_so(app, text):
    response = app.test_client().post("/v1/recommendations", data=text, content_type="application/json")
    assert response.status_code == 422
    assert response.get_json()["urgent"]["code"] == (
        "URGENT_INFECTION" if "infection" in text else "URGENT_LOCAL_CONTROL"
    )


def test_every_type_of_complication_can_stand_at_the_top_by_mistake(read):
    for kind in TYPES:
        assert read({kind: "present"})[f"complications.{kind}.presence"] == ["present"]


# ---- near misses


@pytest.fixture(scope="session")
def fold(vocabulary):
    """Feature -> all values found, near misses included."""

    def reading(body):
        return FoldingReader(vocabulary, TODAY).read(parse(raw(body).encode()))

    return reading


@given(body=corrupted())
@MANY
def test_what_the_tolerant_reader_reads_the_folding_reader_reads_too(read, fold, body):
    folded = fold(body)
    for name, values in read(body).items():
        assert set(values) <= set(folded.get(name, values))


@given(tree=faulty_values)
@MANY
def test_nothing_makes_the_folding_reader_fail(vocabulary, tree):
    assert isinstance(FoldingReader(vocabulary, TODAY).read(tree), dict)


@pytest.mark.parametrize(
    ("body", "feature", "value"),
    [
        ({"complications": {"bleeding": {"grade": "G4"}}}, "complications.bleeding.grade", "4"),
        ({"complications": {"bleeding": {"grade": "CTCAE: grade iii"}}}, "complications.bleeding.grade", "3"),
        ({"complications": {"bleeding": "Grade 2"}}, "complications.bleeding.grade", "2"),
        ({"complications": ["Chest wall necrosis"]}, "complications.chest_wall_necrosis.presence", "present"),
        ({"metastatic-status": "c M1"}, "metastatic_status", "M1"),
        ({"haemoglobinGPerDl": "7.9"}, "haemoglobin_g_per_dl", "<8"),
        ({"metastaticSites": ["distant node"]}, "metastatic_sites.distant_node", "listed"),
    ],
)
def test_only_the_folding_reader_reads_a_near_miss(read, fold, body, feature, value):
    assert fold(body)[feature] == [value]
    assert not any(read(body).values())


@pytest.mark.parametrize("grade", ["-4", "<4", "G40", "G-", "grade", "", "4 or 3", "iiii", "IVa", "g" * 200 + "4"])
def test_what_is_no_grade_is_not_read_as_one(fold, grade):
    assert not fold({"complications": {"bleeding": {"grade": grade}}}).get("complications.bleeding.grade")
