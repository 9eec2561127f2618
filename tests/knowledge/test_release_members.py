"""The members that a release may use for its situations, each on the toy, asked through the API."""

import datetime as dt

import pytest

from service import create_app
from service.settings import Settings

NOON = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
RAIN = {"forecast": "rain", "hazards": "none"}
MIXED_HAIL = {"hazards": {"lightning": "present", "hail": {"presence": "present", "grade": 3}}}


@pytest.fixture
def ask(toy):
    """Ask the toy as it stands after the test's changes."""

    def asked(facts, status=200, path="/v1/recommendations"):
        app = create_app(Settings(content=toy.root, guideline="toy-umbrella", clock=lambda: NOON, log_level="error"))
        client = app.test_client()
        response = client.post(path, json=facts) if facts is not None else client.get(path)
        assert response.status_code == status, response.get_data(as_text=True)
        return response.get_json()

    return asked


def lead(answer):
    return answer["recommendations"][0]


# ---- words in sentences


SLOT = """
  - output: where
    title: Where the walk leads
    hit_policy: unique
    values: [" round the block", " far away", ""]
    rows:
      - {then: " round the block", when: {walk_minutes: short}}
      - {then: " far away", when: {walk_minutes: long}}
      - {then: "", when: {walk_minutes: unknown}}
"""


@pytest.mark.parametrize(("walk", "words"), [({"walk_minutes": 30}, " far away"), ({}, "")])
def test_a_slot_says_what_the_wording_table_of_its_name_says(toy, ask, walk, words):
    toy.add("derivations.yaml", SLOT)
    toy.change("rules/U03.yaml", "statement: Take an umbrella.", 'statement: "Take an umbrella{where}."')
    assert lead(ask(RAIN | walk))["statement"] == f"Take an umbrella{words}."


def test_a_fact_that_only_a_slot_reads_is_missing(toy, ask):
    toy.add("derivations.yaml", SLOT)
    toy.change("rules/U03.yaml", "key_message: It will be wet.", 'key_message: "It will be wet{where}."')
    toy.change("rules/U03.yaml", "statement: Take an umbrella.", 'statement: "Take an umbrella{where}."')
    assert "walk_minutes" in [item["fact"] for item in ask(RAIN)["missing_facts"]]
    assert ask(RAIN | {"walk_minutes": 30})["communication"]["key_message"] == "It will be wet far away."


def test_a_slot_without_a_table_is_a_fault(toy):
    toy.change("rules/U03.yaml", "statement: Take an umbrella.", 'statement: "Take an umbrella{where}."')
    assert any("no wording table fills {where}" in fault.detail for fault in toy.faults())


def test_a_source_in_a_sentence_is_its_first_author_and_year_or_the_name_in_pages(toy, ask):
    toy.change("rules/U03.yaml", "key_message: It will be wet.", 'key_message: "It will be wet ({cite:TOY-RAIN})."')
    assert ask(RAIN)["communication"]["key_message"] == "It will be wet (Drizzle 2025)."


def test_a_source_without_a_name_cannot_be_cited_in_words(toy):
    toy.change("rules/U03.yaml", "key_message: It will be wet.", 'key_message: "It will be wet ({cite:NOBODY})."')
    assert any("no such citation: NOBODY" in fault.detail for fault in toy.faults())


def test_a_sentence_may_have_a_message_of_its_own(toy, ask):
    toy.change(
        "rules/U03.yaml", "    options: [raincoat]\n", "    options: [raincoat]\n    key_message: Mind the wind.\n"
    )
    windy = RAIN | {"sky": {"wind_km_per_h": 60}}
    assert ask(windy)["communication"]["key_message"] == "Mind the wind."
    assert ask(RAIN)["communication"]["key_message"] == "It will be wet."


# ---- before the sentence


PREFIXES = """
prefixes:
  - {name: soon, when: {urgency: soon}, text: "Soon: "}
  - {name: windy, rules: [U03], when: {modifier.WINDY: "true", removed.umbrella: "true"}, text: "In this wind: "}
"""


def test_every_prefix_that_fits_stands_before_the_sentence_in_order(toy, ask):
    toy.add("modifiers.yaml", PREFIXES)
    windy = {"sky": {"wind_km_per_h": 60}}
    assert lead(ask(RAIN))["statement"] == "Take an umbrella."
    assert lead(ask(RAIN | windy))["statement"] == "In this wind: Take a raincoat."
    assert lead(ask(RAIN | windy | {"forecast": "mixed"}))["statement"] == "Soon: In this wind: Take a raincoat."


