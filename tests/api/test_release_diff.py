"""Two releases of the toy compared: at the API, on the page and at a terminal."""

import datetime as dt
import json
import shutil
from threading import Event, Thread

import pytest

from service import create_app
from service.advice import release_diff
from service.settings import Settings
from tests.toy.conftest import TOY

OLD, NEW = "2026-02-01", "2026-06-01"
DIFF = "/v1/guidelines/toy-umbrella/diff"
NOON = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
CHANGES = [
    # One cell: small hail in the rain.
    ("rules/U02.yaml", "when: {hazard_tier: T3}", "when: [{hazard_tier: T3}, {wetness: WET, hazard_tier: T1}]"),
    ("rules/U03.yaml", "when: [{wetness: WET, hazard_tier: T1}, ", "when: ["),
    # A gate that takes more patients.
    ("rules/U00.yaml", "when: {", "when:\n  - {belongings.laptop: listed, hazard_tier: T0}\n  - {"),
    # The same answer: graded, worded, with options otherwise.
    ("rules/U03.yaml", "certainty: moderate", "certainty: high"),
    ("rules/U03.yaml", "statement: Take an umbrella.", "statement: Carry an umbrella."),
    ("rules/U03.yaml", "options: [umbrella, raincoat]", "options: [umbrella, raincoat, stay_inside]"),
    # A fact, a value, a source.
    ("facts.yaml", "  staying_in:\n", "  late: {type: flag, title: Late, meaning: In a hurry.}\n  staying_in:\n"),
    ("facts.yaml", "      laptop: {", "      dog: {meaning: A dog.}\n      laptop: {"),
    ("rules/U03.yaml", "citations: [", "citations: [{id: TOY-WIND, locator: p. 1, supports: wind}, "),
]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    content = tmp_path_factory.mktemp("diff") / "content"
    shutil.copytree(TOY, content)
    wind = (content / "citations" / "TOY-STORM.yaml").read_text().replace("TOY-STORM", "TOY-WIND")
    (content / "citations" / "TOY-WIND.yaml").write_text(wind)
    releases = content / "guidelines" / "toy-umbrella"
    shutil.copytree(releases / OLD, releases / NEW)
    changes = [("guideline.yaml", f'release: "{OLD}"', f'release: "{NEW}"'), *CHANGES]
    for name, old, new in changes:
        file = releases / NEW / name
        assert file.read_text().count(old) == 1, (name, old)
        file.write_text(file.read_text().replace(old, new))
    return create_app(Settings(content=content, guideline="toy-umbrella", clock=lambda: NOON, log_level="error"))


@pytest.fixture(scope="module")
def diff(app):
    response = app.test_client().get(f"{DIFF}?from={OLD}&to={NEW}")
    assert response.status_code == 200
    return response.get_json()


def change(diff, before, after):
    (found,) = [each for each in diff["answers"] if (each["before"]["rule"], each["after"]["rule"]) == (before, after)]
    return found


def test_every_cell_with_another_rule_is_counted_and_told_with_a_patient(diff):
    assert diff["counts"]["cells_with_another_rule"] == 1
    found = change(diff, "U03", "U02")
    assert (found["why"], len(found["cells"])) == ("table", 1)
    assert found["patient"]["before"]["title"] == "Take an umbrella"
    assert found["patient"]["after"]["title"] == "Wait under a roof"


def test_the_patient_of_a_change_is_answered_so_by_each_release(app, diff):
    client = app.test_client()
    for found in diff["answers"]:
        for side in ("before", "after"):
            told = found["patient"][side]
            answer = client.get(f"/v1/recommendations/{told['decision_id']}").get_json()
            assert answer["recommendations"][0]["rule"] == told["rule"] == found[side]["rule"]


def test_a_gate_that_takes_more_patients_is_told(diff):
    found = change(diff, "U03", "U00")
    assert (found["why"], found["cells"], found["patient"]["case"]) == ("gate", [], "Rain, wind and a laptop")
    assert {"fact": "Belongings", "value": "hat, laptop"} in found["patient"]["facts"]


def test_another_grade_other_words_and_other_options_of_a_rule_are_told(diff):
    (grade,) = diff["grades"]
    assert (grade["title"], grade["grade"], grade["before"], grade["after"]) == (
        "Take an umbrella", "certainty", "moderate", "high",
    )  # fmt: skip
    (wording,) = diff["wording"]
    pairs = [(pair["before"], pair["after"]) for pair in wording["sentences"]]
    assert ("Take an umbrella.", "Carry an umbrella.") in pairs
    (options,) = diff["options"]
    assert (options["added"], options["removed"]) == (["Staying inside"], [])


