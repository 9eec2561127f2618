#!/usr/bin/env bash
# Software: fhirclient 4.4.0 (PyPI), the SMART on FHIR client for Python.
# Expected: a FHIR date may be a year or a month, and stands for all its days. A reader keeps the precision in the value, or
#   refuses to give a day.
# Seen: the value is the first moment of the period, as a datetime. A cancer of "2026" is equal to one of
#   1 January 2026 and older than one of 2 January 2026; whether metastases were there at diagnosis then hangs on a day
#   that nobody wrote. Only as_json() still knows the precision.
# What to do: take the text (as_json) and compare periods; take .date only where its text has ten characters or more.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fhirclient==4.4.0
cat >run.py <<'PY'
from fhirclient.models.condition import Condition


def onset(text):
    body = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}, "onsetDateTime": text}
    return Condition(body).onsetDateTime


for text in ("2026", "2026-03", "2026-03-01"):
    print(text, "->", onset(text).date.isoformat(), "| as_json", onset(text).as_json())
print("2026 is the same day as 2026-01-01:", onset("2026").date == onset("2026-01-01").date)
print("2026 is before 2026-01-02:", onset("2026").date < onset("2026-01-02").date)
PY
venv/bin/python run.py | tee seen
diff - seen <<'SEEN'
2026 -> 2026-01-01T00:00:00 | as_json 2026
2026-03 -> 2026-03-01T00:00:00 | as_json 2026-03
2026-03-01 -> 2026-03-01T00:00:00 | as_json 2026-03-01
2026 is the same day as 2026-01-01: True
2026 is before 2026-01-02: True
SEEN
echo "as stated"
