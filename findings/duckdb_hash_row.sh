#!/usr/bin/env bash
# Software: duckdb 2.0.0 (PyPI), read_csv with its detection of the dialect.
# Expected: CSV (RFC 4180) has no comments, and nothing in this file asks for them: four lines are a header and three
#   patients.
# Seen: two patients. Beside ids that are whole numbers, one that begins with # makes the detection choose # as the sign
#   of a comment, because then every id is a number. No error, no warning, and the patient with metastases is gone.
# What to do: read cohorts with auto_detect=false, or at least comment='', and compare the rows with the lines.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0
printf 'id,metastatic_status\n1,M0\n#2,M1\n3,M0\n' >patients.csv
cat >run.py <<'PY'
import duckdb

print("detected:", duckdb.sql("SELECT * FROM read_csv('patients.csv')").fetchall())
print("comment='':", duckdb.sql("SELECT * FROM read_csv('patients.csv', comment='')").fetchall())
PY
venv/bin/python run.py | tee seen
diff - seen <<'SEEN'
detected: [(1, 'M0'), (3, 'M0')]
comment='': [('1', 'M0'), ('#2', 'M1'), ('3', 'M0')]
SEEN
echo "as stated"
