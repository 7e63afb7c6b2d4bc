"""Which labels of models a plan of migrations changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.migrations import Migration
from django.db.migrations.operations import RenameField, RenameModel, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

Plan = list[tuple[Migration, bool]]


def label_renames(plan: Plan) -> list[tuple[str, str]]:
    """Return the labels that a plan changes, old and new, in the order of the plan."""
    renames = []
    for migration, backwards in plan:
        operations = list(_flat(migration.operations))
        for operation in reversed(operations) if backwards else operations:
            pair = _renamed_by(operation, migration.app_label)
            if pair is not None:
                renames.append((pair[1], pair[0]) if backwards else pair)
    return renames


def _flat(operations: Iterable[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _flat(operation.state_operations)
        else:
            yield operation


def _renamed_by(operation: Operation, app_label: str) -> tuple[str, str] | None:
    if isinstance(operation, RenameModel):
        return f"{app_label}.{operation.old_name}", f"{app_label}.{operation.new_name}"
    if isinstance(operation, RenameField):  # of a many-to-many field: the automatic table's label
        model = operation.model_name
        return f"{app_label}.{model}_{operation.old_name}", f"{app_label}.{model}_{operation.new_name}"
    return None
