"""Patients of an imagined registry as rows of cells, seeded: mostly coherent, some contradictory, some faulty.

The words are typed from the contract, as in tests/strategies.py.
"""

import json
import random
from collections.abc import Iterator

from tests.strategies import FLAGS, M0_WORDS, METHODS, SITES, THERAPIES, TYPES

RESPONSES = ["CR", "PR", "SD", "PD", "NON_CR_NON_PD", "NE", "not_started", "responded", "partial_response", "unknown"]
COLUMNS = [
    "metastatic_status", "presentation",
    *(f"chemotherapy_response.{part}" for part in ("overall", "primary", "distant", "assessed_on", "method")),
    "complications",
    *(f"complications.{kind}{part}" for kind, of in TYPES.items() for part in ("", ".grade", *(f".{f}" for f in of))),
    "primary_tumour", "metastatic_extent", "metastatic_sites", "lesion_count", "all_sites_ablatable",
    "systemic_therapy", "fever_within_6_weeks_of_chemotherapy", "platelets_10e9_per_l", "haemoglobin_g_per_dl",
    "anticoagulated", "age_years", "ecog", "sex", "er_status", "pr_status", "her2_status", "menopausal_status",
    "patient_preference", "pregnant", "inflammatory", "prior_chest_radiotherapy", "closure_possible",
    "visceral_crisis", "anti_angiogenic_therapy", "life_expectancy_under_1_year", "brain_metastases", "as_of",
    "metastasis_proof", "systemic_options", "last_weeks_of_life", "tumour_in_wound", "fever_now", "fever_in_record",
    "all_metastases_treated",
]  # fmt: skip
FAULTY = [
    "Positive",
    "5",
    "4.0",
    "yes",
    "MX",
    "not_responded",
    "-1",
    "1e3",
    "2026-02-30",
    "none",
    "bone;hat",
    "  ",
    "M1 ",
    "7.5",
    "[]",
    '"',
    "a,b",
]
RARE = ("fever_within_6_weeks_of_chemotherapy", "fever_now", "pregnant", "last_weeks_of_life")
OF_M1 = ("brain_metastases", "visceral_crisis", "all_metastases_treated")
"""Flags that contradict M0."""
Row = dict[str, str]


def patients(number: int, seed: int, *, faulty: float = 0.002, free: float = 0.01) -> Iterator[Row]:
    """Rows of cells; what is not stated is left out. `faulty` of them have a cell that cannot be read, `free` of them
    cells that know nothing of each other."""
    dice = random.Random(seed)
    for _ in range(number):
        row = _free(dice) if dice.random() < free else _coherent(dice)
        if dice.random() < faulty:
            row[dice.choice(COLUMNS)] = dice.choice(FAULTY)
        yield row


def day(dice: random.Random, first: int = 1) -> str:
    """A day of 2026, often close to the edges of the bands."""
    return f"2026-{dice.randint(first, 11):02}-{dice.randint(1, 28):02}"


