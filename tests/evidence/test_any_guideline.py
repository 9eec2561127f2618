"""Evidence of a guideline with arms of its own, two strata of one trial, no timings, no pool or no outcome at all."""

import csv
import io
import shutil
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.api.asking import is_problem
from tests.knowledge.conftest import Copy
from tests.toy.conftest import TOY, app_of

OVERLAY = Path(__file__).parent / "content"
RELEASE = "guidelines/toy-umbrella/2026-02-01"
HAIR, EARS = "/v1/evidence/dry-hair", "/v1/evidence/dry-ears"


def copy(folder: Path) -> Copy:
    shutil.copytree(TOY, folder / "content")
    shutil.copytree(OVERLAY, folder / "content", dirs_exist_ok=True)
    return Copy(folder / "content", RELEASE)


@pytest.fixture(scope="module")
def hats(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """The invented guideline with its evidence."""
    return app_of(copy(tmp_path_factory.mktemp("hats")).root, "toy-umbrella").test_client()


@pytest.fixture
def content(tmp_path: Path) -> Copy:
    return copy(tmp_path)


def read(client: FlaskClient, path: str) -> dict:
    response = client.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def text(client: FlaskClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def test_an_outcome_that_is_not_pooled_says_why_at_every_door(hats: FlaskClient) -> None:
    outcome = read(hats, HAIR)
    reason = "Both figures are of one trial."
    assert (outcome["pooled"], outcome["pooled_reason"], outcome["method"]) == (None, reason, None)
    answer = hats.post("/v1/recommendations", json={"forecast": "rain"}).get_json()
    assert answer["evidence"]["dry_hair"]["pooled_reason"] == reason
    assert answer["evidence"]["dry_ears"]["pooled_reason"] is None
    assert f"Not pooled. {reason}" in text(hats, f"{HAIR}.svg")
    rows = list(csv.DictReader(io.StringIO(text(hats, f"{HAIR}.csv"))))
    assert [(row["kind"], row["name"]) for row in rows][-1] == ("not_pooled", reason)
    assert reason in text(hats, "/evidence")
    assert reason in text(hats, answer["links"]["page"])


def test_without_a_pool_nothing_is_headed_that_is_not_there(hats: FlaskClient) -> None:
    drawing, header = text(hats, f"{HAIR}.svg"), text(hats, f"{HAIR}.csv").splitlines()[0]
    for words in ("Weight", "our calculation", "Published meta-analyses"):
        assert words not in drawing
    assert header == "kind,id,name,people,hr,ci_low,ci_high,ci_level,chosen,caveats"
    section = text(hats, "/evidence").split('id="dry-hair"')[1].split("</section>")[0]
    for words in ("Weight", "our calculation", "Published meta-analyses", "own pools", 'class="timing"', "Pool these"):
        assert words not in section
    pooled = text(hats, f"{EARS}.svg")
    assert "Weight" in pooled
    assert "pools are our calculation" in pooled


def test_the_arms_of_the_guideline_are_named_where_a_ratio_points(hats: FlaskClient) -> None:
    assert read(hats, HAIR)["favours"] == {"below": "a hat with a brim", "above": "no hat"}
    drawing = text(hats, f"{HAIR}.svg")
    assert "favours a hat with a brim" in drawing
    assert "favours no hat" in drawing


def test_each_stratum_has_its_own_line_people_and_id(hats: FlaskClient) -> None:
    light, heavy = read(hats, HAIR)["studies"]
    assert (light["id"], light["study"], light["stratum"], light["people"]) == (
        "brim_light", "toy_brim", "light rain", 120,
    )  # fmt: skip
    assert (heavy["hr"], heavy["people"], heavy["timing"]) == (1.1, 180, None)
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text(hats, f"{HAIR}.csv")))}
    assert rows["brim_heavy"]["name"] == "BRIM-1, heavy rain"
    assert 'data-id="brim_light"' in text(hats, f"{HAIR}.svg")
    page = text(hats, "/evidence")
    assert '<a href="/evidence/studies/toy_brim">BRIM-1, light rain</a>' in page
    assert "Dry hair, heavy rain</a>" in text(hats, "/evidence/studies/toy_brim")


