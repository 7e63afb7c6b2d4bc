"""Which object of LOCAL is which row of a remote: the answer that a run would find, for whoever asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Model

from ..capture.own_tables import require_own_tables
from ..conf import get_settings, local_alias, required_remotes
from ..exceptions import ObjectNotApplied, SynchroConfigurationError
from ..reaching import clear_errors
from .identity.matching import Matching
from .identity.references import Identity
from .rows.local_rows import load_instances
from .rows.other_spellings import OtherSpellings
from .rows.utc import times_in_utc
from .schema.shape import concrete_of, shape_of
from .state.node import require_two_nodes


def counterparts(model: type[Model], keys: Iterable[Any], remote: str | None = None) -> dict[Any, Any]:
    """See ``synchro_triggers.counterparts``, which this is."""
    remotes = required_remotes(remote)
    if len(remotes) != 1:
        raise SynchroConfigurationError(
            f"counterparts() speaks of one remote, and SYNCHRO_REMOTE names {', '.join(map(repr, remotes))}: say which."
        )
    [alias] = remotes
    with clear_errors(local_alias(), alias), times_in_utc(local_alias(), alias):
        return counterparts_on(alias, model, keys)


def counterparts_on(alias: str, model: type[Model], keys: Iterable[Any]) -> dict[Any, Any]:
    """Return the same for the remote that is replayed on just now; times are read in UTC."""
    shape = shape_of(concrete_of(model))
    wanted = list(dict.fromkeys(keys))
    require_own_tables(alias)
    identity = Identity(alias, *require_two_nodes(alias), get_settings().identity)
    identity.load(shape.root, wanted)
    found = {key: identity.known(shape.root, key) for key in wanted}
    instances = load_instances(shape.model, [key for key, there in found.items() if there is None])
    matching = Matching(identity, OtherSpellings(alias))
    for key, instance in instances.items():
        found[key] = _match(matching, instance)
    return {key: there for key, there in found.items() if there is not None}


def _match(matching: Matching, instance: Model) -> Any:
    try:
        return matching.match(shape_of(type(instance)), instance)
    except ObjectNotApplied:  # several rows have its natural key: nobody can tell which one it is
        return None
