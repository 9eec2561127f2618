"""Effects of studies: numbers, lint, pools, applicability, forest plot. It knows no oncology and no YAML."""
