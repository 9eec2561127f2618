"""The resolvers: each reads one kind of fact as extraction.yaml says, and gives a Resolution of its own."""
