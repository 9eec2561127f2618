"""What is not required will be missing: a folder with one thing broken does not load, and the error says where."""

import shutil

import pytest

from service import create_app
from service.settings import Settings

CITED = "citations: [{id: TOY-RAIN, locator: discussion, supports: that nobody took one on dry days}]"

# What is broken: (file, words there, words instead), and the fault: (file, path, words of the detail).
BROKEN = {
    "a rule without a citation": (
        ("rules/U04.yaml", CITED, "citations: []"),
        ("rules/U04.yaml", "/citations", "a rule needs a citation with a locator"),
    ),
    "a rule that says nothing of citations": (
        ("rules/U04.yaml", CITED, ""),
        ("rules/U04.yaml", "/citations", "Missing data"),
    ),
    "a citation without a locator": (
        ("rules/U04.yaml", "locator: discussion, ", ""),
        ("rules/U04.yaml", "/citations/0/locator", "Missing data"),
    ),
    "a citation with an empty locator": (
        ("rules/U04.yaml", "locator: discussion", 'locator: ""'),
        ("rules/U04.yaml", "/citations/0/locator", "Shorter than minimum length"),
    ),
    "a citation that is not in the catalogue": (
        ("rules/U04.yaml", "id: TOY-RAIN", "id: TOY-NONE"),
        ("rules/U04.yaml", "/citations", "no such id: TOY-NONE"),
    ),
    "a sentence of a rule that cites what is not in the catalogue": (
        ("rules/U02.yaml", "id: TOY-STORM, locator: page 3", "id: TOY-NONE, locator: page 3"),
        ("rules/U02.yaml", "/statements/citations", "no such id: TOY-NONE"),
    ),
    "an option that cites what is not in the catalogue": (
        ("options.yaml", "[TOY-RAIN]", "[TOY-NONE]"),
        ("options.yaml", "/umbrella/citations", "no such id: TOY-NONE"),
    ),
    "a modifier that cites what is not in the catalogue": (
        ("modifiers.yaml", "id: TOY-RAIN", "id: TOY-NONE"),
        ("modifiers.yaml", "/LAPTOP/effects/citations", "no such id: TOY-NONE"),
    ),
    "dissent that cites what is not in the catalogue": (
        ("communication.yaml", "citations: [TOY-STORM]", "citations: [TOY-NONE]"),
        ("communication.yaml", None, "TOY-NONE"),
    ),
    "a fact defined by what is not in the catalogue": (
        ("facts.yaml", "source: TOY-RAIN", "source: TOY-NONE"),
        ("facts.yaml", None, "TOY-NONE"),
    ),
    "a rule without a worked case": (
        ("/guidelines/toy-coat/2026-03-01/cases/coat.yaml", "expect: {rule: K2, direction: against}", "expect: {}"),
        ("rules/K2.yaml", "", "rule K2 has no worked case"),
    ),
    "a guideline without a review date": (
        ("guideline.yaml", 'review_by: "2027-02-01"', ""),
        ("guideline.yaml", "/review_by", "a guideline without a review date does not load"),
    ),
    "a review date that is no date": (
        ("guideline.yaml", 'review_by: "2027-02-01"', "review_by: soon"),
        ("guideline.yaml", "/review_by", "Not a valid date"),
    ),
    "two rules for one patient": (
        ("rules/U04.yaml", "[T1, T0]", "[T3, T1, T0]"),
        ("rules", "", "overlap U02, U04; witness {'wetness': 'DRY', 'hazard_tier': 'T3'}"),
    ),
    "no rule for a patient": (
        ("rules/U04.yaml", "[T1, T0]", "[T1]"),
        ("rules", "", "gap ; witness {'wetness': 'DRY', 'hazard_tier': 'T0'}"),
    ),
    "a derivation with a gap": (
        ("derivations.yaml", "{then: UNKNOWN, when: {}}", "{then: UNKNOWN, when: {forecast: mixed}}"),
        ("derivations.yaml", "", "table wetness: gap"),
    ),
    "a derivation with two values for one patient": (
        ("derivations.yaml", "[{sky.look: unknown}, ", "[{sky.look: [unknown, grey]}, "),
        ("derivations.yaml", "", "table look_today: overlap GREY 2, UNKNOWN 3; witness {'sky.look': 'grey'"),
    ),
    "a derivation with a row that no patient reaches": (
        ("derivations.yaml", "[{forecast: [rain, mixed]}, {forecast: unknown, look_today: GREY}]", "{}"),
        ("derivations.yaml", "", "table wetness: dead DRY 2"),
    ),
    "a table of sentences with a gap": (
        ("derivations.yaml", '- {then: "no", when: {removed.umbrella: "true"}}', ""),
        ("derivations.yaml", "", "table umbrella_left: gap ; witness {'removed.umbrella': 'true'}"),
    ),
    "a key that stands twice": (
        ("rules/U04.yaml", "direction: against", "direction: against\ndirection: for"),
        ("rules/U04.yaml", "", "the key 'direction' stands twice (line 6)"),
    ),
    "a key that stands twice below another": (
        ("facts.yaml", "meaning: What the forecast says.", "meaning: What the forecast says.\n    meaning: Twice."),
        ("facts.yaml", "/facts/forecast", "the key 'meaning' stands twice"),
    ),
    "a value in a box that the feature never has": (
        ("rules/U04.yaml", "wetness: DRY", "wetness: DRYISH"),
        ("rules/U04.yaml", "/when", "wetness is never DRYISH"),
    ),
    "a feature in a box that does not exist": (
        ("rules/U04.yaml", "wetness: DRY", "moisture: DRY"),
        ("rules/U04.yaml", "/when", "no feature 'moisture'"),
    ),
    "a feature in the box of a sentence that does not exist": (
        ("rules/U03.yaml", "when: {umbrella_left:", "when: {umbrella_right:"),
        ("rules/U03.yaml", "/statements/0/when", "no feature 'umbrella_right'"),
    ),
    "a feature in the box of an addition that does not exist": (
        ("rules/U03.yaml", "when: {walk_minutes: short}", "when: {walk_hours: short}"),
        ("rules/U03.yaml", "/additions/0/when", "no feature 'walk_hours'"),
    ),
    "a value in the box of a grade that does not exist": (
        ("rules/U03.yaml", "when: {forecast: mixed}", "when: {forecast: rainy}"),
        ("rules/U03.yaml", "/grades/0/when", "forecast is never rainy"),
    ),
    "a feature in a derivation that does not exist": (
        ("derivations.yaml", "{forecast: dry}", "{forecats: dry}"),
        ("derivations.yaml", "/tables/1", "no feature 'forecats'"),
    ),
    "a derivation that reads what is derived after it": (
        ("derivations.yaml", "{sky.look: blue, sky.seen_on: {not: older}}", "{sky.look: blue, wetness: WET}"),
        ("derivations.yaml", "/tables/0", "no feature 'wetness'"),
    ),
    "a derivation of a fact that is stated": (
        ("derivations.yaml", "output: umbrella_left", "output: staying_in"),
        ("derivations.yaml", None, "staying_in"),
    ),
    "a modifier for a value that does not exist": (
        ("modifiers.yaml", "belongings.laptop: listed", "belongings.laptop: present"),
        ("modifiers.yaml", {"LAPTOP", "1"}, "belongings.laptop is never present"),
    ),
    "a contradiction about a feature that does not exist": (
        ("contradictions.yaml", "when: {sky.seen_on: future}", "when: {sky.heard_on: future}"),
        ("contradictions.yaml", {"W02", "1"}, "no feature 'sky.heard_on'"),
    ),
    "a warning about a value that does not exist": (
        ("warnings.yaml", "when: {sky.seen_on: older}", "when: {sky.seen_on: oldest}"),
        ("warnings.yaml", {"old_sky", "1"}, "sky.seen_on is never oldest"),
    ),
    "a cell that leaves no value": (
        ("rules/U04.yaml", "wetness: DRY", "wetness: {not: [WET, DRY, UNKNOWN]}"),
        ("rules/U04.yaml", "/when", "no value is left"),
    ),
    "a cell in a form that does not exist": (
        ("rules/U04.yaml", "wetness: DRY", "wetness: {except: WET}"),
        ("rules/U04.yaml", "/when", "a cell is a value"),
    ),
    "a direction out of the closed set": (
        ("rules/U04.yaml", "direction: against", "direction: down"),
        ("rules/U04.yaml", "/direction", "Must be one of"),
    ),
    "a figure that is never displayed": (
        ("rules/U03.yaml", 'text: "{figure:toy_rain/dryness}"', 'text: "{figure:toy_rain/subgroups/tall people}"'),
        ("rules/U03.yaml", "", "toy_rain/subgroups/tall people: display: never"),
    ),
    "a figure of a study that does not exist": (
        ("options.yaml", "{figure:toy_rain/", "{figure:toy_snow/"),
        ("options.yaml", "", "toy_snow/dryness/dry_with: no such figure"),
    ),
    "a figure that does not exist": (
        ("communication.yaml", "{figure:toy_rain/dryness}", "{figure:toy_rain/wetness}"),
        ("communication.yaml", "", "toy_rain/wetness: no such figure"),
    ),
    "an interval without its level": (
        ("modifiers.yaml", "{figure:toy_rain/mood}", "{figure:toy_rain/unlevelled}"),
        ("modifiers.yaml", "", "unlevelled: an interval without its level"),
    ),
    "a caveat that is not written": (
        ("/studies/toy_rain.yaml", "  caveat: the ratio has a 90% interval\n", ""),
        ("modifiers.yaml", None, "toy_rain/mood"),
    ),
    "an option that does not exist": (
        ("rules/U04.yaml", "options: [raincoat, stay_inside]", "options: [raincoat, boat]"),
        ("rules/U04.yaml", "/options", "no such id: boat"),
    ),
    "an option of a sentence that does not exist": (
        ("rules/U02.yaml", "    options: [stay_inside]", "    options: [boat]"),
        ("rules/U02.yaml", "/statements/options", "no such id: boat"),
    ),
    "a rule with a single option": (
        ("rules/U04.yaml", "options: [raincoat, stay_inside]", "options: [raincoat]"),
        ("rules/U04.yaml", "/options", "Shorter than minimum length"),
    ),
    "a rule that what would change leads to and that does not exist": (
        ("rules/U04.yaml", "becomes: [U03]", "becomes: [U99]"),
        ("rules/U04.yaml", "/what_would_change/becomes", "no such id: U99"),
    ),
    "a modifier for a rule that does not exist": (
        ("modifiers.yaml", "rules: [U03, U04]", "rules: [U03, U99]"),
        ("modifiers.yaml", "/ALWAYS/effects/rules", "no such id: U99"),
    ),
    "a modifier that removes a kind of option that does not exist": (
        ("modifiers.yaml", "remove: [umbrella]", "remove: [umbrellas]"),
        ("modifiers.yaml", None, "umbrellas"),
    ),
    "a modifier that marks a kind of option that does not exist": (
        ("modifiers.yaml", "mark: {clothes: button it up}", "mark: {cloths: button it up}"),
        ("modifiers.yaml", None, "cloths"),
    ),
    "a rule that asks for a fact that does not exist": (
        ("rules/U05.yaml", "asks: [hazards.lightning, forecast,", "asks: [hazards.lightning, forecats,"),
        ("rules/U05.yaml", "/asks", "no such fact: forecats"),
    ),
    "dissent that nobody wrote": (
        ("rules/U03.yaml", "dissent: [hat_people]", "dissent: [cap_people]"),
        ("rules/U03.yaml", None, "cap_people"),
    ),
    "a release that is not the name of its folder": (
        ("guideline.yaml", 'release: "2026-02-01"', 'release: "2026-02-02"'),
        ("guideline.yaml", "/release", "name of the folder, which is 2026-02-01"),
    ),
    "an id that is not the name of its folder": (
        ("guideline.yaml", "id: toy-umbrella", "id: toy-parasol"),
        ("guideline.yaml", "/id", "name of the folder, which is toy-umbrella"),
    ),
    "an axis that is not derived": (
        ("guideline.yaml", "axes: [wetness, hazard_tier]", "axes: [wetnes, hazard_tier]"),
        ("guideline.yaml", None, "wetnes"),
    ),
    "a rule over a feature that is no axis": (
        ("guideline.yaml", "axes: [wetness, hazard_tier]", "axes: [wetness]"),
        (None, None, "hazard_tier"),
    ),
    "a gate that does not exist": (
        ("guideline.yaml", "gates: [U00]", "gates: [U00, U77]"),
        ("guideline.yaml", None, "U77"),
    ),
    "a tier that is not derived": (
        ("guideline.yaml", "\ntier: hazard_tier", "\ntier: danger_tier"),
        ("guideline.yaml", None, "danger_tier"),
    ),
    "an emergency tier that no patient has": (
        ("guideline.yaml", "emergency_tier: T4", "emergency_tier: T5"),
        ("guideline.yaml", None, "T5"),
    ),
    "an urgent tier that no patient has": (
        ("guideline.yaml", "urgent_tier: T3", "urgent_tier: T33"),
        ("guideline.yaml", None, "T33"),
    ),
    "supporting recommendations of a tier that no patient has": (
        ("guideline.yaml", "  T3: [T3, T1]", "  T3: [T3, T11]"),
        ("guideline.yaml", None, "T11"),
    ),
    "a key that for_each makes twice": (
        ("contradictions.yaml", 'presence": absent,', 'presence": absent, hazards.hail.presence: absent,'),
        ("contradictions.yaml", "", "with 'hail' for {hazard} two keys become one"),
    ),
    "a for_each over two names at once": (
        ("contradictions.yaml", "for_each: {hazard: [hail]}", "for_each: {hazard: [hail], colour: [red]}"),
        ("contradictions.yaml", None, "for_each"),
    ),
    "a member of a case's expectation that does not exist": (
        ("cases/toy.yaml", "expect: {rule: U04, direction: against,", "expect: {rule: U04, direktion: against,"),
        ("cases/toy.yaml", "/cases/9/expect/direktion", "Unknown field"),
    ),
    "cases under another name": (
        ("cases/toy.yaml", "cases:\n", "case:\n"),
        ("cases/toy.yaml", None, ""),
    ),
    "a citation under another name than its file": (
        ("/citations/TOY-STORM.yaml", "id: TOY-STORM", "id: TOY-GALE"),
        ("citations/TOY-STORM.yaml", "/id", "id and file name differ"),
    ),
    "a citation that does not say whether it was verified": (
        ("/citations/TOY-STORM.yaml", "verified: second-hand\n", ""),
        ("citations/TOY-STORM.yaml", "/verified", "Missing data"),
    ),
    "two rules of one code": (
        ("rules/U04.yaml", "code: LEAVE_UMBRELLA", "code: TAKE_UMBRELLA"),
        (None, None, "the id TAKE_UMBRELLA stands twice"),
    ),
    "two modifiers of one id": (
        ("modifiers.yaml", "id: ALWAYS", "id: WINDY"),
        (None, None, "the id WINDY stands twice"),
    ),
    "a record whose shorthand is no part": (
        ("facts.yaml", "shorthand: look", "shorthand: colour"),
        ("facts.yaml", "/facts/sky/shorthand", "names no member"),
    ),
    "a screen for a finding that does not exist": (
        ("facts.yaml", "screen: [lightning]", "screen: [frogs]"),
        ("facts.yaml", "/facts/hazards/screen", "frogs"),
    ),
    "bands that leave a number out": (
        ("facts.yaml", 'bands: {short: "0", long: "10"}', 'bands: {short: "5", long: "10"}'),
        ("facts.yaml", "/facts/walk_minutes/bands", "start at the minimum"),
    ),
    "bands that do not rise": (
        ("facts.yaml", 'bands: {short: "0", long: "10"}', 'bands: {long: "0", short: "0"}'),
        ("facts.yaml", "/facts/walk_minutes/bands", "rise"),
    ),
    "one word for two values": (
        ("facts.yaml", "synonyms: [sunny]", "synonyms: [showers]"),
        ("facts.yaml", "/facts/forecast/values", "showers"),
    ),
    "a kind of fact that does not exist": (
        ("facts.yaml", "type: reference_date", "type: moment"),
        ("facts.yaml", "/facts/as_of", "type must be one of"),
    ),
}  # fmt: skip


