"""The decision_id: it says everything, it is short, and it is refused when a single character is wrong."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.vocabulary import UNKNOWN
from service.facts.identifier import LONGEST, Encoder, Identifier, read, write
from service.facts.normal_form import normal_form, recount
from service.facts.schema import request_schema
from service.knowledge.vocabulary import Choice, Flag, Number, Value, Vocabulary
from tests.strategies import FEW, MANY, TODAY, bodies, patients

ALPHABET = set(string.ascii_letters + string.digits + "-_")
KEY = ("mbc-primary-lrt", "2026-11-23")

SMALL = Vocabulary(
    {
        "colour": Choice(
            path="colour",
            title="Colour",
            meaning="",
            values={name: Value(meaning=name) for name in ("red", "green", "blue")},
        ),
        "big": Flag(path="big", title="Big", meaning=""),
        "size": Number(
            path="size",
            title="Size",
            meaning="",
            minimum=0,
            maximum=9,
            whole=True,
            bands={"low": 0, "mid": 3, "high": 6},
        ),
    },
    spellings={},
)
"""A vocabulary of the tests' own, so that its numbers depend on the format alone."""


@pytest.fixture(scope="session")
def encoder(vocabulary):
    return Encoder(vocabulary)


def point_of(data, vocabulary):
    point = dict(vocabulary.nothing)
    point |= {feature.name: data.draw(st.sampled_from(feature.values)) for feature in vocabulary.features}
    return recount(vocabulary, point)


def last_point(vocabulary):
    """The largest number."""
    return recount(vocabulary, dict(vocabulary.nothing) | {f.name: f.values[-1] for f in vocabulary.features})


@given(data=st.data())
@MANY
def test_every_point_of_the_vocabulary_comes_back_from_its_number(vocabulary, encoder, data):
    point = point_of(data, vocabulary)
    assert encoder.decode(encoder.encode(point)) == point


@given(body=bodies)
@MANY
def test_every_body_comes_back_from_its_number(encoder, normal, body):
    assert encoder.decode(encoder.encode(normal(body))) == normal(body)


@given(one=patients(), other=patients())
@MANY
def test_two_normal_forms_have_one_number_only_if_they_are_the_same(encoder, normal, one, other):
    assert (encoder.encode(normal(one)) == encoder.encode(normal(other))) == (normal(one) == normal(other))


def test_the_longest_decision_id_is_short_and_of_plain_characters(vocabulary, encoder):
    name = write(*KEY, encoder.encode(last_point(vocabulary)))
    assert len(name) <= LONGEST <= 200
    assert set(name) <= ALPHABET
    assert read(name) == Identifier(*KEY, encoder.encode(last_point(vocabulary)))


def test_the_patient_of_whom_nothing_is_known_has_the_shortest_number(vocabulary, encoder):
    assert encoder.encode(vocabulary.nothing) == "0"


@given(data=st.data())
@FEW
def test_a_single_wrong_character_is_refused(vocabulary, encoder, data):
    name = write(*KEY, encoder.encode(point_of(data, vocabulary)))
    for place, character in enumerate(name):
        for other in data.draw(st.sets(st.sampled_from(sorted(ALPHABET - {character})), min_size=1, max_size=1)):
            assert read(name[:place] + other + name[place + 1 :]) is None, (name, place, other)


@given(data=st.data())
@FEW
def test_a_missing_a_doubled_and_two_swapped_characters_are_refused(vocabulary, encoder, data):
    name = write(*KEY, encoder.encode(point_of(data, vocabulary)))
    for place in range(len(name)):
        assert read(name[:place] + name[place + 1 :]) is None
        assert read(name[:place] + name[place] + name[place:]) is None
        swapped = name[:place] + name[place : place + 2][::-1] + name[place + 2 :]
        assert swapped == name or read(swapped) is None


@given(text=st.text(max_size=250))
@MANY
def test_no_text_makes_the_reader_fail(encoder, text):
    found = read(text)
    assert found is None or encoder.decode(found.facts) is not None


@pytest.mark.parametrize(
    "text", ["", "1", "1____", "2_mbc-primary-lrt_2026-11-23_0_zL7bJ5", "1_" + "a" * 300, "1_é_1_0_000000"]
)
def test_what_is_not_a_decision_id_is_refused(text):
    assert read(text) is None


def test_the_check_value_covers_the_guideline_and_the_release():
    ours, check = write(*KEY, "0").rsplit("_", 1)
    for body in (ours.replace("mbc", "abc"), ours.replace("2026", "2027"), ours.replace("1_", "2_", 1)):
        assert read(f"{body}_{check}") is None


def test_a_number_outside_the_vocabulary_does_not_decode(vocabulary, encoder):
    longest = encoder.encode(last_point(vocabulary))
    assert encoder.decode(longest) is not None
    assert encoder.decode("z" * len(longest)) is None
    assert encoder.decode("1" + "0" * len(longest)) is None


