"""Many patients at once: a guideline compiled to relations, joined by a columnar engine, file by file."""
