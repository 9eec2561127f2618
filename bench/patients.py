"""Patients of a tumour board, invented from a fixed seed: none refused, none an emergency, all different.

The mix: nine in ten have M1 stated as such; seven in ten de novo; the primary mostly in situ; every category of
response, one in five as its parts; six in ten without complications, the others with one to three of them; each
modifier is known of about half of the patients.
"""

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from bench.today import TODAY
from service.advice.decision import contradictions, decide
from service.facts.identifier import Encoder
from service.facts.normal_form import normal_form
from service.facts.schema import request_schema
from service.knowledge.guideline import Guideline

SEED = 20261123
README = {
    "metastatic_status": "M1",
    "presentation": "de_novo",
    "metastatic_extent": "polymetastatic",
    "primary_tumour": "in_situ",
    "chemotherapy_response": "PR",
    "complications": "none",
}
"""The patient of the README: that of the Tata Memorial trial."""
CATEGORIES = ("CR", "PR", "SD", "PD")
CHOICES: dict[str, tuple[Any, ...]] = {
    "sex": ("female",) * 20 + ("male",),
    "er_status": ("positive", "positive", "low_positive", "negative"),
    "pr_status": ("positive", "low_positive", "negative"),
    "her2_status": ("positive", "low", "negative"),
    "menopausal_status": ("premenopausal", "perimenopausal", "postmenopausal"),
    "patient_preference": ("requests_local_treatment", "declines_local_treatment", "undecided"),
    "ecog": (0, 0, 1, 1, 1, 2, 3),
    "age_years": tuple(range(28, 90)),
    "platelets_10e9_per_l": (38, 90, 160, 240.5, 310),
    "haemoglobin_g_per_dl": (7.4, 9.1, 11, 12.6, 13.4),
    "systemic_therapy": ("chemotherapy", "chemo_plus_anti_her2", "endocrine", "endocrine_plus_cdk46"),
    "lesion_count": (1, 2, 3, 5, 8, 20),
    "all_sites_ablatable": (True, False),
    "anticoagulated": (True, False),
    "closure_possible": (True, False),
    "inflammatory": (True, False, False),
    "prior_chest_radiotherapy": (True, False, False),
    "visceral_crisis": (False, False, True),
    "anti_angiogenic_therapy": (True, False),
    "life_expectancy_under_1_year": (True, False),
}
COMPLICATIONS = {
    "bleeding": ("controlled_by_pressure",),
    "ulceration": (),
    "fungation": (),
    "infection": (),
    "pain": ("controlled",),
    "odour": (),
    "lymphoedema": (),
    "chest_wall_invasion": ("symptomatic",),
}


class Patient(NamedTuple):
    """A patient as a body, and as the point that the engine is asked with."""

    body: bytes
    point: dict[str, str]


def patients(guideline: Guideline, seed: int = SEED) -> Iterator[Patient]:
    """Without end; each has another decision_id."""
    drawn = random.Random(seed)
    schema, encoder = request_schema(guideline.vocabulary), Encoder(guideline.vocabulary)
    seen = set()
    while True:
        facts = _facts(drawn)
        point = normal_form(guideline.vocabulary, schema.load(facts), TODAY)
        name, decision = encoder.encode(point), decide(guideline, point)
        if name not in seen and not decision.emergency and not contradictions(decision):
            seen.add(name)
            yield Patient(json.dumps(facts).encode(), point)


def _facts(drawn: random.Random) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "metastatic_status": drawn.choice(("M1",) * 8 + ("cM1", "pM1")),
        "presentation": drawn.choice(("de_novo",) * 7 + ("recurrent", "recurrent", "unknown")),
        "metastatic_extent": drawn.choice(("polymetastatic", "polymetastatic", "oligometastatic", "bone_only")),
        "primary_tumour": drawn.choice(("in_situ",) * 9 + ("unknown",)),
        "chemotherapy_response": _response(drawn),
        "complications": _complications(drawn),
    }
    facts |= {name: drawn.choice(values) for name, values in CHOICES.items() if drawn.random() < 0.5}  # noqa: PLR2004
    return facts


def _response(drawn: random.Random) -> Any:
    if drawn.random() < 0.8:  # noqa: PLR2004 - the mix is said above
        return drawn.choice(CATEGORIES)
    parts = {"primary": drawn.choice(CATEGORIES), "distant": drawn.choice(CATEGORIES)}
    return parts | {"assessed_on": TODAY.isoformat(), "method": drawn.choice(("ct", "mri", "pet_ct"))}


def _complications(drawn: random.Random) -> Any:
    if drawn.random() < 0.6:  # noqa: PLR2004
        return "none"
    found: dict[str, Any] = {}
    for name in drawn.sample(sorted(COMPLICATIONS), drawn.randint(1, 3)):
        entry: dict[str, Any] = {"presence": "present", "grade": drawn.randint(1, 3)}
        found[name] = entry | {flag: drawn.choice((True, False)) for flag in COMPLICATIONS[name]}
    return found
