"""What was worked out once, kept near (in the process) and shared (in Redis): never trusted, never needed."""