def fits(fault, file, path, words):
    """Path: the very path, or a set of which one part of the path must be, or None where any will do."""
    part = isinstance(path, set) and path & set(fault.path.split("/"))
    return (
        (file is None or fault.file.endswith(f"/{file}"))
        and (path is None or path == fault.path or part)
        and words in f"{fault.path} {fault.detail}"
    )


@pytest.mark.parametrize("name", BROKEN)
def test_content_does_not_load_with(toy, name):
    (file, old, new), expected = BROKEN[name]
    toy.change(file, old, new)
    faults = toy.faults()
    assert any(fits(fault, *expected) for fault in faults), "\n".join(map(str, faults))


FILES = [
    "guideline.yaml", "facts.yaml", "derivations.yaml", "options.yaml", "contradictions.yaml", "warnings.yaml",
    "modifiers.yaml", "communication.yaml", "rules/U03.yaml", "cases/toy.yaml", "/citations/TOY-RAIN.yaml",
]  # fmt: skip


@pytest.mark.parametrize("file", FILES)
def test_a_member_that_no_schema_knows_is_a_fault_in(toy, file):
    toy.add(file, "\ncolour: red\n")
    assert [fault for fault in toy.faults() if fault.file == str(toy.file(file)) and "colour" in str(fault)]


@pytest.mark.parametrize(
    ("file", "old", "path"),
    [
        ("facts.yaml", "    title: Forecast\n", "/facts/forecast/colour"),
        ("derivations.yaml", "    title: The worst hazard\n", "/tables/4/colour"),
        ("rules/U03.yaml", "  - name: u03_short\n", "/additions/0/colour"),
        ("rules/U03.yaml", "  - name: u03_no_umbrella\n", "/statements/0/colour"),
        ("modifiers.yaml", "    title: Strong wind\n", "/modifiers/0/colour"),
        ("contradictions.yaml", "  - id: W02\n", "/contradictions/1/colour"),
        ("warnings.yaml", "  - id: old_sky\n", "/warnings/1/colour"),
    ],
)
def test_an_unknown_member_inside_is_a_fault_with_its_place(toy, file, old, path):
    toy.change(file, old, f"{old}    colour: red\n")
    assert [(fault.file, fault.path) for fault in toy.faults()] == [(str(toy.file(file)), path)]


