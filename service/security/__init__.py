"""Who may call: keys and tokens, what they may ask for, and from which pages. Handed in by `create_app`."""
