"""HTTP: a blueprint for each resource, marshmallow schemas, problem+json. No decision is made here."""
