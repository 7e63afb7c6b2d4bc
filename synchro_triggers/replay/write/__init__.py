"""Doing it: writers, what receivers do beside, values that must be unique."""
