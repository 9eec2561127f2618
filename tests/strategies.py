"""Bodies of POST /v1/recommendations for hypothesis, and what a test does to a body.

The words are typed from the contract, not read from the content, so that a change of the vocabulary is noticed.
"""

import copy
import datetime as dt
import json

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

TODAY = dt.date(2026, 11, 23)
"""The day of the tests' clock."""

FEW, MANY = (
    settings(
        max_examples=number,
        derandomize=True,  # the same examples on every machine
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    for number in (60, 150)
)

M1_WORDS = ["M1", "cM1", "metastatic"]
M0_WORDS = ["M0", "cM0", "non_metastatic", "M0(i+)", "cM0(i+)"]
STATUSES = [*M0_WORDS, *M1_WORDS, "pM1", "de_novo_metastatic", "recurrent_metastatic", "unknown"]
CATEGORIES = ["CR", "PR", "SD", "PD", "NON_CR_NON_PD"]
RESPONSES = [*CATEGORIES, "NE", "not_started", "unknown"]
LONG_NAMES = ["complete_response", "partial_response", "stable_disease", "progressive_disease", "not_evaluable"]
SITES = [
    "bone", "lung", "liver", "brain", "pleura", "peritoneum", "distant_node", "skin_distant", "adrenal", "marrow",
    "other",
]  # fmt: skip
METHODS = ["ct", "mri", "pet_ct", "bone_scan", "clinical", "ultrasound"]
THERAPIES = [
    "chemotherapy", "chemo_plus_anti_her2", "endocrine", "endocrine_plus_cdk46", "immunotherapy", "anti_her2",
    "endocrine_plus_anti_her2", "antibody_drug_conjugate", "parp_inhibitor", "endocrine_plus_pi3k_akt_mtor",
    "chemo_plus_immunotherapy", "other",
]  # fmt: skip
TYPES = {
    "bleeding": ["haemodynamically_unstable", "controlled_by_pressure"],
    "ulceration": ["vessel_exposed", "pleura_exposed"],
    "fungation": ["vessel_exposed", "pleura_exposed"],
    "chest_wall_necrosis": ["pleura_exposed"],
    "infection": ["necrotising"],
    "sepsis_signs": [],
    "pain": ["controlled"],
    "mass_effect": [],
    "odour": [],
    "discharge": [],
    "lymphoedema": [],
    "plexopathy": ["new_motor_deficit"],
    "chest_wall_invasion": ["symptomatic"],
    "impending_breakthrough": [],
}
"""Complication type -> its flags, in the order of D5.1 (bleeding first)."""
SCREEN = ["bleeding", "ulceration", "infection", "sepsis_signs"]
ASSERTING = {
    "haemodynamically_unstable": True,
    "controlled_by_pressure": False,
    "vessel_exposed": True,
    "pleura_exposed": True,
    "necrotising": True,
    "new_motor_deficit": True,
    "symptomatic": True,
}
"""Flag -> the value that says that the complication is there (D3)."""
FLAGS = [
    "pregnant", "inflammatory", "prior_chest_radiotherapy", "closure_possible", "visceral_crisis", "anticoagulated",
    "anti_angiogenic_therapy", "life_expectancy_under_1_year", "brain_metastases",
    "fever_within_6_weeks_of_chemotherapy", "all_sites_ablatable", "fever_now", "fever_in_record", "last_weeks_of_life",
    "tumour_in_wound", "all_metastases_treated",
]  # fmt: skip
CHOICES = {
    "metastatic_status": STATUSES,
    "presentation": ["de_novo", "recurrent", "unknown"],
    "metastasis_proof": ["histology", "imaging_only", "unknown"],
    "systemic_options": ["available", "declined", "none_left", "unknown"],
    "metastatic_extent": ["oligometastatic", "bone_only", "polymetastatic", "unknown"],
    "primary_tumour": ["in_situ", "resected", "not_found", "unknown"],
    "systemic_therapy": [*THERAPIES, "unknown"],
    "sex": ["female", "male", "other", "unknown"],
    "er_status": ["positive", "low_positive", "negative", "unknown"],
    "pr_status": ["positive", "low_positive", "negative", "unknown"],
    "her2_status": ["positive", "low", "negative", "unknown"],
    "menopausal_status": ["premenopausal", "perimenopausal", "postmenopausal", "unknown"],
    "patient_preference": ["requests_local_treatment", "declines_local_treatment", "undecided", "unknown"],
}
BANDS = {
    "age_years": {"<18": 17, "18-54": 54, "55-65": 55, ">65": 66},
    "platelets_10e9_per_l": {"<50": 49.9, ">=50": 50},
    "haemoglobin_g_per_dl": {"<8": 7.9, ">=8": 8},
    "lesion_count": {"0": 0, "1": 1, "2-5": 5, ">5": 6},
    "ecog": {"0": 0, "1": 1, "2": 2, "3": 3, "4": 4},
}
"""Number -> band -> a value in it, at the edge where there is one."""
NUMBERS = {
    "age_years": st.integers(0, 120),
    "platelets_10e9_per_l": st.one_of(st.integers(0, 2000), st.sampled_from([0, 49.9, 50, 50.0, 2000])),
    "haemoglobin_g_per_dl": st.one_of(st.integers(2, 25), st.sampled_from([2, 7.9, 8, 8.0, 25])),
    "lesion_count": st.one_of(st.integers(0, 7), st.integers(0, 999)),
    "ecog": st.integers(0, 4),
}
FLAG = st.sampled_from([True, False, "unknown", None])
DAYS_AGO = [-2, -1, 0, 1, 119, 120, 121, 122, 400]
MODIFIERS = [
    "age_years", "ecog", "sex", "er_status", "pr_status", "her2_status", "menopausal_status", "patient_preference",
    "pregnant", "inflammatory", "prior_chest_radiotherapy", "closure_possible", "visceral_crisis",
    "anti_angiogenic_therapy", "life_expectancy_under_1_year",
]  # fmt: skip
"""Members that change wording and certainty and never the code. (brain_metastases counts as a site, systemic_therapy
beside not_started is refused, and four members enter the tier of D5.1: they are tested by themselves.)"""


def days_before(day, number):
    return (dt.date.fromisoformat(day) - dt.timedelta(days=number)).isoformat()


@st.composite
def entries(draw, kind, *, coherent=False):
    """What may stand behind the name of a complication."""
    presence = st.sampled_from(["present", "absent", "unknown"])
    if draw(st.booleans()):
        return draw(presence)
    entry = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "presence": presence,
                "grade": st.sampled_from([1, 2, 3, 4, "unknown", None]),
                **dict.fromkeys(TYPES[kind], FLAG),
            },
        )
    )
    if coherent and entry.get("presence") == "absent":
        return "absent"
    return entry


