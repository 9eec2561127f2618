"""Releases side by side, their digests, and that a change of the knowledge is noticed."""

import json
import shutil
from pathlib import Path

import pytest

from service import create_app
from service.knowledge.library import load_library
from service.settings import Settings
from tests.content import read_cases
from tests.knowledge.test_worked_cases import answered, refused

TOY_RELEASE = ("toy-umbrella", "2026-02-01")


def digest(copy):
    return copy.load().find(*TOY_RELEASE).digest


def test_a_digest_is_64_hexadecimal_digits_and_the_same_each_time(toy):
    first = digest(toy)
    assert len(first) == 64
    assert int(first, 16)
    assert digest(toy) == first


def test_a_digest_does_not_depend_on_where_the_content_lies(toy, tmp_path):
    before = digest(toy)
    elsewhere = tmp_path / "else" / "where"
    shutil.copytree(toy.root, elsewhere)
    assert load_library(elsewhere).find(*TOY_RELEASE).digest == before


def test_a_digest_does_not_depend_on_how_the_path_is_written(toy, monkeypatch):
    before = digest(toy)
    monkeypatch.chdir(toy.root.parent)
    assert load_library(Path("content")).find(*TOY_RELEASE).digest == before


def test_a_digest_does_not_depend_on_times_or_files_that_are_no_content(toy):
    before = digest(toy)
    toy.file("rules/U03.yaml").touch()
    toy.file("README.txt").write_text("A remark.", encoding="utf-8")
    assert digest(toy) == before


@pytest.mark.parametrize(
    "file",
    [
        "rules/U03.yaml", "cases/toy.yaml", "facts.yaml", "communication.yaml",
        "/citations/TOY-STORM.yaml", "/studies/toy_rain.yaml",
    ],
)  # fmt: skip
def test_a_single_byte_changes_the_digest(toy, file):
    before = digest(toy)
    toy.add(file, "#")
    assert digest(toy) != before


def test_a_new_name_of_a_file_changes_the_digest(toy):
    before = digest(toy)
    toy.file("cases/toy.yaml").rename(toy.file("cases/umbrella.yaml"))
    assert digest(toy) != before


def test_what_a_release_does_not_name_has_no_part_in_its_digest(toy):
    before = digest(toy)
    for name, text in (("citations/NEW.yaml", "TOY-RAIN"), ("citations/UNUSED.yaml", "TOY-STORM")):
        source = toy.file(f"/citations/{text}.yaml").read_text().replace(text, name[10:-5])
        toy.file(f"/{name}").write_text(source)
    toy.file("/studies/other_trial.yaml").write_text("short_name: Other\n")
    assert digest(toy) == before


@pytest.mark.parametrize("file", ["/citations/TOY-RAIN.yaml", "/studies/toy_rain.yaml"])
def test_what_a_release_names_has_a_part_in_its_digest_until_it_brings_its_own(toy, file):
    own = toy.release / file[1:]
    own.parent.mkdir()
    shutil.copy(toy.file(file), own)
    frozen = digest(toy)
    toy.add(file, "# corrected\n")
    assert digest(toy) == frozen
    own.unlink()
    own.parent.rmdir()
    corrected = digest(toy)
    toy.add(file, "# and again\n")
    assert digest(toy) != corrected


def test_a_change_of_one_guideline_leaves_the_digest_of_the_other(toy):
    before = toy.load().newest("toy-coat").digest
    toy.add("rules/U03.yaml", "#")
    assert toy.load().newest("toy-coat").digest == before


def second_release(toy):
    newer = toy.release.with_name("2026-02-02")
    shutil.copytree(toy.release, newer)
    text = (newer / "guideline.yaml").read_text(encoding="utf-8")
    (newer / "guideline.yaml").write_text(
        text.replace('release: "2026-02-01"', 'release: "2026-02-02"'), encoding="utf-8"
    )
    rule = newer / "rules" / "U03.yaml"
    rule.write_text(
        rule.read_text(encoding="utf-8").replace("Take an umbrella.", "Take two umbrellas."), encoding="utf-8"
    )


def test_releases_stand_side_by_side_and_the_newest_answers(toy):
    second_release(toy)
    library = toy.load()
    assert library.newest("toy-umbrella").release.release == "2026-02-02"
    assert library.find("toy-umbrella", "2026-02-01").release.release == "2026-02-01"
    assert library.find("toy-umbrella", "2026-02-03") is None
    assert library.newest("toy-parasol") is None


def test_a_permalink_of_an_older_release_keeps_its_answer_and_tells_on_demand_what_has_changed(toy):
    facts = {"forecast": "rain", "hazards": "none"}
    old = create_app(Settings(content=toy.root, guideline="toy-umbrella", log_level="error"))
    before = old.test_client().post("/v1/recommendations", json=facts).get_json()
    second_release(toy)
    client = create_app(Settings(content=toy.root, guideline="toy-umbrella", log_level="error")).test_client()
    assert client.get(before["links"]["self"]).get_json() == before
    after = client.get(before["links"]["self"] + "?release=latest").get_json()
    assert after["recommendations"][0]["statement"] == "Take two umbrellas."
    assert after["guideline"]["release"] == "2026-02-02"


# ---- which guidelines are loaded