def test_a_pool_takes_one_stratum_by_its_id_and_never_two_of_one_trial(hats: FlaskClient) -> None:
    ears = read(hats, EARS)
    assert ears["same_trial"] == [["brim_light", "brim_heavy"]]
    assert [(each["id"], each["study"]) for each in ears["pooled"]["weights"]] == [
        ("brim_light", "toy_brim"),
        ("toy_hat", "toy_hat"),
    ]
    other = read(hats, f"{EARS}?trials=brim_heavy,toy_hat")
    assert (other["chosen"], other["pooled"]["id"]) == (["brim_heavy", "toy_hat"], "chosen")
    assert read(hats, f"{EARS}?trials=toy_hat,brim_light")["pooled"]["id"] == "light_and_hat"
    problem = is_problem(hats.get(f"{EARS}?trials=brim_light,brim_heavy"), 400, "bad-request")
    assert "count twice" in problem["detail"]
    is_problem(hats.get(f"{EARS}?trials=toy_brim,toy_hat"), 404, "not-found")
    assert "count twice" in text(hats, "/evidence?dry-ears=brim_light&dry-ears=brim_heavy")


def test_one_trial_alone_is_not_pooled_and_the_answer_says_so(hats: FlaskClient) -> None:
    ears = read(hats, f"{EARS}?trials=toy_hat")
    assert (ears["pooled"], ears["pooled_reason"]) == (None, "Only one trial is chosen.")


def test_a_credible_interval_is_named_as_one_wherever_it_is_shown(hats: FlaskClient) -> None:
    ears = read(hats, EARS)
    assert [each["interval"] for each in ears["published"]] == ["credible"]
    assert {each["interval"] for each in ears["studies"]} == {"confidence"}
    assert "95% CrI" in text(hats, f"{EARS}.svg")
    assert "95% credible interval" in text(hats, f"{EARS}.svg")
    assert "95% CrI" in text(hats, "/evidence")
    assert "95% CrI 0.75 to 1.08" in text(hats, "/evidence/studies/toy_network")


def test_a_study_is_told_in_the_words_of_its_file_and_of_the_arms(hats: FlaskClient) -> None:
    page = text(hats, "/evidence/studies/toy_brim")
    assert "Gusts of wind with a hat with a brim (%)" in page
    assert "3 months (95% CI 2 to 4), p below 0.01" in page
    assert "<dt>Favours</dt><dd>no hat</dd>" in page
    assert "labels" not in page.lower()


def test_a_patient_is_compared_with_those_whom_the_study_enrolled(hats: FlaskClient) -> None:
    for forecast, member in (("rain", "matches"), ("dry", "mismatches")):
        (compared,) = hats.post("/v1/recommendations", json={"forecast": forecast}).get_json()["applicability"]
        assert compared[member] == ["it rains"]


def test_timings_of_the_guideline_group_its_trials_and_a_trial_may_have_none(content: Copy) -> None:
    content.change("evidence.yaml", "\noutcomes:\n", "\ntimings:\n  spring: In the spring\n\noutcomes:\n")
    content.change("evidence.yaml", "{study: toy_hat,", "{study: toy_hat, timing: spring,")
    client = app_of(content.root, "toy-umbrella").test_client()
    assert read(client, EARS)["timings"] == {"spring": "In the spring"}
    assert read(client, HAIR)["timings"] == {}
    assert "In the spring" in text(client, f"{EARS}.svg")
    page = text(client, "/evidence")
    assert page.count('class="timing"') == 1
    assert page.index("BRIM-1, heavy rain") < page.index("In the spring")
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text(client, f"{EARS}.csv")))}
    assert (rows["toy_hat"]["timing"], rows["brim_light"]["timing"]) == ("spring", "")