@st.composite
def complications(draw, *, coherent=False):
    """A word, a list or an object; `coherent` never contradicts itself."""
    form = draw(st.sampled_from(["none"] * (6 if coherent else 2) + ["clear but for"] * 3 + ["object", "list", "word"]))
    if form == "none":
        return "none"
    if form == "word":
        return draw(st.sampled_from(["unknown", None, {}]))
    if form == "list":
        return draw(st.lists(st.sampled_from(list(TYPES)), max_size=3))
    if form == "clear but for":
        named = draw(st.sampled_from(list(TYPES)))
        return {**dict.fromkeys(TYPES, "absent"), named: draw(entries(named, coherent=coherent))}
    names = draw(st.lists(st.sampled_from(list(TYPES)), unique=True, max_size=len(TYPES)))
    return {name: draw(entries(name, coherent=coherent)) for name in names}


@st.composite
def responses(draw):
    """A word, or an object of parts."""
    word = st.sampled_from([*RESPONSES, *LONG_NAMES, "responded", "pCR"])
    form = draw(st.sampled_from(["word", "parts", "overall and part", "any"]))
    if form == "word":
        return draw(word)
    names = {
        "parts": ["primary", "distant"],
        "overall and part": ["overall", draw(st.sampled_from(["primary", "distant"]))],
    }
    if form in names:
        return {name: draw(st.sampled_from(CATEGORIES)) for name in names[form]}
    return draw(
        st.fixed_dictionaries(
            {},
            optional={
                "overall": word,
                "primary": word,
                "distant": word,
                "assessed_on": st.sampled_from([days_before(TODAY.isoformat(), n) for n in DAYS_AGO] + ["unknown"]),
                "method": st.sampled_from([*METHODS, "unknown"]),
            },
        )
    )


MEMBERS = {
    **{name: st.sampled_from(words) for name, words in CHOICES.items()},
    **NUMBERS,
    **dict.fromkeys(FLAGS, FLAG),
    "metastatic_sites": st.one_of(st.lists(st.sampled_from(SITES), max_size=4), st.just("unknown")),
    "chemotherapy_response": responses(),
    "complications": complications(),
    "as_of": st.sampled_from([days_before(TODAY.isoformat(), n) for n in (0, 0, 1, 30, 200)] + ["unknown"]),
}
"""Every member of a body -> valid values."""


