#!/usr/bin/env bash
# Software: @lhncbc/ucum-lhc 7.1.10 (npm), the UCUM validator of many FHIR tools.
# Expected: laboratories write K/uL (thousands per microlitre), G/L (giga per litre), C and F (degrees). A validator
#   refuses what is no UCUM, so a unit that passes can be compared with 10*9/L or with Cel.
# Seen: all four pass, as other quantities: kelvin per microlitre, gauss per litre, coulomb and farad. That is right by
#   UCUM, so the validator is not to blame. Only a conversion shows it, because it fails.
# What to do: check the kind of quantity (convert to 10*9/L or Cel), not only that the unit is valid.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @lhncbc/ucum-lhc@7.1.10
cat >run.js <<'JS'
const ucum = require('@lhncbc/ucum-lhc').UcumLhcUtils.getInstance();
for (const [unit, wanted] of [['K/uL', '10*9/L'], ['G/L', '10*9/L'], ['C', 'Cel'], ['F', 'Cel'], ['10*3/uL', '10*9/L']]) {
  const checked = ucum.validateUnitString(unit);
  const converted = ucum.convertUnitTo(unit, 38, wanted);
  console.log(`${unit}: ${checked.status} (${checked.unit.name}); to ${wanted}: ${converted.status}`);
}
JS
node run.js | tee seen
diff - seen <<'SEEN'
K/uL: valid ([degree Kelvin]/microliter); to 10*9/L: failed
G/L: valid (Gauss/Liters); to 10*9/L: failed
C: valid (coulomb); to Cel: failed
F: valid (farad); to Cel: failed
10*3/uL: valid (thousand per microliter); to 10*9/L: succeeded
SEEN
echo "as stated"