# ---- checks, options, changes


def test_a_check_is_left_out_where_its_fact_is_stated_or_its_boxes_do_not_fit(toy, ask):
    toy.change(
        "rules/U03.yaml",
        "must_check: [It opens]",
        "must_check: [It opens, {text: How long, asks: walk_minutes}, "
        "{text: A lid, when: {belongings.laptop: listed}}]",
    )
    assert ask(RAIN)["must_check"] == ["It opens", "How long", "Keys"]
    assert ask(RAIN | {"walk_minutes": 30})["must_check"] == ["It opens", "Keys"]
    assert "A lid" in ask(RAIN | {"belongings": ["laptop"]})["must_check"]


def test_a_check_that_asks_for_nothing_known_is_a_fault(toy):
    toy.change("rules/U03.yaml", "must_check: [It opens]", "must_check: [{text: How long, asks: walk}]")
    assert any("no such fact" in fault.detail for fault in toy.faults())


def test_an_option_may_be_offered_in_some_boxes_only(toy, ask):
    toy.change(
        "rules/U03.yaml",
        "options: [umbrella, raincoat]",
        "options: [umbrella, raincoat, {option: stay_inside, when: {walk_minutes: long}}]",
    )
    assert [option["id"] for option in lead(ask(RAIN))["options"]] == ["umbrella", "raincoat"]
    assert lead(ask(RAIN | {"walk_minutes": 30}))["options"][-1]["id"] == "stay_inside"


@pytest.mark.parametrize(
    ("member", "order"),
    [
        ("offer_first", ["stay_inside", "umbrella", "raincoat"]),
        ("offer_second", ["umbrella", "stay_inside", "raincoat"]),
    ],
)
def test_a_modifier_puts_an_option_first_or_second(toy, ask, member, order):
    toy.change(
        "modifiers.yaml", "        must_check: [Keys]", f"        must_check: [Keys]\n        {member}: [stay_inside]"
    )
    assert [option["id"] for option in lead(ask(RAIN))["options"]] == order


def test_a_change_may_hold_in_some_boxes_only(toy, ask):
    toy.change(
        "rules/U03.yaml",
        "{change: strong wind, becomes: []}",
        "{change: strong wind, becomes: [], when: {forecast: mixed}}",
    )
    assert [item["change"] for item in ask(RAIN)["what_would_change"]] == ["blue sky"]
    assert len(ask(RAIN | {"forecast": "mixed"})["what_would_change"]) == 2


def test_an_effect_may_hold_only_beside_an_option_of_a_kind(toy, ask):
    toy.change(
        "modifiers.yaml", "        must_check: [Keys]", "        must_check: [It dries]\n        offered: [umbrella]"
    )
    assert "It dries" in ask(RAIN)["must_check"]
    assert "It dries" not in ask(RAIN | {"sky": {"wind_km_per_h": 60}})["must_check"]


def test_an_effect_that_waits_for_the_options_decides_nothing(toy):
    toy.change("modifiers.yaml", "        must_check: [Keys]", "        adds: hello\n        offered: [umbrella]")
    assert any("offered" in fault.detail for fault in toy.faults())


def test_a_modifier_raises_the_urgency_and_never_lowers_it(toy, ask):
    toy.change(
        "modifiers.yaml", "        note: the trial was", "        urgency_at_least: soon\n        note: the trial was"
    )
    windy = {"sky": {"wind_km_per_h": 60}}
    assert lead(ask(RAIN | windy))["urgency"] == "soon"
    assert lead(ask(MIXED_HAIL | windy))["urgency"] == "urgent"
    assert ask(RAIN | windy, path="/v1/recommendations?view=row")["urgency"] == "soon"


def test_a_grade_may_say_that_time_is_critical(toy, ask):
    toy.change("rules/U03.yaml", "    urgency: soon\n", '    urgency: soon\n    time_critical: "true"\n')
    assert lead(ask(RAIN | {"forecast": "mixed"}))["time_critical"]
    assert not lead(ask(RAIN))["time_critical"]


# ---- options without lines


