"""Nodes by the aliases that people know them by."""

from __future__ import annotations

from ...conf import LOCAL
from ...models import Run
from ...replay.on_record.listing import aliases_of_nodes

#: Of how many of the last runs is seen which node was behind which alias.
_RUNS = 50


def names_of_nodes(alias: str) -> dict[str, str]:
    """Return aliases by the identities of nodes: of those that LOCAL has sent something to, or fetched from lately."""
    runs = Run._base_manager.using(LOCAL).order_by("-pk").values_list("remote_node", "remote")[:_RUNS]
    return {**{node: name for node, name in reversed(runs) if node}, **aliases_of_nodes(alias)}