def test_an_outcome_without_a_trial_or_a_published_figure_is_shown_empty(content: Copy) -> None:
    file = content.file("evidence.yaml")
    kept = file.read_text(encoding="utf-8").split("    trials:")[0]
    file.write_text(f"{kept}    trials: []\n    pools: []\n    published: []\n    notes: []\n", encoding="utf-8")
    client = app_of(content.root, "toy-umbrella").test_client()
    assert (read(client, HAIR)["studies"], read(client, HAIR)["published"]) == ([], [])
    for path in (f"{HAIR}.svg", f"{HAIR}.csv", "/evidence"):
        assert "Both figures are of one trial." in text(client, path)


def test_a_guideline_without_any_outcome_has_its_pages_and_its_answers(content: Copy) -> None:
    client = app_of(content.root, "toy-coat").test_client()
    page = text(client, "/evidence")
    assert "This guideline shows no figures of trials." in page
    assert "#people" not in page
    assert text(client, "/evidence/studies/toy_brim")
    answer = client.post("/v1/recommendations", json={"temperature": "warm"}).get_json()
    assert (answer["evidence"], answer["applicability"]) == ({}, [])
    assert text(client, answer["links"]["page"])
    is_problem(client.get(HAIR), 404, "not-found")


@pytest.mark.parametrize(
    ("old", "new", "path", "detail"),
    [
        ("    default: light_and_hat\n", "", "/outcomes/1", "either a pool is the default, or pooled_reason says why"),
        ("    pooled_reason: Both figures are of one trial.\n", "", "/outcomes/0", "pooled_reason says why none"),
        ("[brim_light, toy_hat]", "[brim_light, brim_heavy]", "/outcomes/1", "who would count twice"),
        ("[brim_light, toy_hat]", "[toy_brim, toy_hat]", "/outcomes/1", "not among the trials: toy_brim"),
        ("{study: toy_hat,", "{study: toy_hat, id: brim_light,", "/outcomes/1", "brim_light stands twice"),
        ("{study: toy_hat,", "{study: toy_hat, timing: spring,", "/outcomes/1", "no such timing: spring"),
        ("  BARE: {label: no hat, side: above}\n", "", "/outcomes/0", "favours: no such arm: BARE"),
        ("label: no hat, side: above", "label: no hat, side: below", "/arms", "1.10 does not favour BARE"),
        ("label: no hat, side: above", "label: no hat, side: left", "/arms/BARE/side", "Must be one of"),
        ("  - study: toy_brim\n", "  - study: toy_brims\n", "/populations/0", "no such study: toy_brims"),
    ],
)
def test_evidence_that_does_not_fit_together_is_a_fault_with_file_and_path(
    content: Copy, old: str, new: str, path: str, detail: str
) -> None:
    content.change("evidence.yaml", old, new)
    faults = [fault for fault in content.faults() if fault.path == path]
    assert faults, content.faults()
    assert faults[0].file == str(content.file("evidence.yaml"))
    assert detail in faults[0].detail


def test_a_study_twice_without_ids_is_a_fault(content: Copy) -> None:
    file = content.file("evidence.yaml")
    words = file.read_text(encoding="utf-8").replace("id: brim_light, ", "").replace("id: brim_heavy, ", "")
    file.write_text(words, encoding="utf-8")
    assert "toy_brim stands twice among the trials; give each stratum an id" in str(content.faults()[0])


def test_a_label_that_is_no_word_is_a_fault_of_the_studies(content: Copy) -> None:
    content.change("/studies/toy_brim.yaml", "labels:\n  gusts: gusts of wind", "labels: [gusts]")
    (fault,) = content.faults()
    assert fault.detail == "toy_brim/labels: labels map an id to its words"


# ---- interactions of strata