def test_a_brief_kind_may_leave_lines_out_and_no_other(toy, ask):
    toy.change("options.yaml", "benefit: Safe., harm: Boredom., unknown: For how long.", "benefit: Safe., harm: null")
    assert any("shelter is not among the brief_kinds" in fault.detail for fault in toy.faults())
    toy.add("options.yaml", "brief_kinds: [shelter]\n")
    option = lead(ask({"hazards": {"lightning": "present"}}))["options"][0]
    assert (option["benefit"], option["harm"], option["unknown"]) == ("Safe.", None, None)


# ---- what stands beside the answer


@pytest.mark.parametrize(
    ("silence", "count"),
    [
        ("{rules: [U02]}", 1),
        ("{rules: [U03]}", 2),
        ("{findings: [hail]}", 1),
        ("{findings: [lightning]}", 2),
        ("{when: {hazard_tier: T3}}", 1),
        ("{when: {hazard_tier: T1}}", 2),
    ],
)
def test_a_finding_may_be_left_without_a_supporting_recommendation(toy, ask, silence, count):
    toy.add("guideline.yaml", f"unheard:\n  - {silence}\n")
    assert len(ask(MIXED_HAIL)["recommendations"]) == count


def test_only_modifiers_that_act_are_listed_where_the_release_says_so(toy, ask):
    beside = MIXED_HAIL | {"belongings": ["laptop"], "sky": {"wind_km_per_h": 60}}
    quiet = beside | {"hazards": {"lightning": "absent"}, "forecast": "dry"}
    assert [item["id"] for item in ask(quiet)["modifiers"]] == ["WINDY", "LAPTOP"]
    toy.add("modifiers.yaml", "listed: where_they_act\n")
    assert [item["id"] for item in ask(quiet)["modifiers"]] == ["WINDY"]
    assert [item["id"] for item in ask(beside)["modifiers"]] == ["WINDY", "LAPTOP"]


def test_a_note_of_several_modifiers_is_said_once_under_all_their_titles(toy, ask):
    toy.change(
        "modifiers.yaml",
        "      - directions: [for]",
        "      - note: the trial was done on calm days\n      - directions: [for]",
    )
    toy.add("modifiers.yaml", "listed: where_they_act\n")
    beside = RAIN | {"belongings": ["laptop"], "sky": {"wind_km_per_h": 60}}
    (entry,) = ask(beside)["modifiers"]
    assert entry["title"] == "Strong wind; A laptop is carried"
    assert entry["notes"] == ["the trial was done on calm days"]


def test_what_a_patient_may_hear_stands_in_the_communication_of_its_rules(toy, ask):
    toy.add(
        "communication.yaml",
        "heard:\n  wet:\n    text: It may sound gloomy.\n    citations: [TOY-STORM]\n    rules: [U03]\n",
    )
    toy.add("communication.yaml", "not_abandonment_by_rule: {U03: There is a towel.}\n")
    answer = ask(RAIN)
    assert answer["communication"]["heard"] == [{"text": "It may sound gloomy.", "citations": ["TOY-STORM"]}]
    assert answer["communication"]["not_abandonment"] == "There is a towel."
    assert "TOY-STORM" in [source["id"] for source in answer["citations"]]
    other = ask(MIXED_HAIL)["communication"]
    assert (other["heard"], other["not_abandonment"]) == ([], "There is tea when you come back.")


def test_the_context_stands_with_the_guideline_and_in_no_answer(toy, ask):
    toy.add("guideline.yaml", "context:\n  - {text: It rains on every third day., citations: [TOY-RAIN]}\n")
    shown = ask(None, path="/v1/guidelines/toy-umbrella")
    assert shown["context"] == [{"text": "It rains on every third day.", "citations": ["TOY-RAIN"]}]
    assert "third day" not in str(ask(RAIN))


# ---- the summary


def test_the_summary_names_one_missing_fact_in_words(toy, ask):
    toy.change("rules/U03.yaml", "provenance: [trial]", "provenance: [trial]\nasks: [forecast]")
    summary = ask({"hazards": "none"})["summary"]
    assert (
        summary == ("Look at the sky first. Not known: forecast. If dry: No umbrella; If rain: Take an umbrella.")
        or summary.count("Not known: ") == 1
    )
    assert "_" not in summary


def test_the_summary_never_asks_for_what_the_release_says(toy, ask):
    before = ask({"hazards": "none"})["summary"]
    assert "Not known: forecast." in before
    toy.add("guideline.yaml", "unasked:\n  - {facts: [forecast]}\n")
    answer = ask({"hazards": "none"})
    assert "Not known: forecast." not in answer["summary"]
    assert "forecast" in [item["fact"] for item in answer["missing_facts"]]