def test_guidelines_are_loaded_by_id_or_those_asked_for_in_the_order_given(toy):
    assert list(toy.load().guidelines) == ["toy-coat", "toy-umbrella"]
    assert list(load_library(toy.root, ["toy-umbrella", "toy-coat", "toy-umbrella"]).guidelines) == [
        "toy-umbrella",
        "toy-coat",
    ]
    assert list(load_library(toy.root, ["toy-umbrella"]).guidelines) == ["toy-umbrella"]


def test_a_choice_of_guidelines_changes_no_digest(toy):
    assert load_library(toy.root, ["toy-umbrella"]).newest("toy-umbrella").digest == digest(toy)


def test_a_guideline_that_is_left_out_may_be_broken(toy):
    toy.add("rules/U03.yaml", "broken: true\n")
    assert toy.faults()
    assert list(load_library(toy.root, ["toy-coat"]).guidelines) == ["toy-coat"]


INDEX = "/guidelines/index.yaml"


def test_the_default_is_that_of_the_index_or_the_first(toy):
    assert toy.load().default == "toy-coat"
    assert load_library(toy.root, ["toy-umbrella", "toy-coat"]).default == "toy-umbrella"
    toy.add(INDEX, "default: toy-umbrella\n")
    assert toy.load().default == "toy-umbrella"
    assert load_library(toy.root, ["toy-coat"]).default == "toy-coat"


def test_the_index_changes_no_digest(toy):
    before = digest(toy)
    toy.add(INDEX, "default: toy-umbrella\n")
    assert digest(toy) == before


@pytest.mark.parametrize(
    ("text", "path", "detail"),
    [
        ("default: toy-parasol\n", "/default", "there is no guideline toy-parasol"),
        ("default: index.yaml\n", "/default", "there is no guideline index.yaml"),
        ("first: toy-coat\n", "", "default: <id of a guideline>"),
        ("default: toy-coat\norder: []\n", "", "default: <id of a guideline>"),
        ("default: [toy-coat]\n", "", "default: <id of a guideline>"),
        ("default: ''\n", "", "default: <id of a guideline>"),
        ("- toy-coat\n", "", "default: <id of a guideline>"),
        ("", "", "empty"),
    ],
)
def test_an_index_that_names_no_guideline_is_a_fault_with_file_and_path(toy, text, path, detail):
    toy.add(INDEX, text)
    (fault,) = toy.faults()
    assert fault.file.endswith("guidelines/index.yaml")
    assert fault.path == path
    assert detail in fault.detail


def test_a_folder_without_a_guideline_is_a_fault(toy):
    shutil.rmtree(toy.file("/guidelines"))
    (fault,) = toy.faults()
    assert (fault.file, fault.detail) == (str(toy.file("/guidelines")), "no guideline in this folder")


# ---- a change of the shipped knowledge is noticed by its worked cases


def failing(copy, rule):
    """The worked cases of a rule that fail when they are asked of the copy's release through the API."""
    app = create_app(Settings(content=copy.root, log_level="error"))
    address = f"/v1/recommendations?release={copy.release.name}"
    found = []
    for case in read_cases(copy.release):
        if case.rule != rule:
            continue
        body = case.body if case.body is not None else json.dumps(case.facts)
        response = app.test_client().post(address, data=body, content_type="application/json")
        try:
            (refused if response.status_code == 422 else answered)(response.get_json(), case.expect)
        except AssertionError:
            found.append(case.name)
    return found


def turned(direction):
    return "for" if direction == "against" else "against"


@pytest.mark.parametrize("rule", ["R01", "R05", "R16", "G01"])
def test_a_rule_whose_direction_is_turned_round_fails_a_worked_case(shipped, rule):
    assert failing(shipped, rule) == []
    direction = shipped.load().find("mbc-primary-lrt", shipped.release.name).rules[rule].direction
    shipped.change(f"rules/{rule}.yaml", f"\ndirection: {direction}\n", f"\ndirection: {turned(direction)}\n")
    assert failing(shipped, rule)


def test_every_rule_has_a_worked_case_that_states_its_direction_so_that_a_turn_is_noticed(shipped):
    stated = {(case.rule, case.expect.get("direction")) for case in read_cases(shipped.release)}
    rules = shipped.load().find("mbc-primary-lrt", shipped.release.name).rules.values()
    assert {(rule.id, rule.direction) for rule in rules} <= stated


def test_a_gate_that_lets_a_patient_through_fails_a_worked_case(shipped):
    shipped.change("rules/G01.yaml", "primary_tumour: [resected, not_found]", "primary_tumour: [not_found]")
    assert failing(shipped, "G01")


def test_a_sentence_that_loses_its_not_fails_a_worked_case(shipped):
    shipped.change("rules/R16.yaml", "Do not offer surgery", "Offer surgery")
    assert failing(shipped, "R16")


def test_bleeding_of_grade_3_that_is_no_longer_urgent_fails_a_worked_case(shipped):
    shipped.change("derivations.yaml", '          - {complications.bleeding.grade: "3"}\n', "")
    milder = 'when: {complications.bleeding.grade: ["1", "2"]}'
    shipped.change("derivations.yaml", milder, milder.replace('"2"', '"2", "3"'))
    assert failing(shipped, "R03")
