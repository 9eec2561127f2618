"""The question answered: facts become Advice, one plain value from which every rendering is made."""
