"""A typo in extraction.yaml or in a worked FHIR case does not load: no fact falls silent, the error says where."""

import pytest

EXTRACTION = "extraction.yaml"
RECEPTORS = "cases/fhir/receptors.yaml"

# What is wrong: (words there, words instead), and the fault: (path, words of the detail).
BROKEN = {
    "a fact that does not exist": (
        ("  er_status:\n", "  er_statsu:\n"),
        ("/facts/er_statsu", "no such fact"),
    ),
    "a fact that is neither read nor said not to be": (
        ("  patient_preference: the patient is asked\n", ""),
        ("/facts", "patient_preference has no resolver and is not among not_extracted"),
    ),
    "a fact that is read and said not to be": (
        ("  patient_preference: ", "  inflammatory: a judgement\n  patient_preference: "),
        ("/not_extracted/inflammatory", "it has a resolver, too"),
    ),
    "a fact that does not exist and is said not to be read": (
        ("  patient_preference: ", "  patients_preference: "),
        ("/not_extracted/patients_preference", "no such fact"),
    ),
    "a fact with two resolvers": (
        ("  # Facts of the person are", "  inflammatory: {resolver: any, claims: []}\n  # Facts of the person are"),
        ("/facts", "the key 'inflammatory' stands twice"),
    ),
    "a resolver that does not exist": (
        ("{resolver: removal,", "{resolver: remove,"),
        ("/facts/primary_tumour/resolver", "Must be one of: newest, any, quantity"),
    ),
    "a resolver of another kind of fact": (
        ("  presentation:\n", "  lesion_count: {resolver: removal, gives: few, why: none}\n  presentation:\n"),
        ("/facts/lesion_count", "this resolver states no fact of this kind"),
    ),
    "a member that does not exist": (
        ("gives: resected, why:", "gives: resected, when: always, why:"),
        ("/facts/primary_tumour/when", "Unknown field"),
    ),
    "a member that is missing": (
        ("{resolver: removal, gives: resected,", "{resolver: removal,"),
        ("/facts/primary_tumour/gives", "Missing data"),
    ),
    "a fact for another reader than tumour and person": (
        ("sex: {about: person", "sex: {about: people"),
        ("/facts/sex/about", "Must be one of: tumour, person"),
    ),
    # ---- values
    "a value that the fact does not have": (
        ("gives: resected", "gives: resectde"),
        ("/facts/primary_tumour/gives", "no such value: resectde"),
    ),
    "a value of a claim that the fact does not have": (
        ('gives: {inflammatory: "true"}', "gives: {inflammatory: present}"),
        ("/facts/inflammatory/claims/0", "no such value: present"),
    ),
    "a value of a claim that is no number": (
        ('ecog_4: "4"}', "ecog_4: four}"),
        ("/facts/ecog/claims/0", "no such value: four"),
    ),
    "a proof that is no value": (
        ("proof: M1\n", "proof: M2\n"),
        ("/facts/metastatic_status/proof", "no such value: M2"),
    ),
    "a value of a stage that the fact does not have": (
        ("stage_iv: M1,", "stage_iv: M4,"),
        ("/facts/metastatic_status/stages/gives", "no such value: M4"),
    ),
    "a value of a course that the fact does not have": (
        ("status_gives: {distant_metastasis: M1,", "status_gives: {distant_metastasis: M4,"),
        ("/facts/metastatic_status/stages/status_gives", "no such value: M4"),
    ),
    "a class of a line that the fact does not have": (
        ("      immunotherapy: [immunotherapy]", "      immunetherapy: [immunotherapy]"),
        ("/facts/systemic_therapy/classes", "no such value: immunetherapy"),
    ),
    "a value of an interval that the fact does not have": (
        ("after: recurrent\n", "after: recurrence\n"),
        ("/facts/presentation/after", "no such value: recurrence"),
    ),
    "a response that the fact does not have": (
        ("worsened: PD,", "worsened: progression,"),
        ("/facts/chemotherapy_response/gives", "no such value: progression"),
    ),
    "a progression that is no response": (
        ("progression: PD", "progression: DP"),
        ("/facts/chemotherapy_response/progression", "no such value: DP"),
    ),
    "a part of a response that does not exist": (
        ("member: overall", "member: whole"),
        ("/facts/chemotherapy_response", "the fact has no part whole"),
    ),
    "a site that the fact does not have": (
        ("gives: {bone_only: [bone]}", "gives: {bone_only: [bones]}"),
        ("/facts/metastatic_extent/gives", "no such site: bones"),
    ),
    "a window without what is said of what is older": (
        ('    stale: "a pregnancy, undated or more than {days} days ago: ask"\n', ""),
        ("/facts/pregnant/stale", "what is said of a claim that is too old"),
    ),
    "a code of the Patient that is no value": (
        ("codes: [female, male, other]", "codes: [female, men, other]"),
        ("/facts/sex/codes", "no such value: men"),
    ),
    "an age beyond the bounds of the fact": (
        ('oldest: "120"', 'oldest: "130"'),
        ("/facts/age_years", "beyond the bounds of the fact"),
    ),
    "a number beyond the bounds of the fact": (
        ('greatest: "2000"', 'greatest: "20000"'),
        ("/facts/platelets_10e9_per_l", "beyond the bounds of the fact"),
    ),
    "a unit that no record can match": (
        ("{g/dl:", "{g/dL:"),
        ("/facts/haemoglobin_g_per_dl/units", "a unit is written in lower case and without spaces: g/dL"),
    ),
    "a bound that no person can have": (
        ('at_least: "38.0"', 'at_least: "48.0"'),
        ("/facts/fever_within_6_weeks_of_chemotherapy/at_least", "beyond what a person can have"),
    ),
    "a diagnosis that holds for an unknown time": (
        ("    diagnosed: febrile_neutropenia\n", ""),
        ("/facts/fever_within_6_weeks_of_chemotherapy/diagnoses", "how long does a diagnosis hold"),
    ),
    "a diagnosis that does not exist": (
        ("diagnoses: [febrile_neutropenia]", "diagnoses: [neutropenia]"),
        ("/facts/fever_within_6_weeks_of_chemotherapy/diagnoses", "no such category: neutropenia"),
    ),
    "an emergency that is no finding": (
        ('emergencies: {bleeding: "1"', 'emergencies: {bleed: "1"'),
        ("/facts/complications/emergencies", "no such finding: bleed"),
    ),
    "an emergency of a grade that does not exist": (
        ('emergencies: {bleeding: "1"', 'emergencies: {bleeding: "5"'),
        ("/facts/complications/emergencies/bleeding/value", "Must be greater than or equal to 1"),
    ),
    "an end of a line that is no window": (
        ("line_end: line_end", "line_end: half_a_year"),
        ("/therapy/line_end", "no such window: half_a_year"),
    ),
    "a range of whole numbers with one end": (
        ('integer: ["0", "4"]', 'integer: ["4"]'),
        ("/facts/ecog/claims/0/value/integer", "Length must be 2"),
    ),
    # ---- lists, categories, places
    "a list that does not exist": (
        ("presence: presence", "presence: presents"),
        ("/facts/complications/presence", "no such list: presents"),
    ),
    "a list of the subject that does not exist": (
        ("harmless: [complications,", "harmless: [complication,"),
        ("/subject/harmless", "no such list: complication"),
    ),
    "a category that does not exist": (
        ("own: [invasive, recurrence]", "own: [invasiv, recurrence]"),
        ("/subject/own", "no such category: invasiv"),
    ),
    "a category with a reason that does not exist": (
        ("    in_situ: carcinoma", "    in_sito: carcinoma"),
        ("/subject/never", "no such category: in_sito"),
    ),
    "a category of a claim that does not exist": (
        ('gives: {radiotherapy: "true"}', 'gives: {radiotherpy: "true"}'),
        ("/facts/prior_chest_radiotherapy/claims/0/gives", "no such category: radiotherpy"),
    ),
    "a category of a therapy that does not exist": (
        ("at_organ: [excision_of_mass]", "at_organ: [excision_of_masses]"),
        ("/therapy/removal/at_organ", "no such category: excision_of_masses"),
    ),
    "a category of a course that does not exist": (
        ("status_gives: {distant_metastasis: M1,", "status_gives: {distant_metastases: M1,"),
        ("/facts/metastatic_status/stages/status_gives", "no such status: distant_metastases"),
    ),
    "a category of a place that does not exist": (
        ("at: {to_breast:", "at: {to_brest:"),
        ("/facts/metastatic_status/secondaries/at", "no such category: to_brest"),
    ),
    "a class of drug that does not exist": (
        ("endocrine_plus_cdk46: [endocrine, cdk46]", "endocrine_plus_cdk46: [endocrine, cdk64]"),
        ("/facts/systemic_therapy/classes", "no such class of drugs: cdk64"),
    ),
    "a class of drug before a measurement that does not exist": (
        ("drug: chemotherapy\n", "drug: chemotherapie\n"),
        ("/facts/fever_within_6_weeks_of_chemotherapy/drug", "no such class of drugs: chemotherapie"),
    ),
    "a place that does not exist": (
        ("tumour: [breast, chest_wall]", "tumour: [breast, chestwall]"),
        ("/places/tumour", "no such place: chestwall"),
    ),
    "a place of a claim that does not exist": (
        ("        at: [breast, chest_wall]", "        at: [breast, chestwall]"),
        ("/facts/prior_chest_radiotherapy/claims/0/at", "no such place: chestwall"),
    ),
    "a place of a metastasis that does not exist": (
        ("regional: [regional_node]}", "regional: [regional_nodes]}"),
        ("/facts/metastatic_status/secondaries/at", "no such place: regional_nodes"),
    ),
    "a place that is no site of the fact": (
        ("places: [bone, lung, liver,", "places: [bone, lung, breast, liver,"),
        ("/facts/metastatic_sites", "no such site: breast"),
    ),
    # ---- notation, courses, parts of a response
    "a stage group that is not one of stage IV": (
        ("groups: {IV: M1,", "groups: {III: M1,"),
        ("/facts/metastatic_status/stages/notation/groups", "no such stage group: III"),
    ),
    "a value of a stage group that the fact does not have": (
        ("groups: {IV: M1,", "groups: {IV: M4,"),
        ("/facts/metastatic_status/stages/notation/groups", "no such value: M4"),
    ),
    "a code system of the notation that does not exist": (
        ("systems: [uicc, ajcc_old]", "systems: [uicc, ajcc]"),
        ("/facts/metastatic_status/stages/notation/systems", "no such code system: ajcc"),
    ),
    "words of a remark that do not exist": (
        ("denial: denial", "denial: denials"),
        ("/facts/metastatic_status/stages/notation/denial", "no such category: denials"),
    ),
    "a doubtful course that does not exist": (
        ("status_doubts: [distant_doubtful]", "status_doubts: [distant_unsure]"),
        ("/facts/metastatic_status/stages/status_doubts", "no such status: distant_unsure"),
    ),
    "a stage that says when the metastasis came, and does not exist": (
        ("stated: {metastatic_at_diagnosis: de_novo,", "stated: {metastatic_at_birth: de_novo,"),
        ("/facts/presentation/stated", "no such category of a stage: metastatic_at_birth"),
    ),
    "a part of an assessment that the fact does not have": (
        ("member: distant, codes:", "member: far, codes:"),
        ("/facts/chemotherapy_response/parts/1/member", "the fact has no part far"),
    ),
    "a response of a part that the fact does not have": (
        ("gives: {distant_none: CR,", "gives: {distant_none: gone,"),
        ("/facts/chemotherapy_response/parts/1/gives", "no such value: gone"),
    ),
    "parts without the response that leaves nothing": (
        ("    complete: CR\n", ""),
        ("/facts/chemotherapy_response/complete", "no such value"),
    ),
    "a list of presence that does not exist": (
        ("mentions: {list: presence,", "mentions: {list: present,"),
        ("/facts/metastatic_status/mentions/list", "no such list: present"),
    ),
    "a class that tells no kind of drug, and does not exist": (
        ('unspecified: {targeted_or_immune: "",', 'unspecified: {targeted: "",'),
        ("/therapy/unspecified", "no such class of drugs: targeted"),
    ),
    "a trace of a cancer that does not exist": (
        ("traces: [node_surgery,", "traces: [nodes,"),
        ("/therapy/removal/traces", "no such category: nodes"),
    ),
    # ---- windows
    "a window that does not exist": (
        ("recent: examination", "recent: exam"),
        ("/facts/complications/recent", "no such window: exam"),
    ),
    "a window of the therapy that does not exist": (
        ("  new_line: new_line", "  new_line: newline"),
        ("/therapy/new_line", "no such window: newline"),
    ),
    "a window without a source": (
        ('finding: {days: "120", source: proposal}', 'finding: {days: "120"}'),
        ("/windows/finding/source", "Missing data"),
    ),
    "a window whose source is not in the catalogue": (
        ('finding: {days: "120", source: proposal}', 'finding: {days: "120", source: RECIST9}'),
        ("/windows/finding/source", "neither a citation nor proposal: RECIST9"),
    ),
    "a window of no day": (
        ('sepsis: {days: "14"', 'sepsis: {days: "0"'),
        ("/windows/sepsis/days", "Must be greater than or equal to 1"),
    ),
    # ---- claims
    "a predicate that does not exist": (
        ("keep: [on_side]", "keep: [on_sides]"),
        ("/facts/prior_chest_radiotherapy/claims/0/keep/0", "Must be one of: current, confirmed"),
    ),
    "a type of resource that claims are not made of": (
        ("resource: Procedure", "resource: Encounter"),
        ("/facts/prior_chest_radiotherapy/claims/0/resource", "Must be one of: Condition, Observation, Procedure"),
    ),
    "a claim that gives no value": (
        ('gives: {inflammatory: "true"}, ', "categories: [inflammatory], "),
        ("/facts/inflammatory/claims/0", "a claim gives a value by its code (gives) or by its value (value)"),
    ),
    # ---- facts that read others
    "a fact that reads a later one": (
        ("interval\n    of: metastatic_status", "interval\n    of: metastatic_sites"),
        ("/facts/presentation/of", "metastatic_sites"),
    ),
    "a fact that reads itself": (
        ("interval\n    of: metastatic_status", "interval\n    of: presentation"),
        ("/facts/presentation/of", "presentation"),
    ),
    "a fact that reads one of another resolver": (
        ("{resolver: sites, of: metastatic_status", "{resolver: sites, of: presentation"),
        ("/facts/metastatic_sites/of", "presentation"),
    ),
    "a finding that does not exist": (
        ("- finding: sepsis_signs", "- finding: sepsis"),
        ("/facts/complications/anywhere/0", "no such finding: sepsis"),
    ),
    "a source of a finding that does not exist": (
        ("sources: [infection,", "sources: [infections,"),
        ("/facts/complications/anywhere/0", "no such finding: infections"),
    ),
    # ---- words that people read
    "a place in a sentence that nothing fills": (
        ("more than {days} days ago: ask", "more than {day} days ago: ask"),
        ("/facts/pregnant/stale", "nothing fills {day}"),
    ),
    "a place in a sentence of a finding that nothing fills": (
        ("more than {days} days old, and its source", "more than {hours} hours old, and its source"),
        ("/facts/complications/anywhere/0/old", "nothing fills {hours}"),
    ),
    "a brace that is not closed": (
        ("completed years on {today}", "completed years on {today"),
        ("/facts/age_years/why", "brace"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_a_typo_is_a_fault_with_its_path(shipped, broken: str) -> None:
    for file in shipped.file("cases").glob("*.yaml"):
        file.unlink()  # the worked cases of the rules: a third of the time of a load, and nothing to do with records
    (old, new), (path, detail) = BROKEN[broken]
    shipped.change(EXTRACTION, old, new)
    faults = [fault for fault in shipped.faults() if fault.file == str(shipped.file(EXTRACTION))]
    assert any(fault.path == path and detail in fault.detail for fault in faults), faults


def test_a_citation_may_support_a_window(shipped) -> None:
    shipped.change(EXTRACTION, 'finding: {days: "120", source: proposal}', 'finding: {days: "120", source: RECIST}')
    extraction = shipped.guideline().extraction
    assert extraction.windows["finding"].source == "RECIST"


def test_a_code_list_must_say_how_far_the_code_of_a_finding_goes(shipped) -> None:
    shipped.change(
        "/terminology/complications.yaml",
        "display: Bleeding from breast (disorder), category: bleeding, proof: coded}",
        "display: Bleeding from breast (disorder), category: bleeding}",
    )
    assert any(fault.path == "/facts/complications/list" and "52297004" in fault.detail for fault in shipped.faults())


def test_a_code_list_names_sites_that_the_fact_has(shipped) -> None:
    """A site of another name would make the facts of a record a question that is refused."""
    shipped.change(
        "/terminology/metastases.yaml",
        "display: Secondary malignant neoplasm of mediastinum, category: distant, site: other}",
        "display: Secondary malignant neoplasm of mediastinum, category: distant, site: mediastinum}",
    )
    assert any(
        fault.path == "/facts/metastatic_sites" and "no such site: mediastinum" in fault.detail
        for fault in shipped.faults()
    )


def test_a_new_release_of_a_code_list_needs_no_new_release_of_the_guideline(shipped, library) -> None:
    """How a record is read, and its worked cases, have no part in the digest of a release: permalinks hold."""
    shipped.change(EXTRACTION, "organ: breast,", "organ: breast ,")
    shipped.change(RECEPTORS, "name: A cancer coded as inflammatory is", "name: A cancer coded so is")
    changed = shipped.guideline()
    assert changed.digest == library.find(*changed.key).digest


# ---- worked cases


def test_a_fact_without_a_worked_case_does_not_load(shipped) -> None:
    shipped.change(RECEPTORS, "protects: [inflammatory]", "protects: [er_status]")
    (fault,) = shipped.faults()
    assert (fault.file, fault.path) == (str(shipped.file(EXTRACTION)), "/facts/inflammatory")
    assert "has no worked case" in fault.detail


def test_a_case_of_a_fact_that_is_not_read_does_not_load(shipped) -> None:
    shipped.change(RECEPTORS, "protects: [inflammatory]", "protects: [inflammatory, lesion_count]")
    (fault,) = shipped.faults()
    assert fault.file == str(shipped.file(RECEPTORS))
    assert "no fact that is read: lesion_count" in fault.detail


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("protects: [inflammatory]", "protect: [inflammatory]", "/protect"),
        ("protects: [inflammatory]", "protects: []", "/protects"),
        ("facts: {inflammatory: true}", "facts: {inflammatory: true}\n      ignores: [x]", "/expect/ignores"),
        ("facts: {inflammatory: true}", "", "/expect/facts"),
    ],
)
def test_a_case_of_another_form_does_not_load(shipped, old: str, new: str, path: str) -> None:
    shipped.change(RECEPTORS, old, new)
    assert any(fault.file == str(shipped.file(RECEPTORS)) and fault.path.endswith(path) for fault in shipped.faults())


# ---- guidelines that read no records


def test_cards_without_an_extraction_do_not_load(shipped) -> None:
    shipped.file(EXTRACTION).unlink()
    assert any(
        fault.file == str(shipped.file(EXTRACTION)) and "cards are about records" in fault.detail
        for fault in shipped.faults()
    )


def test_a_guideline_without_an_extraction_and_cards_is_a_guideline(shipped) -> None:
    for name in (EXTRACTION, "cards.yaml"):
        shipped.file(name).unlink()
    assert shipped.guideline().extraction is None
