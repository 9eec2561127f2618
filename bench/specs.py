"""All rows, in the order of the issue."""

from bench import ehr_rows, engine_rows, guideline_rows, http_rows, process_rows

SPECS = {
    spec.name: spec
    for module in (http_rows, guideline_rows, ehr_rows, engine_rows, process_rows)
    for spec in module.SPECS
}
