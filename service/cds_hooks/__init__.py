"""CDS Hooks: requests, prefetched data, the call back to a FHIR server, cards, feedback."""
