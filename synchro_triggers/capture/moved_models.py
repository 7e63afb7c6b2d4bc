"""Models that a deployment has moved to another app while their tables stay: ``SeparateDatabaseAndState``.

No operation says so. One app's state loses a model, another one's gets it, in two migrations or two plans. What
tells is the table: the state before the plan knows it under a label that the code has no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.apps import apps
from django.apps.registry import Apps
from django.db.migrations import Migration
from django.db.migrations.operations import AlterModelTable, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation


def moved_labels(before: Apps, plan: Iterable[tuple[Migration, bool]]) -> list[tuple[str, str]]:
    """Return labels that the code has no more, with those that their tables have there now.

    Args:
        before: the models as the migrations had left them before the plan.
        plan: what is going to be applied; it may give tables other names.
    """
    names = dict(_table_names(plan))
    labels = {model._meta.db_table: model._meta.label for model in apps.get_models()}
    moved = []
    for model in before.get_models():
        now = labels.get(names.get(model._meta.label_lower, model._meta.db_table))
        if now is not None and now.partition(".")[0] != model._meta.app_label and not _has_model(model._meta.label):
            moved.append((model._meta.label, now))
    return moved


def _has_model(label: str) -> bool:
    return any(model._meta.label == label for model in apps.get_models())


def _table_names(plan: Iterable[tuple[Migration, bool]]) -> Iterator[tuple[str, str]]:
    for migration, backwards in plan:
        for operation in _all(migration.operations) if not backwards else ():
            if isinstance(operation, AlterModelTable) and operation.table:
                yield f"{migration.app_label}.{operation.name}".lower(), operation.table


def _all(operations: Iterable[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _all(operation.database_operations)
            yield from _all(operation.state_operations)
        else:
            yield operation
