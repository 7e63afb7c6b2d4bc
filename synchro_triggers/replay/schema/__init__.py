"""What a model is: its key, its relations, its links, and who observes it."""
