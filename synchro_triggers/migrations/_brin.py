"""The BRIN indexes of the changelog: PostgreSQL alone has them, and no model declares them."""

from __future__ import annotations

from typing import Any

_INDEXES = {"synchro_changelog_txid": "txid", "synchro_changelog_logged_at": "logged_at"}


def create_brin_indexes(apps: Any, schema_editor: Any) -> None:
    """Index what the window and the conflict look-up search by, at no measurable cost to the writer."""
    if schema_editor.connection.vendor == "postgresql":
        for name, column in _INDEXES.items():
            schema_editor.execute(
                f'CREATE INDEX "{name}" ON "synchro_changelog" USING brin ("{column}") '
                "WITH (autosummarize = on, pages_per_range = 32)"
            )


def drop_brin_indexes(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name in _INDEXES:
            schema_editor.execute(f'DROP INDEX IF EXISTS "{name}"')
