"""The facts of one patient: read from a body, brought into normal form, encoded as a decision_id."""