STRATA = "    interactions: [{between: [brim_light, brim_heavy], figure: toy_brim/subgroups/light against heavy}]\n"
RATIO = "- name: light against heavy\n  hr_ratio: 1.57\n  ci_level: 95\n  ci_low: 1.02\n  ci_high: 2.41\n"
STRATA_NAMED = "Interaction of BRIM-1, light rain and BRIM-1, heavy rain"
SENTENCE = f"{STRATA_NAMED}: ratio of HRs 1.57, 95% CI 1.02-2.41, P &lt; 0.05, post hoc."


def with_interaction(content: Copy, strata: str = STRATA) -> Copy:
    content.change("evidence.yaml", "    pooled_reason: Both", f"{strata}    pooled_reason: Both")
    bound = "  p_below: 0.05\n  display: with_caveat\n  caveat: post hoc\n"
    content.change("/studies/toy_brim.yaml", "gusts_brim_pct", f"{RATIO}{bound}gusts_brim_pct")
    return content


def test_the_interaction_of_two_strata_stands_at_every_door(content: Copy) -> None:
    client = app_of(with_interaction(content).root, "toy-umbrella").test_client()
    (stated,) = read(client, HAIR)["interactions"]
    assert stated["between"] == ["brim_light", "brim_heavy"]
    assert stated["text"] == "ratio of HRs 1.57, 95% CI 1.02-2.41, P < 0.05, post hoc"
    assert "interactions" not in read(client, EARS)
    answer = client.post("/v1/recommendations", json=RAIN).get_json()
    assert answer["evidence"]["dry_hair"]["interactions"] == [stated]
    for page in ("/evidence", answer["links"]["page"]):
        assert SENTENCE in text(client, page)
    rows = list(csv.DictReader(io.StringIO(text(client, f"{HAIR}.csv"))))
    (sentence,) = [row["name"] for row in rows if row["kind"] == "interaction"]
    assert sentence.startswith(STRATA_NAMED)
    assert STRATA_NAMED in text(client, f"{HAIR}.svg")


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ("[brim_light, brim_heavy]", "[brim_light, brim_hevy]", "interactions: not among the trials: brim_hevy"),
        ("[brim_light, brim_heavy]", "[brim_light, brim_light]", "interactions: a trial stands twice"),
        ("light against heavy", "light rain", "light rain: an interaction needs a ratio (hr_ratio), p or p_below"),
        ("light against heavy", "light and heavy", "light and heavy: no such figure"),
    ],
)
def test_an_interaction_that_is_none_is_a_fault(content: Copy, old: str, new: str, detail: str) -> None:
    (fault,) = with_interaction(content, STRATA.replace(old, new)).faults()
    assert (fault.path, detail in fault.detail) == ("/outcomes/0", True)


# ---- free groups, ratios that were turned over, margins, words beside ratios

TURNED = (
    "dryness:\n  hr: 0.80\n  ci_level: 95\n  ci_low: 0.54\n  ci_high: 1.18\n"
    "  as_printed: {comparison: no hat versus a hat, hr: 1.25, ci_level: 95, ci_low: 0.85, ci_high: 1.85,"
    " noninferiority_margin: 1.60}\n"
)


def turned(content: Copy, figure: str = TURNED) -> Copy:
    content.change("/studies/toy_hat.yaml", "dryness: {hr: 0.80, ci_level: 95, ci_low: 0.54, ci_high: 1.18}\n", figure)
    return content


