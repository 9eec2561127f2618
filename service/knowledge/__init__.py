"""Content becomes checked, immutable guideline objects: several releases side by side, each with its digest."""