def _coherent(dice: random.Random) -> Row:  # noqa: C901, PLR0912 - one branch a column
    chance, pick = dice.random, dice.choice
    row: Row = {}
    metastatic = chance() < 0.9
    row["metastatic_status"] = (
        pick(["M1", "cM1", "pM1", "metastatic", "de_novo_metastatic", "unknown"]) if metastatic else pick(M0_WORDS)
    )
    if metastatic:
        if row["metastatic_status"] != "de_novo_metastatic" and chance() < 0.8:
            row["presentation"] = pick(["de_novo", "de_novo", "recurrent", "unknown"])
        if chance() < 0.6:
            row["metastatic_extent"] = pick(["polymetastatic", "bone_only", "oligometastatic", "unknown"])
        if chance() < 0.5:
            row["lesion_count"] = str(dice.randint(1, 9))
        if chance() < 0.5:
            row["metastatic_sites"] = ";".join(dice.sample(SITES, dice.randint(1, 3)))
        if chance() < 0.2:
            row["all_sites_ablatable"] = pick(["true", "false"])
        if chance() < 0.4:
            row["metastasis_proof"] = pick(["histology", "imaging_only", "unknown"])
    for part, share in (("overall", 0.7), ("primary", 0.4), ("distant", 0.3 if metastatic else 0)):
        if chance() < share:
            row[f"chemotherapy_response.{part}"] = pick(RESPONSES)
    if chance() < 0.4:
        row["chemotherapy_response.assessed_on"] = day(dice)
        row["chemotherapy_response.method"] = pick(METHODS)
    row |= _complications(dice)
    if chance() < 0.85:
        row["primary_tumour"] = pick(["in_situ", "in_situ", "resected", "not_found"])
    if chance() < 0.3 and "not_started" not in row.values():
        row["systemic_therapy"] = pick(THERAPIES)
    row["age_years"] = str(dice.randint(25, 90))
    row["sex"] = pick(["female"] * 30 + ["male"])
    for name, values, share in (
        ("ecog", "01234", 0.8), ("platelets_10e9_per_l", ["30", "49.9", "50", "180", "250.5"], 0.5),
        ("haemoglobin_g_per_dl", ["7", "7.9", "8", "10.5", "12", "14"], 0.5),
        ("er_status", ["positive", "low_positive", "negative"], 0.9), ("pr_status", ["positive", "negative"], 0.9),
        ("her2_status", ["positive", "low", "negative"], 0.9),
        ("menopausal_status", ["premenopausal", "postmenopausal"], 0.7),
        ("patient_preference", ["requests_local_treatment", "declines_local_treatment", "undecided"], 0.2),
        ("as_of", ["2026-11-01", "2026-11-23"], 0.1),
        ("systemic_options", ["available", "available", "declined", "none_left"], 0.2),
    ):  # fmt: skip
        if chance() < share:
            row[name] = pick(values)
    for name in FLAGS:
        if name != "all_sites_ablatable" and chance() < 0.4:
            share = 0.01 if name in RARE else 0.2
            row[name] = "true" if chance() < share and (metastatic or name not in OF_M1) else "false"
    return row


def _complications(dice: random.Random) -> Row:
    chance, pick = dice.random, dice.choice
    form = chance()
    if form < 0.4:
        return {"complications": "none"}
    if form < 0.5:
        return {"complications": ";".join(dice.sample(list(TYPES)[:5] + list(TYPES)[6:], dice.randint(1, 2)))}
    if form < 0.53:
        return {"complications": pick(["unknown", "[]"])}
    row: Row = {"complications": "none"} if form < 0.55 else {}
    for kind, flags in TYPES.items():
        path, present = f"complications.{kind}", chance() < (0.02 if kind == "sepsis_signs" else 0.08)
        if chance() < 0.8 and "complications" not in row:
            row[path] = "present" if present else "absent"
        if present and chance() < 0.7:
            row[f"{path}.grade"] = pick(["1", "1", "2", "2", "3", "4"])
            for flag in flags:
                if chance() < 0.5:
                    row[f"{path}.{flag}"] = pick(["false", "false", "false", "true"])
    return row