def test_a_ratio_that_was_turned_over_is_told_as_printed_with_its_margin_at_every_door(content: Copy) -> None:
    client = app_of(turned(content).root, "toy-umbrella").test_client()
    *_, hat = read(client, EARS)["studies"]
    printed = "printed as HR 1.25, 95% CI 0.85-1.85 for no hat versus a hat"
    assert (hat["margin"], hat["caveats"]) == (0.625, [printed, "non-inferiority margin 1.60 as printed"])
    assert "margin" not in read(client, EARS)["studies"][0]
    page, drawing = text(client, "/evidence"), text(client, f"{EARS}.svg")
    for door in (page, drawing, text(client, f"{EARS}.csv")):
        assert "non-inferiority margin 1.60 as printed" in door
    assert drawing.count('class="margin"') == 1
    assert "Upright lines: non-inferiority margins." in page


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ("hr: 1.25", "hr: 1.22", "dryness/as_printed: turned over it is 0.82, not 0.80"),
        ("hr: 1.25, ", "", "dryness/as_printed: needs hr"),
        ("margin: 1.60", "margin: wide", "dryness: noninferiority_margin is a ratio"),
    ],
)
def test_a_printed_ratio_that_is_not_the_one_turned_over_is_a_fault(
    content: Copy, old: str, new: str, detail: str
) -> None:
    (fault,) = turned(content, TURNED.replace(old, new)).faults()
    assert (fault.path, detail in fault.detail) == ("/outcomes/1", True)


def test_a_margin_that_is_not_turned_stands_where_it_was_printed(content: Copy) -> None:
    figure = "dryness: {hr: 0.80, ci_level: 95, ci_low: 0.54, ci_high: 1.18, noninferiority_margin: 1.3}\n"
    client = app_of(turned(content, figure).root, "toy-umbrella").test_client()
    *_, hat = read(client, EARS)["studies"]
    assert (hat["margin"], hat["caveats"]) == (1.3, ["non-inferiority margin 1.3"])


def test_trials_stand_in_groups_with_free_headings(content: Copy) -> None:
    content.change("evidence.yaml", "{study: toy_hat,", "{study: toy_hat, group: Hats of felt,")
    client = app_of(content.root, "toy-umbrella").test_client()
    assert read(client, EARS)["timings"] == {"Hats of felt": "Hats of felt"}
    for page in (f"{EARS}.svg", f"{EARS}.csv", "/evidence"):
        assert "Hats of felt" in text(client, page)


def test_a_trial_has_no_group_beside_a_timing(content: Copy) -> None:
    content.change("evidence.yaml", "\noutcomes:\n", "\ntimings:\n  spring: In the spring\n\noutcomes:\n")
    content.change("evidence.yaml", "{study: toy_hat,", "{study: toy_hat, timing: spring, group: Felt,")
    assert [fault.detail for fault in content.faults()] == ["toy_hat: a trial has a timing or a group"]


def test_a_trial_without_a_ratio_is_told_in_words_beside_the_others(content: Copy) -> None:
    words = "{text: Hail printed no ratio., citation: TOY-STORM}"
    content.change("evidence.yaml", "    pooled_reason: Both", f"    statements: [{words}]\n    pooled_reason: Both")
    client = app_of(content.root, "toy-umbrella").test_client()
    answer = client.post("/v1/recommendations", json=RAIN).get_json()
    for page in (HAIR, f"{HAIR}.svg", f"{HAIR}.csv", "/evidence", answer["links"]["page"]):
        assert "Hail printed no ratio." in text(client, page)


@pytest.mark.parametrize("level", ["90", "99", "99.9"])
def test_an_interval_of_another_level_says_so_at_every_door(content: Copy, level: str) -> None:
    figure = f"dryness: {{hr: 0.80, ci_level: {level}, ci_low: 0.54, ci_high: 1.18}}\n"
    content.change("evidence.yaml", "{study: toy_hat,", "{study: toy_hat, argued: invented,")
    client = app_of(turned(content, figure).root, "toy-umbrella").test_client()
    drawing, answer = text(client, f"{EARS}.svg"), client.post("/v1/recommendations", json=RAIN).get_json()
    assert f"{level}% CI" in drawing
    assert "Dashed lines: intervals that are not at 95%." in drawing
    assert f"<strong>{level}%</strong>" in text(client, "/evidence")
    assert f"<strong>{level}%</strong> interval" in text(client, "/evidence/studies/toy_hat")
    assert f"<strong>{level} % interval</strong>" in text(client, answer["links"]["page"])
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text(client, f"{EARS}.csv")))}
    assert float(rows["toy_hat"]["ci_level"]) == float(level)


