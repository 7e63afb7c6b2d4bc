"""django-treenode (tried with 0.25): trees whose rows hold the keys of all their relatives, as text."""

from . import Known

#: Computed anew from the parents by its receivers, on each side with its own keys.
_COMPUTED = (
    "tn_ancestors_count",
    "tn_ancestors_pks",
    "tn_children_count",
    "tn_children_pks",
    "tn_depth",
    "tn_descendants_count",
    "tn_descendants_pks",
    "tn_index",
    "tn_level",
    "tn_order",
    "tn_siblings_count",
    "tn_siblings_pks",
)

KNOWN = Known(
    "treenode",
    "Where a place is in its tree, and the keys of its relatives, are computed by each side from the parents.",
    options={"treenode.models.TreeNodeModel": {"skip": _COMPUTED}},
)