def test_only_the_shortest_form_of_a_number_decodes(encoder):
    assert encoder.decode("0") is not None
    assert encoder.decode("00") is None
    assert encoder.decode("0A") is None
    assert encoder.decode("") is None


def test_an_id_whose_facts_could_not_have_been_answered_is_404(app, encoder, normal):
    """M0 with a distant response is refused (V03), so no permalink of it may answer."""
    refused = normal({"metastatic_status": "M0", "chemotherapy_response": {"distant": "PD"}})
    response = app.test_client().get(f"/v1/recommendations/{write(*KEY, encoder.encode(refused))}")
    assert response.status_code == 404
    future = normal({"chemotherapy_response": {"overall": "PR", "assessed_on": "2027-01-01"}})
    assert app.test_client().get(f"/v1/recommendations/{write(*KEY, encoder.encode(future))}").status_code == 404


@pytest.mark.parametrize(
    ("stated", "number"),
    [
        ({}, "0"),
        ({"colour": "red"}, "2"),
        ({"colour": "blue"}, "6"),
        ({"big": "false"}, "8"),
        ({"size": "high"}, "1A"),
        ({"colour": "blue", "big": "true", "size": "high"}, "1W"),
        ({"form.repeated": "yes", "colour": "blue", "big": "true", "size": "high"}, "1X"),
    ],
)
def test_the_format_of_the_number_stays_as_it_is(stated, number):
    """By hand: the first feature counts least, each in the base of its number of values; base 62 of 0-9 A-Z a-z."""
    point = {name: stated.get(name, value) for name, value in SMALL.nothing.items()}
    assert Encoder(SMALL).encode(point) == number
    assert Encoder(SMALL).decode(number) == point


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("mbc-primary-lrt", "2026-11-23", "0"), "1_mbc-primary-lrt_2026-11-23_0_zL7bJ5"),
        (("toy", "1", "aZ9"), "1_toy_1_aZ9_YsNoZU"),
    ],
)
def test_the_format_of_the_id_stays_as_it_is(parts, name):
    assert write(*parts) == name
    assert read(name) == Identifier(*parts)


GOLDEN = {
    "1_mbc-primary-lrt_2026-11-23_0_zL7bJ5": {},
    "1_mbc-primary-lrt_2026-11-23_AFTKEiLSo3pxoBy_ucobxo": {
        "metastatic_status": "metastatic",
        "chemotherapy_response": "responded",
        "complications": "none",
    },
    "1_mbc-primary-lrt_2026-11-23_KIbmdb78lixRyELmSjMpsI_EMnFj7": {
        "metastatic_status": "M1",
        "presentation": "de_novo",
        "metastatic_sites": ["bone"],
        "lesion_count": 3,
        "chemotherapy_response": {"primary": "PR", "distant": "CR", "assessed_on": "2026-11-01", "method": "pet_ct"},
        "complications": "none",
        "age_years": 70,
        "ecog": 1,
    },
    "1_mbc-primary-lrt_2026-11-23_qjxy5j4Bli3ZTLanfxTqr5C2TY_j10SL1": {
        "complications": {
            "bleeding": {
                "presence": "present",
                "grade": 2,
                "haemodynamically_unstable": False,
                "controlled_by_pressure": True,
            }
        },
        "platelets_10e9_per_l": 49.9,
        "brain_metastases": True,
    },
}


@pytest.mark.parametrize("name", GOLDEN)
def test_ids_that_were_given_out_are_still_the_same_question(app, library, name):
    """If this fails the vocabulary has changed: after publication that is a new release, not a new golden value."""
    vocabulary = library.guidelines[KEY[0]][KEY[1]].vocabulary
    form = normal_form(vocabulary, request_schema(vocabulary).load(GOLDEN[name]), TODAY)
    assert write(*KEY, Encoder(vocabulary).encode(form)) == name
    assert app.test_client().get(f"/v1/recommendations/{name}").get_json()["decision_id"] == name


def test_the_id_holds_no_finer_number_and_no_date(normal, encoder):
    coarse = encoder.encode(
        normal({"age_years": 70, "platelets_10e9_per_l": 20, "haemoglobin_g_per_dl": 7.2, "lesion_count": 3})
    )
    assert coarse == encoder.encode(
        normal({"age_years": 66, "platelets_10e9_per_l": 49.9, "haemoglobin_g_per_dl": 2, "lesion_count": 5})
    )
    days = [f"2026-11-{day:02}" for day in (1, 10, 20)]
    assert (
        len({encoder.encode(normal({"chemotherapy_response": {"overall": "PR", "assessed_on": day}})) for day in days})
        == 1
    )


def test_unknown_is_the_value_of_everything_that_is_not_stated(vocabulary):
    for feature in (*vocabulary.features, *vocabulary.counted):
        assert feature.values[0] == UNKNOWN or UNKNOWN not in feature.values, feature.name
    about_the_form = {feature.name for feature in vocabulary.features if UNKNOWN not in feature.values}
    assert {"form.repeated", "complications.form"} <= about_the_form
    assert not any(name.endswith((".presence", ".grade", "_status")) for name in about_the_form)
