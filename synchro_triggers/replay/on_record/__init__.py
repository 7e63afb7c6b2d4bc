"""Conflicts that are on record: shown, forgotten, and decided otherwise afterwards."""