@st.composite
def sparse_bodies(draw):
    """A few members, any value."""
    names = draw(st.lists(st.sampled_from(list(MEMBERS)), unique=True, max_size=5))
    return {name: draw(MEMBERS[name]) for name in names}


dense_bodies = st.fixed_dictionaries({}, optional=MEMBERS)
"""About half of the members, any value: mostly contradictory."""


@st.composite
def patients(draw):
    """Members that rarely contradict one another, so that most are answered and every rule is met."""
    body = {
        "metastatic_status": draw(st.sampled_from([*M1_WORDS * 6, "de_novo_metastatic", "M0", "M0(i+)", "unknown"]))
    }
    metastatic = body["metastatic_status"] in M1_WORDS
    if metastatic:
        body["presentation"] = draw(st.sampled_from(["de_novo"] * 9 + ["recurrent", "unknown"]))
    if metastatic or body["metastatic_status"] == "de_novo_metastatic":
        body |= draw(
            st.sampled_from(
                [
                    {},
                    {"metastatic_extent": "polymetastatic"},
                    {"metastatic_extent": "oligometastatic"},
                    {"metastatic_extent": "bone_only"},
                    {"metastatic_extent": "bone_only", "lesion_count": 1},
                    {"metastatic_sites": ["bone"]},
                    {"metastatic_sites": ["bone"], "lesion_count": 1},
                    {"metastatic_sites": ["liver", "lung"], "lesion_count": 3, "all_sites_ablatable": True},
                    {"metastatic_sites": ["liver"], "lesion_count": 12},
                    {"all_sites_ablatable": False},
                    {"brain_metastases": True},
                    {"metastatic_sites": ["distant_node"]},
                ]
            )
        )
    body["primary_tumour"] = draw(st.sampled_from(["in_situ"] * 9 + ["resected", "not_found", "unknown"]))
    body["chemotherapy_response"] = draw(responses())
    if not metastatic and isinstance(body["chemotherapy_response"], dict):
        body["chemotherapy_response"].pop("distant", None)
    body["complications"] = draw(complications(coherent=True))
    names = [*MODIFIERS, "platelets_10e9_per_l", "haemoglobin_g_per_dl", "anticoagulated", "systemic_therapy"]
    names += ["systemic_options", "last_weeks_of_life", "tumour_in_wound", "fever_now"]
    names += ["metastasis_proof", "all_metastases_treated"] if metastatic else []
    for name in draw(st.lists(st.sampled_from(names), unique=True, max_size=6)):
        body[name] = draw(MEMBERS[name])
    return {name: body[name] for name in draw(st.permutations(list(body)))}


bodies = st.one_of(patients(), patients(), patients(), sparse_bodies(), dense_bodies)
"""Every body that these give has valid members only; what it says may be contradictory."""


# ---- what a test does to a body --------------------------------------------------------------------------------------


def as_object(value):
    """The same complications in the object form."""
    if value == "none":
        return dict.fromkeys(TYPES, "absent")
    if isinstance(value, list):
        return dict.fromkeys(value, "present")
    return copy.deepcopy(value) if isinstance(value, dict) else {}


def as_parts(value):
    """The same response in the object form."""
    if isinstance(value, dict):
        return dict(value)
    return {} if value is None else {"overall": value}


def sent(body, fact, value):
    """The body with a missing fact stated, as `missing_facts` names it: a request path, numbers and dates in bands."""
    body = copy.deepcopy(body)
    first, *rest = fact.split(".")
    if first == "complications" and rest:
        kinds = as_object(body.get("complications"))
        entry = kinds.get(rest[0]) or {}
        entry = {"presence": entry} if isinstance(entry, str) else dict(entry)
        part = rest[1] if len(rest) > 1 else "presence"
        entry[part] = int(value) if part == "grade" else value if part == "presence" else value == "true"
        body["complications"] = {**kinds, rest[0]: entry}
    elif first == "chemotherapy_response":
        parts = as_parts(body.get("chemotherapy_response"))
        if rest[0] == "assessed_on":
            as_of = body.get("as_of") or "unknown"
            day = TODAY.isoformat() if as_of == "unknown" else as_of
            value = days_before(day, {"within_120_days": 120, "older": 121}[value])
        body[first] = {**parts, rest[0]: value}
    elif first in BANDS:
        body[first] = BANDS[first][value]
    elif first in FLAGS:
        body[first] = value == "true"
    elif first == "metastatic_sites":
        body[first] = [value]
    else:
        body[first] = value
    return body