@pytest.mark.parametrize("file", [*FILES, "/studies/toy_rain.yaml"])
@pytest.mark.parametrize("text", ["", "# only a remark\n", "a: [b\n", "a: b\n  c: d\n", "\0"])
def test_a_file_that_is_empty_or_no_yaml_is_named(toy, file, text):
    toy.file(file).write_text(text, encoding="utf-8")
    assert str(toy.file(file)) in {fault.file for fault in toy.faults()}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("text", ["- a\n- b\n", "word\n"])
def test_a_file_that_is_no_mapping_is_named(toy, file, text):
    toy.file(file).write_text(text, encoding="utf-8")
    assert str(toy.file(file)) in {fault.file for fault in toy.faults()}


def test_a_file_that_is_not_utf_8_is_named(toy):
    toy.file("warnings.yaml").write_bytes(b"warnings: \xff\n")
    assert {fault.file for fault in toy.faults()} == {str(toy.file("warnings.yaml"))}


@pytest.mark.parametrize("file", ["guideline.yaml", "facts.yaml", "derivations.yaml", "options.yaml"])
def test_a_file_that_is_not_there_is_named(toy, file):
    toy.file(file).unlink()
    assert str(toy.file(file)) in {fault.file for fault in toy.faults()}


def test_a_rule_in_a_file_of_another_name_is_a_fault_because_faults_name_the_file_by_the_rule(toy):
    toy.file("rules/U04.yaml").rename(toy.file("rules/LEAVE.yaml"))
    assert any(fault.file == str(toy.file("rules/LEAVE.yaml")) for fault in toy.faults())


