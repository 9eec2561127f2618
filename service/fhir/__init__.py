"""The EHR door's reading half: FHIR R4 resources, as plain dicts, become facts with their provenance."""