def _free(dice: random.Random) -> Row:
    """Cells that know nothing of each other."""
    words = {
        "metastatic_status": [*M0_WORDS, "M1", "pM1", "recurrent_metastatic", "de_novo_metastatic", "unknown"],
        "metastasis_proof": ["histology", "imaging_only", "unknown"],
        "systemic_options": ["available", "declined", "none_left", "unknown"],
        "presentation": ["de_novo", "recurrent", "synchronous", "unknown"],
        "complications": ["none", "unknown", "[]", "pain;odour", "bleeding"],
        "primary_tumour": ["in_situ", "resected", "not_found", "unknown"],
        "metastatic_extent": ["polymetastatic", "bone_only", "oligometastatic", "unknown"],
        "metastatic_sites": ["bone", "brain;bone", "bone;bone", "unknown", "[]", ";".join(SITES)],
        "systemic_therapy": THERAPIES,
        "chemotherapy_response.method": METHODS,
        "sex": ["female", "male", "other"],
        "er_status": ["positive", "negative"], "pr_status": ["positive", "negative"],
        "her2_status": ["positive", "low", "negative"], "menopausal_status": ["premenopausal", "perimenopausal"],
        "patient_preference": ["undecided", "requests_local_treatment"],
    }  # fmt: skip
    row: Row = {}
    for column in COLUMNS:
        last = column.rpartition(".")[2]
        if dice.random() < 0.6:
            continue
        if column in words:
            row[column] = dice.choice(words[column])
        elif last in ("assessed_on", "as_of"):
            row[column] = dice.choice(["2026-11-23", "2026-11-24", "2026-11-25", "2026-07-26", "2026-07-25", day(dice)])
        elif last in ("overall", "primary", "distant"):
            row[column] = dice.choice([*RESPONSES, "pCR"])
        elif last == "grade":
            row[column] = dice.choice(["0", "1", "2", "3", "4", "5", "2.0", "unknown"])
        elif last in TYPES:
            row[column] = dice.choice(["present", "absent", "absent", "unknown"])
        elif last in ("lesion_count", "ecog", "age_years"):
            row[column] = dice.choice(["0", "1", "2", "4", "5", "17", "18", "54", "55", "65", "66", "62.0", "999"])
        elif column in ("platelets_10e9_per_l", "haemoglobin_g_per_dl"):
            row[column] = dice.choice(["2", "7.9", "8", "8.0", "25", "49.9", "50", "2000", "2001"])
        else:
            row[column] = dice.choice(["true", "false", "True", "FALSE", "unknown"])
    return row


def body(row: Row) -> dict[str, object]:
    """The request that says the same, written down by the rules of docs/cohort.md and without the code under test."""
    made: dict[str, object] = {}
    for column, cell in row.items():
        *above, last = column.split(".")
        if column == "complications":
            continue
        place = made
        for name in above:
            inside = place.setdefault(name, {})
            place = place.setdefault(name, {}) if isinstance(inside, dict) else inside
        if column.startswith("complications.") and len(above) == 1:
            place.setdefault(last, {})["presence"] = cell
        else:
            place[last] = _json(column, last, cell)
    if "complications" in row:
        made["complications"] = _all_complications(row["complications"], made.get("complications"))
    return made


def _json(column: str, last: str, cell: str) -> object:
    if column == "metastatic_sites" and cell != "unknown":
        return [] if cell == "[]" else cell.split(";")
    numbers = ("age_years", "ecog", "lesion_count", "grade", "platelets_10e9_per_l", "haemoglobin_g_per_dl")
    if last in numbers:
        try:
            number = float(cell) if "e" not in cell and cell.strip() == cell else None
        except ValueError:
            return cell
        if number is None:
            return cell
        return int(number) if number == int(number) else number
    if last in FLAGS or any(last in flags for flags in TYPES.values()):
        return (
            {"true": True, "false": False}.get(cell.lower(), cell)
            if cell in ("true", "True", "TRUE", "false", "False", "FALSE")
            else cell
        )
    return cell


class Twice(list):
    """Values of a key that stands more than once."""


def _all_complications(cell: str, parts: dict | None) -> object:
    whole = cell if cell in ("none", "unknown") else [] if cell == "[]" else cell.split(";")
    if parts is None:
        return whole
    if whole == "unknown":
        return parts
    if whole != "none" and any(name not in TYPES for name in whole):
        return Twice([whole, parts])
    presence = "absent" if whole == "none" else "present"
    for name in TYPES if whole == "none" else dict.fromkeys(whole):
        entry = parts.setdefault(name, {})
        entry["presence"] = Twice([presence, entry["presence"]]) if "presence" in entry else presence
    return parts


def text(value: object) -> str:
    """JSON, in which a key may stand twice."""
    if isinstance(value, dict):
        pairs = [(key, one) for key, item in value.items() for one in (item if isinstance(item, Twice) else [item])]
        return "{" + ", ".join(f"{json.dumps(key)}: {text(item)}" for key, item in pairs) + "}"
    return json.dumps(value)