def test_a_fact_that_is_not_asked_for_is_never_missing(toy, ask):
    toy.change(
        "facts.yaml", "    meaning: What the forecast says.", '    meaning: What the forecast says.\n    asked: "false"'
    )
    assert "forecast" not in [item["fact"] for item in ask({"hazards": "none"})["missing_facts"]]


# ---- a release's own sources


def test_a_release_brings_its_own_version_of_a_source(toy, ask):
    own = toy.release / "citations" / "TOY-RAIN.yaml"
    own.parent.mkdir()
    own.write_text(toy.file("/citations/TOY-RAIN.yaml").read_text().replace("Drizzle A", "Shower A"))
    toy.change("rules/U03.yaml", "key_message: It will be wet.", 'key_message: "It will be wet ({cite:TOY-RAIN})."')
    assert ask(RAIN)["communication"]["key_message"] == "It will be wet (Shower 2025)."
    assert ask(None, path="/v1/citations/TOY-RAIN")["authors"] == "Shower A, Puddle B"


# ---- facts that decide only together

ASKS = "asks: [hazards.lightning, forecast, sky.look]"


def page_of(toy, address):
    app = create_app(Settings(content=toy.root, guideline="toy-umbrella", clock=lambda: NOON, log_level="error"))
    return app.test_client().get(address).get_data(as_text=True)


def test_facts_that_decide_only_together_are_tried_together(toy, ask):
    toy.change("rules/U05.yaml", ASKS, "asks: [[hazards.lightning, forecast]]")
    answer = ask({})
    missing = {item["fact"]: item for item in answer["missing_facts"]}
    assert [(pair["facts"], pair["becomes"]["code"]) for pair in missing["hazards.lightning"]["together"]] == [
        ({"hazards.lightning": "absent", "forecast": "dry"}, "LEAVE_UMBRELLA"),
        ({"hazards.lightning": "absent", "forecast": "rain"}, "TAKE_UMBRELLA"),
    ]
    assert (missing["hazards.lightning"]["decisive"], missing["forecast"]["decisive"]) == (True, False)
    assert "absent with forecast: dry: Leave the umbrella at home" in answer["summary"]
    assert "Absent with forecast: dry" in page_of(toy, answer["links"]["page"])
    known = {item["fact"]: item for item in ask({"forecast": "dry"})["missing_facts"]}
    assert "together" not in known["hazards.lightning"]


def test_a_fact_in_a_list_of_its_own_is_listed_wherever_it_is_not_known(toy, ask):
    assert "belongings" not in [item["fact"] for item in ask({"hazards": "none"})["missing_facts"]]
    toy.change("rules/U05.yaml", ASKS, "asks: [[belongings], forecast]")
    first, *_ = ask({"hazards": "none"})["missing_facts"]
    assert (first["fact"], first["decisive"]) == ("belongings", False)


@pytest.mark.parametrize(
    ("asks", "detail"),
    [
        ("[[hazards.lightning, forcast]]", "no such fact: forcast"),
        ("[[]]", "Must be the name of a fact, or a list of such names."),
        ("[[walk_minutes]]", 'walk_minutes is `asked: "false"`, so that no answer lists it'),
    ],
)
def test_a_rule_asks_for_facts_that_answers_can_list(toy, asks, detail):
    toy.change("facts.yaml", "title: Length of the walk\n", 'title: Length of the walk\n    asked: "false"\n')
    toy.change("rules/U05.yaml", ASKS, f"asks: {asks}")
    assert [fault.detail for fault in toy.faults()] == [detail]


# ---- words that change inside the sentences of a rule

FAR = '{when: {walk_minutes: long}, text: "; it is far"}'
REST = '{when: {}, text: ""}'


def slotted(toy, texts=f"{FAR}, {REST}", statement='"Take an umbrella{how_far}."'):
    toy.change("rules/U03.yaml", "statement: Take an umbrella.", f"statement: {statement}")
    toy.add("rules/U03.yaml", f"slots: {{how_far: [{texts}]}}\n")