def present(body):
    """Complications that the body states present, by word, list or presence."""
    stated = as_object(body.get("complications"))
    return [
        name
        for name, entry in stated.items()
        if (entry.get("presence") if isinstance(entry, dict) else entry) == "present"
    ]


# ---- bodies that are wrong -------------------------------------------------------------------------------------------

SENTINEL = "xyzzy4711"
"""Part of every faulty text value: an answer that contains it repeats what was refused."""


class Pairs(list):
    """An object that may state a key twice."""


def raw(value):
    """JSON text; a Pairs becomes an object with its keys as often as they stand in it."""
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{json.dumps(key)}: {raw(item)}" for key, item in value) + "}"
    if isinstance(value, dict):
        return raw(Pairs(value.items()))
    if isinstance(value, list):
        return "[" + ", ".join(map(raw, value)) + "]"
    return json.dumps(value)


faulty_values = st.one_of(
    st.sampled_from(
        [
            "", "5", "4.0", "true", "yes", "Present", "NONE", "odor", 3.7, -1, 0, 5, 10**30, 1e300, True, False, None,
            [], {}, [[]], [None], ["none"], [{}], {"presence": "present"}, {"presence": ["present"]}, {"grade": "4"},
            {"grade": 2.5}, {"": {}}, "2026-02-30", "2027-01-01", "0001-01-01", "not_responded", "MX",
            {"overall": {"overall": "CR"}}, {"bleeding": {"bleeding": "present"}}, {"_schema": 1}, {"pain": []},
            {"pain": {"grade": 0}},
        ]
    ),
    st.text(max_size=8).map(lambda text: SENTINEL + text),
    st.recursive(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
            st.text(max_size=5),
        ),
        lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.text(max_size=5), below, max_size=3)),
        max_leaves=8,
    ),
)  # fmt: skip
strange_names = st.one_of(
    st.sampled_from(
        [
            "",
            "_schema",
            "~/",
            "__proto__",
            "0",
            "bleeding",
            "odor",
            "tumor",
            "hemoglobin",
            "Complications",
            "presence",
            "a" * 100,
        ]
    ),
    st.text(max_size=8),
)


@st.composite
def corrupted(draw):
    """A body as Pairs, with unknown members, wrong types and repeated keys at the top and among the complications."""
    body = draw(st.one_of(patients(), sparse_bodies()))
    pairs = Pairs(body.items())
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.one_of(st.sampled_from(list(MEMBERS)), strange_names))
        value = draw(st.one_of(faulty_values, MEMBERS.get(name, faulty_values)))
        if draw(st.booleans()):
            pairs = Pairs((key, item) for key, item in pairs if key != name)
        pairs.insert(draw(st.integers(0, len(pairs))), (name, value))
    if draw(st.booleans()):
        inside = Pairs(as_object(draw(complications())).items())
        name = draw(st.one_of(st.sampled_from(list(TYPES)), strange_names))
        inside.append((name, draw(st.one_of(faulty_values, entries("pain")))))
        pairs.append(("complications", inside))
    return pairs


EMERGENCIES = [
    ("fever_within_6_weeks_of_chemotherapy", True),
    ("complications", {"sepsis_signs": "present"}),
    ("complications", ["sepsis_signs"]),
    ("complications", {"sepsis_signs": {"grade": 1}}),
    ("complications", {"sepsis_signs": {"presence": "absent", "grade": 4}}),
    ("complications", {"bleeding": {"grade": 4}}),
    ("complications", {"bleeding": {"presence": "absent", "grade": 4}}),
    ("complications", {"bleeding": {"presence": "unknown", "grade": 4}}),
    ("complications", {"bleeding": {"grade": "4"}}),
    ("complications", {"bleeding": {"grade": 4.0}}),
    ("complications", {"bleeding": {"haemodynamically_unstable": True}}),
    ("complications", {"bleeding": {"controlled_by_pressure": False}}),
    ("complications", {"bleeding": {"presence": "absent", "controlled_by_pressure": False}}),
    ("complications", {"ulceration": {"vessel_exposed": True}}),
    ("complications", {"ulceration": {"pleura_exposed": True}}),
    ("complications", {"fungation": {"vessel_exposed": True}}),
    ("complications", {"fungation": {"pleura_exposed": True}}),
    ("complications", {"chest_wall_necrosis": {"grade": 4}}),
    ("complications", {"chest_wall_necrosis": {"pleura_exposed": True}}),
    ("complications", {"infection": {"grade": 4}}),
    ("complications", {"infection": {"necrotising": True}}),
]
"""Every C4 criterion of D5.1, some of them in an entry that is contradictory, incomplete or of a tolerable type."""
