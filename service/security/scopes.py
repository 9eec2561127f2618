"""What a caller can be allowed to do."""

ADVICE = "advice"
CDS = "cds"
FEEDBACK = "feedback"
METRICS = "metrics"
SCOPES = (ADVICE, CDS, FEEDBACK, METRICS)

TOKEN_DEFAULT = (CDS,)
"""What a client may do whose entry names no scopes: what EHRs send tokens for, and nothing beside it."""