@pytest.mark.parametrize("folder", ["rules", "cases"])
def test_a_release_without_rules_or_cases_does_not_load(toy, folder):
    shutil.rmtree(toy.file(folder))
    assert any(folder in str(fault) or "case" in fault.detail for fault in toy.faults())


@pytest.mark.parametrize("file", ["modifiers.yaml", "warnings.yaml", "contradictions.yaml", "communication.yaml"])
def test_what_a_guideline_may_do_without_may_be_left_out(toy, file):
    toy.file(file).unlink()
    if file == "communication.yaml":
        toy.change("rules/U03.yaml", "dissent: [hat_people]", "dissent: []")
    assert toy.load().newest("toy-umbrella") is not None


def test_a_folder_without_a_guideline_does_not_load(toy):
    shutil.rmtree(toy.root / "guidelines")
    assert "no guideline" in toy.faults()[0].detail


def test_all_faults_are_told_at_once(toy):
    toy.change("rules/U04.yaml", CITED, "citations: []")
    toy.change("guideline.yaml", 'review_by: "2027-02-01"', "")
    toy.change("modifiers.yaml", "    title: Strong wind\n", "")
    told = {(fault.file.removeprefix(f"{toy.release}/"), fault.path) for fault in toy.faults()}
    assert told == {
        ("rules/U04.yaml", "/citations"),
        ("guideline.yaml", "/review_by"),
        ("modifiers.yaml", "/modifiers/0/title"),
    }


