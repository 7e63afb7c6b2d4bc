"""Figures for monitoring, read from the databases, so that every process that is asked tells the same."""