def test_the_table_of_numbers_says_which_interval_is_credible(hats: FlaskClient) -> None:
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text(hats, f"{EARS}.csv")))}
    assert (rows["toy_network"]["interval"], rows["toy_hat"]["interval"]) == ("credible", "confidence")


# ---- outcomes in words, and the pool behind a rule

WORDS = """
  - id: mood
    title: Mood
    statements:
      - {text: Nobody minded a hat., citation: TOY-STORM}
"""
RAIN = {"forecast": "rain", "hazards": "none"}


def with_words(content: Copy) -> FlaskClient:
    content.change("evidence.yaml", "\npopulations:", f"{WORDS}\npopulations:")
    return app_of(content.root, "toy-umbrella").test_client()


def test_an_outcome_in_words_stands_in_the_answer_on_the_page_and_has_nothing_to_draw(content: Copy) -> None:
    client = with_words(content)
    answer = client.post("/v1/recommendations", json=RAIN).get_json()
    assert answer["evidence"]["mood"]["statements"] == [{"text": "Nobody minded a hat.", "citation": "TOY-STORM"}]
    assert (answer["evidence"]["mood"]["studies"], answer["evidence"]["mood"]["measure"]) == ([], None)
    assert "TOY-STORM" in [source["id"] for source in answer["citations"]]
    assert "statements" not in answer["evidence"]["dry_hair"]
    for page in ("/evidence", answer["links"]["page"]):
        assert "Nobody minded a hat." in text(client, page)
    assert "svg" not in read(client, "/v1/evidence")["outcomes"][-1]["links"]
    for form in ("svg", "csv"):
        assert client.get(f"/v1/evidence/mood.{form}").status_code == 404


@pytest.mark.parametrize(
    ("member", "detail"),
    [
        ("favours: {below: BRIM, above: BARE}", "an outcome of statements has no favours"),
        ("default: all", "no such pool: all"),
    ],
)
def test_an_outcome_in_words_has_no_part_of_one_with_ratios(content: Copy, member: str, detail: str) -> None:
    content.change("evidence.yaml", "\npopulations:", f"{WORDS}    {member}\n\npopulations:")
    assert [detail in fault.detail for fault in content.faults()] == [True]


def test_an_outcome_with_ratios_needs_its_measure(content: Copy) -> None:
    content.change("evidence.yaml", "    measure: hazard ratio for wet hair\n", "")
    (fault,) = content.faults()
    assert fault.detail == "an outcome with ratios needs measure"


def test_the_pool_behind_the_rule_stands_in_its_answer_and_the_others_as_sensitivity(content: Copy) -> None:
    pool = "      - {id: light_and_hat, title: Light rain, trials: [brim_light, toy_hat]}\n"
    other = "      - {id: heavy_and_hat, title: Heavy rain, trials: [brim_heavy, toy_hat], rules: [U03]}\n"
    content.change("evidence.yaml", pool, pool + other)
    client = app_of(content.root, "toy-umbrella").test_client()
    ears = client.post("/v1/recommendations", json=RAIN).get_json()["evidence"]["dry_ears"]
    assert (ears["pooled"]["id"], [each["id"] for each in ears["sensitivity"]]) == ("heavy_and_hat", ["light_and_hat"])
    dry = client.post("/v1/recommendations", json=RAIN | {"forecast": "dry"}).get_json()["evidence"]["dry_ears"]
    assert (dry["pooled"]["id"], [each["id"] for each in dry["sensitivity"]]) == ("light_and_hat", ["heavy_and_hat"])


def test_a_pool_behind_a_rule_that_is_not_there_is_a_fault(content: Copy) -> None:
    content.change("evidence.yaml", "trials: [brim_light, toy_hat]}", "trials: [brim_light, toy_hat], rules: [U99]}")
    assert any("no such id: U99" in fault.detail for fault in content.faults())