@pytest.mark.parametrize(("walk", "words"), [({"walk_minutes": 30}, "; it is far"), ({"walk_minutes": 1}, ", or run")])
def test_a_slot_of_a_rule_says_the_first_text_that_fits(toy, ask, walk, words):
    slotted(toy)
    answer = ask(RAIN | walk)
    assert lead(answer)["statement"] == f"Take an umbrella{words}."
    assert f"Take an umbrella{words}." in page_of(toy, answer["links"]["page"])
    assert "In place of {how_far}: ; it is far" in page_of(toy, "/guidelines/toy-umbrella/rules/U03")
    becomes = next(item for item in ask(RAIN)["missing_facts"] if item["fact"] == "walk_minutes")["would_become"]
    assert becomes["long"]["statement"] == "Take an umbrella; it is far."


@pytest.mark.parametrize(
    ("texts", "statement", "detail"),
    [
        (FAR, '"Take it{how_far}."', "the last text holds for all patients: `when: {}`"),
        (f"{REST}, {FAR}", '"Take it{how_far}."', "nobody reads what stands after `when: {}`"),
        (f"{FAR}, {REST}", "Take it.", "no sentence of the rule has {how_far}"),
        (REST, '"Take it{how_far}{how_near}."', "no wording table fills {how_near}"),
        ("{when: {walk_minutes: far}, text: x}", '"Take it{how_far}."', "walk_minutes is never far"),
        ("{when: {}, text: '{how_near}'}", '"Take it{how_far}."', "no wording table fills {how_near}"),
    ],
)
def test_a_slot_that_cannot_be_filled_is_a_fault(toy, texts, statement, detail):
    slotted(toy, texts, statement)
    assert detail in [fault.detail for fault in toy.faults()]


def test_a_slot_has_a_name_of_its_own(toy):
    slotted(toy, statement='"Take an umbrella{how_far}."')
    toy.change("rules/U03.yaml", "slots: {how_far:", "slots: {umbrella_left:")
    assert "a wording table has this name" in [fault.detail for fault in toy.faults()]


# ---- the missing fact in a sentence


def missing_named(toy, sentence='"Look, until {missing} is known."'):
    toy.change("rules/U05.yaml", "statement: Look out of the window and ask again.", f"statement: {sentence}")
    toy.change("rules/U05.yaml", 'key_message: "Still open: whether', 'key_message: "Open: {missing}." #')


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({}, "lightning"),
        ({"hazards": {"lightning": "absent"}}, "forecast"),
        ({"forecast": "dry"}, "lightning"),
        ({"hazards": {"lightning": "absent"}, "sky": {"look": "grey", "seen_on": "2026-02-01"}}, "forecast"),
    ],
)
def test_a_sentence_names_the_first_decisive_fact_that_the_rule_asks_for(toy, ask, facts, name):
    missing_named(toy)
    answer = ask(facts)
    assert lead(answer)["statement"] == f"Look, until {name} is known."
    assert answer["communication"]["key_message"] == f"Open: {name}."
    assert answer["summary"].startswith(f"Look, until {name} is known. Not known: {name}.")
    assert f"Look, until {name} is known." in page_of(toy, answer["links"]["page"])


def test_a_fact_that_decides_nothing_is_not_the_missing_one(toy, ask):
    missing_named(toy)
    toy.change("rules/U05.yaml", ASKS, "asks: [walk_minutes, sky.seen_on, forecast, hazards.lightning]")
    assert lead(ask({"hazards": "none"}))["statement"] == "Look, until forecast is known."


def test_what_an_answer_would_become_names_what_is_missing_then(toy, ask):
    missing_named(toy)
    (lightning,) = [item for item in ask({})["missing_facts"] if item["fact"] == "hazards.lightning"]
    assert lightning["would_become"]["absent"]["statement"] == "Look, until forecast is known."


def test_a_rule_that_names_what_is_missing_asks_for_something(toy):
    missing_named(toy)
    toy.change("rules/U05.yaml", ASKS, "asks: []")
    assert [fault.detail for fault in toy.faults()] == [
        "{missing} names a fact that the rule asks for, and it asks for none"
    ]


# ---- helper tables, modifiers by themselves, options in time


