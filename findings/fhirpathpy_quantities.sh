#!/usr/bin/env bash
# Software: fhirpathpy 2.2.4 (PyPI) beside fhirpath 5.2.2 (npm): FHIRPath in Python and in JavaScript.
# Expected: FHIRPath compares quantities by what they measure: 10 mg = 10000 ug is true, and an engine that cannot
#   convert answers with nothing, which means unknown.
# Seen: fhirpathpy answers false for UCUM units, even where only a prefix differs. Calendar units (1 year = 12 months)
#   it does convert. fhirpath.js answers true for all of them. So one invariant or filter keeps other patients in Python
#   than in JavaScript: platelets in 10*3/uL are not equal to the same number in 10*9/L.
# What to do: bring quantities to one unit before FHIRPath, and never read its false as "these differ".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fhirpathpy==2.2.4
npm init -y >/dev/null
npm install --silent --no-audit --no-fund fhirpath@5.2.2
cat >expressions.json <<'JSON'
["10 'mg' = 10000 'ug'", "150 '10*3/uL' = 150 '10*9/L'", "1 year = 12 months"]
JSON
cat >run.py <<'PY'
import json
from fhirpathpy import evaluate

for expression in json.load(open("expressions.json")):
    print("python:", expression, "->", json.dumps(evaluate({}, expression, {})))
PY
cat >run.js <<'JS'
const fhirpath = require('fhirpath');
for (const expression of require('./expressions.json'))
  console.log('javascript:', expression, '->', JSON.stringify(fhirpath.evaluate({}, expression)));
JS
{ venv/bin/python run.py; node run.js; } | tee seen
diff - seen <<'SEEN'
python: 10 'mg' = 10000 'ug' -> [false]
python: 150 '10*3/uL' = 150 '10*9/L' -> [false]
python: 1 year = 12 months -> [true]
javascript: 10 'mg' = 10000 'ug' -> [true]
javascript: 150 '10*3/uL' = 150 '10*9/L' -> [true]
javascript: 1 year = 12 months -> [true]
SEEN
echo "as stated"