def test_the_application_does_not_start_with_broken_content(toy):
    toy.change("rules/U04.yaml", CITED, "citations: []")
    assert toy.faults()
    with pytest.raises(Exception, match="a rule needs a citation with a locator"):
        create_app(Settings(content=toy.root, guideline="toy-umbrella", log_level="error"))


@pytest.mark.parametrize(
    ("guideline", "release"), [("toy_umbrella", "2026-02-01"), ("Toy", "2026-02-01"), ("toy", "2026.02")]
)
def test_a_guideline_whose_name_cannot_stand_in_a_permalink_does_not_load(toy, guideline, release):
    toy.change("guideline.yaml", "id: toy-umbrella", f"id: {guideline}")
    toy.change("guideline.yaml", 'release: "2026-02-01"', f'release: "{release}"')
    folder = toy.root / "guidelines" / guideline / release
    folder.parent.mkdir()
    toy.release.rename(folder)
    assert any(fault.file == str(folder / "guideline.yaml") for fault in toy.faults())


def test_a_set_inside_a_record_is_refused_or_can_be_asked(toy):
    tools = "{type: set, title: Tools, meaning: Used to look., values: {eye: {meaning: An eye.}}}"
    toy.change("facts.yaml", "      seen_on:\n", f"      tools: {tools}\n      seen_on:\n")
    try:
        toy.load()
    except Exception as refused:  # noqa: BLE001 - any other kind of error is told below
        assert type(refused).__name__ == "ContentError"  # noqa: PT017 - either way is right
        return
    app = create_app(Settings(content=toy.root, guideline="toy-umbrella", log_level="error"))
    for facts in ({}, {"sky": {"tools": ["eye"]}}):
        response = app.test_client().post("/v1/recommendations", json=facts)
        assert response.status_code == 200
        assert app.test_client().get(response.get_json()["links"]["self"]).get_json() == response.get_json()


def test_a_reference_date_of_another_name_is_refused_or_heard(toy):
    toy.change("facts.yaml", "  as_of:\n", "  day_of_walk:\n")
    try:
        toy.load()
    except Exception as refused:  # noqa: BLE001 - any other kind of error is told below
        assert type(refused).__name__ == "ContentError"  # noqa: PT017 - either way is right
        return
    app = create_app(Settings(content=toy.root, guideline="toy-umbrella", log_level="error"))
    facts = {"day_of_walk": "2026-02-10", "hazards": "none", "sky": {"look": "grey", "seen_on": "2026-02-09"}}
    answer = app.test_client().post("/v1/recommendations", json=facts).get_json()
    assert answer["recommendations"][0]["rule"] == "U03"


def test_a_list_inside_a_record_does_not_load_because_its_count_would_be_missing(toy):
    toy.change(
        "facts.yaml",
        "    members:\n",
        "    members:\n      inner: {type: set, title: t, meaning: m, values: {a: {meaning: m}}}\n",
    )
    assert any("a part of a record is a single value" in fault.detail for fault in toy.faults())