def test_a_helper_table_is_no_step_and_needs_no_words(toy, ask):
    tables = [step["table"] for step in ask(RAIN)["because"]["trace"]]
    toy.change("derivations.yaml", "title: Look of the sky, where it is fresh", 'title: Look\n    helper: "true"')
    answer = ask(RAIN)
    assert [step["table"] for step in answer["because"]["trace"]] == [name for name in tables if name != "look_today"]
    words = "values:\n  wetness: {WET: w, DRY: d, UNKNOWN: o}\n  hazard_tier: {T4: a, T3: b, T1: c, TU: d, T0: e}\n"
    facts = "forecast: {dry: dry, rain: rain, mixed: mixed}\n  sky.look: {blue: blue, grey: grey}\n"
    groups = "groups:\n  - {title: All, facts: [forecast, sky, hazards, belongings, walk_minutes, staying_in]}\n"
    toy.add("pages.yaml", f"{groups}{words}  {facts}  belongings: {{hat: hat, laptop: laptop}}\n")
    page = page_of(toy, answer["links"]["page"])
    assert "Whether it will be wet" in page
    assert "UNKNOWN" not in page
    toy.change("derivations.yaml", 'helper: "true"', 'helper: "false"')
    assert [fault.detail for fault in toy.faults()] == ["no words for BLUE, GREY, UNKNOWN"]


@pytest.mark.parametrize("table", ["Whether it will be wet", "The worst hazard"])
def test_what_an_answer_tells_is_no_helper(toy, table):
    toy.change("derivations.yaml", f"title: {table}", f'title: {table}\n    helper: "true"')
    assert [fault.detail for fault in toy.faults()] == ["an answer tells this feature, so it is no helper"]


def test_a_table_of_words_is_no_helper(toy):
    toy.change("derivations.yaml", "title: Whether an umbrella can be used", 'title: Words\n    helper: "true"')
    assert [(fault.path, fault.detail) for fault in toy.faults()] == [("/wording/0/helper", "Unknown field.")]


def test_a_modifier_may_be_named_only_where_it_acts(toy, ask):
    dry = {"forecast": "dry", "hazards": "none", "belongings": ["laptop"]}
    assert [item["id"] for item in ask(dry)["modifiers"]] == ["LAPTOP"]
    toy.change("modifiers.yaml", "title: A laptop is carried", "title: A laptop is carried\n    named: where_it_acts")
    assert ask(dry)["modifiers"] == []
    assert [item["id"] for item in ask(dry | {"forecast": "rain"})["modifiers"]] == ["LAPTOP"]


def test_a_modifier_may_be_named_always_beside_others_that_are_not(toy, ask):
    dry = {"forecast": "dry", "hazards": "none", "belongings": ["laptop"]}
    toy.change("modifiers.yaml", "modifiers:\n", "listed: where_they_act\nmodifiers:\n")
    assert ask(dry)["modifiers"] == []
    toy.change("modifiers.yaml", "title: A laptop is carried", "title: A laptop is carried\n    named: always")
    assert [item["id"] for item in ask(dry)["modifiers"]] == ["LAPTOP"]


def timed(toy, when="after_response"):
    toy.change("options.yaml", "text: A raincoat,", f"text: A raincoat, when: {when},")


def test_an_option_says_when_it_is_taken(toy, ask):
    timed(toy, "trial_only")
    answer = ask(RAIN)
    assert [option.get("when") for option in lead(answer)["options"]] == [None, "trial_only"]
    assert '<p class="tag">In a trial only</p>' in page_of(toy, answer["links"]["page"])
    assert "in a trial only" in page_of(toy, "/guidelines/toy-umbrella/rules/U03")


def test_a_modifier_removes_and_marks_the_options_of_a_time(toy, ask):
    timed(toy)
    toy.change("modifiers.yaml", "remove: [umbrella]", "remove: [after_response]")
    windy = RAIN | {"sky": {"wind_km_per_h": 50}}
    assert [option["id"] for option in lead(ask(windy))["options"]] == ["umbrella"]
    assert lead(ask(windy))["removed"] == [{"kind": "after_response", "because": ["Strong wind"]}]
    assert "Not an option for this patient: after response (Strong wind)." in ask(windy)["summary"]
    toy.change("modifiers.yaml", "remove: [after_response]\n        mark: {clothes:", "mark: {after_response:")
    assert lead(ask(windy))["options"][1]["note"] == "button it up"


def test_a_time_that_no_option_has_is_a_fault(toy):
    toy.change("modifiers.yaml", "remove: [umbrella]", "remove: [after_response]")
    assert [fault.detail for fault in toy.faults()] == ["no such id: after_response"]
    timed(toy, "later")
    assert "Must be one of: now, after_response, trial_only." in [fault.detail for fault in toy.faults()]
