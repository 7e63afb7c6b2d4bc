"""What models are called by now whose names are on record since before a migration, as the code's migrations tell."""

from __future__ import annotations

from django.db.migrations.loader import MigrationLoader

from .label_renames import label_renames
from .migrating import follow_renames


def label_now(label: str) -> str:
    """Return a model's label after all migrations that the code has; the same one, where none renames the model.

    Example:
        >>> label_now("shop.Order")  # a migration has ``RenameModel("Order", "Purchase")``
        'shop.Purchase'
    """
    app_label = label.partition(".")[0]
    graph = MigrationLoader(None).graph
    keys = [key for leaf in graph.leaf_nodes(app_label) for key in graph.forwards_plan(leaf) if key[0] == app_label]
    return follow_renames(label, label_renames([(graph.nodes[key], False) for key in dict.fromkeys(keys)]))
