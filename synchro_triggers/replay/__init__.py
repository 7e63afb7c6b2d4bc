"""Replay: the changelog of the LOCAL database is applied to a remote alias through the ORM."""