def test_facts_and_sources_are_told_in_words(diff):
    assert diff["facts"]["added"] == ["Late"]
    assert diff["facts"]["values_added"] == [{"fact": "Belongings", "values": ["dog"]}]
    assert [source["id"] for source in diff["evidence"]["sources_added"]] == ["TOY-WIND"]


def test_the_counts_add_up(diff):
    counts = diff["counts"]
    assert counts["patients_with_another_rule"] == sum(each["patients"] for each in diff["answers"])
    assert counts["patients_with_other_words"] == sum(each["patients"] for each in diff["wording"])


def test_the_newest_release_and_the_one_before_it_are_compared_by_default(app, diff):
    assert app.test_client().get(DIFF).get_json() == diff


def test_a_release_compared_with_itself_changes_nothing(app):
    same = app.test_client().get(f"{DIFF}?from={NEW}&to={NEW}").get_json()
    assert [same[name] for name in ("answers", "grades", "wording", "options")] == [[], [], [], []]


@pytest.mark.parametrize("query", ["?from=2020-01-01", "?to=2020-01-01", f"?to={OLD}"])
def test_a_release_that_is_not_there_is_not_found(app, query):
    assert app.test_client().get(f"{DIFF}{query}").status_code == 404
    assert app.test_client().get(f"/guidelines/toy-umbrella/diff{query}").status_code == 404


def test_a_comparison_is_worked_out_once_a_day(app, monkeypatch):
    knowledge = app.config["KNOWLEDGE"]
    pair = knowledge.pair("toy-umbrella", OLD, NEW)
    calls = []
    monkeypatch.setattr(release_diff, "compare_releases", lambda *asked: calls.append(asked) or {"call": len(calls)})
    cache = release_diff.ComparisonCache()
    days = [NOON.date(), NOON.date(), NOON.date() + dt.timedelta(days=1)]
    assert [cache.compare(*pair, day) for day in days] == [{"call": 1}, {"call": 1}, {"call": 2}]


def test_a_second_caller_is_told_to_come_back_and_works_nothing_out(app, monkeypatch):
    compare, calls = release_diff.compare_releases, []
    is_under_way, may_end = Event(), Event()

    def slow(*asked):
        calls.append(asked)
        is_under_way.set()
        assert may_end.wait(30)
        return compare(*asked)

    known, uncached = f"{DIFF}?from={OLD}&to={NEW}", f"from={NEW}&to={OLD}"
    assert app.test_client().get(known).status_code == 200
    monkeypatch.setattr(release_diff, "compare_releases", slow)
    first = []
    thread = Thread(target=lambda: first.append(app.test_client().get(f"{DIFF}?{uncached}")))
    thread.start()
    try:
        assert is_under_way.wait(30)
        for address in (f"{DIFF}?{uncached}", f"/guidelines/toy-umbrella/diff?{uncached}"):
            busy = app.test_client().get(address)
            assert (busy.status_code, busy.headers["Retry-After"]) == (503, "5")
            assert busy.get_json()["type"] == "/problems/unavailable"
        assert app.test_client().get(known).status_code == 200
    finally:
        may_end.set()
        thread.join()
    assert first[0].status_code == 200
    assert app.test_client().get(f"{DIFF}?{uncached}").get_json() == first[0].get_json()
    assert len(calls) == 1


def test_the_page_says_the_same(app, diff):
    text = app.test_client().get("/guidelines/toy-umbrella/diff").get_data(as_text=True)
    for found in diff["answers"]:
        assert f"{found['before']['title']} &rarr; {found['after']['title']}" in text
    assert "Carry an umbrella." in text
    assert f"diff?from={OLD}&amp;to={NEW}" in app.test_client().get("/guidelines/toy-umbrella").get_data(as_text=True)


def test_the_command_says_the_same(app, diff):
    result = app.test_cli_runner().invoke(args=["guideline", "diff", OLD, NEW])
    assert result.exit_code == 0
    for found in diff["answers"]:
        assert f"- {found['before']['title']} -> {found['after']['title']}" in result.stdout
    assert "now: Carry an umbrella." in result.stdout
    refused = app.test_cli_runner().invoke(args=["guideline", "diff", OLD, "2020-01-01"])
    assert refused.exit_code == 1
    assert OLD in refused.stderr


def test_a_permalink_asked_of_the_newest_release_tells_other_words(app):
    client = app.test_client()
    facts = {"forecast": "rain", "hazards": "none"}
    old = client.post(f"/v1/guidelines/toy-umbrella/recommendations?release={OLD}", json=facts).get_json()
    changed = client.get(f"{old['links']['self']}?release=latest").get_json()["changed"]
    told = {each["member"]: (each["before"], each["after"]) for each in changed}
    assert told["statement"] == ("Take an umbrella.", "Carry an umbrella.")
    assert told["options"][1][-1] == "Staying inside"
    assert json.dumps(changed)
