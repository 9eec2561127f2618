"""Numbers of the evidence: effect sizes, pooling, lint. Standard library only; knows no oncology and no YAML."""
