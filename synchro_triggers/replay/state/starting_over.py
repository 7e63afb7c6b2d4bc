"""Starting over: setting what remotes have received, forgetting what is pending, and saying what LOCAL is.

Whoever does so has the leases of LOCAL's runs: what a run writes as it goes would overwrite it.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import MappingProxyType

from django.db import connections, transaction
from django.utils import timezone

from ...capture.install import require_capture
from ...capture.own_tables import require_own_tables
from ...conf import get_settings, local_alias, replaying_from
from ...exceptions import Refused, SynchroConfigurationError
from ...models import Arrival, ChangeLog, Checkpoint, Failure, Introduction, Knowledge, Reference
from ...vendors.vendor import writing_on
from ..log.history import fingerprint
from ..log.own_windows import close_window, last_number, number_anew
from ..log.vendor import log_of
from ..log.window import current_position, delete_received
from .account import not_passed, peers
from .checkpoint import load_checkpoint
from .knowing import read_knowledge
from .knowledge import are_windows_numbered
from .lease import Lease
from .moved import forget_lost_objects, moved_along
from .node import (
    count_anew,
    has_same_history,
    is_elsewhere,
    node_id,
    require_original,
    require_two_databases,
    set_identity,
)
from .younger import LostTime


def read_last_check() -> datetime.datetime | None:
    """Return the time of the last run (or what it was set to); ``None``: never."""
    alias = _receiving_alias()
    require_own_tables(alias)
    return (
        Checkpoint.objects.using(alias)
        .filter(source=node_id(local_alias()))
        .values_list("last_check", flat=True)
        .first()
    )


def write_last_check(value: datetime.datetime) -> None:
    """Make the next run take exactly what was logged after ``value``.

    Raises:
        TypeError: ``value`` is no datetime.
        RunUnderWay: a run is, which sets the time when it ends.
    """
    if not isinstance(value, datetime.datetime):
        raise TypeError(f"options.last_check must be a datetime, not {value!r}.")
    alias = _receiving_alias()
    require_own_tables(alias)
    aware = timezone.make_aware(value) if timezone.is_naive(value) else value
    if aware >= datetime.datetime.now(datetime.UTC):
        fields: dict[str, object] = {"position": current_position(local_alias()), "since": None}
    else:
        fields = {"position": "", "since": aware}
    source = node_id(local_alias())
    with _no_run([alias], source):
        _set(alias, source, last_check=aware, **fields)


def reset_synchro(
    remote: str | None = None, *, new_identity: bool = False, progress: Callable[[int, int], None] | None = None
) -> None:
    """Forget all pending changes, on every remote: as if both sides had just been made equal by hand.

    Deletes the changelog of LOCAL and, on the remotes, the references and failures of LOCAL; sets the
    checkpoints to now. As django-synchro does: it is what an office needs that has imported the main
    database anew, whose primary keys mean other objects than before.

    Args:
        remote: start over with this one alone. The others go on as before, so the log must hold nothing that they
            have not received: what it has seen being made would be new to the one that has forgotten it.
        new_identity: LOCAL is a copy of a database that is still in use, and becomes a node of its own.
        progress: called with the number of databases that are done and of all.

    Raises:
        SynchroError: this package's tables are missing somewhere, or LOCAL is a copy and it was not said what
            it is; nothing is changed then.
        SynchroConfigurationError: nothing is captured on LOCAL's vendor, or there is no such remote.
        Refused: another one than ``remote`` needs LOCAL's log; nothing is changed then.
        RunUnderWay: a run of LOCAL is; nothing is changed then, either. Or one to a remote has begun since, as another
            remote has taken longer than a lease lasts: those before it are reset then, it and LOCAL's log are not.
    """
    require_capture(local_alias())
    aliases = _receiving_aliases()
    if remote is not None and remote not in get_settings().remotes:
        raise SynchroConfigurationError(f"{remote!r} is none of the remotes that SYNCHRO_REMOTE names.")
    if new_identity:  # runs of the original have nothing to do with it
        _start_over(aliases, current_position(local_alias()), new_identity=True, progress=progress)
        return
    require_original(local_alias())
    with _no_run(aliases, node_id(local_alias())) as leases:
        position = current_position(local_alias())
        if remote is not None and len(aliases) > 1:
            _require_log_is_not_needed(aliases, remote, position)
            aliases = (remote,)
        _start_over(aliases, position, new_identity=False, progress=progress, leases=leases)


def _require_log_is_not_needed(aliases: Sequence[str], remote: str, position: str) -> None:
    """Refuse to start over with one remote where others have not passed all of the log.

    Raises:
        Refused: one has not, or all share what LOCAL's users have added to counters.
    """
    if get_settings().counters:
        raise Refused(
            f"{remote!r} cannot start over alone where models have counters (SYNCHRO_OPTIONS): what was added here is "
            "counted anew then, for every remote. Nothing was changed. Reset all of them, without naming one."
        )
    waiting = {
        peer.name: rows
        for peer in peers(met=aliases)
        if peer.node != node_id(remote) and (rows := not_passed(peer, position))
    }
    if waiting:
        told = ", ".join(f"{name!r} still waits for {rows:,}" for name, rows in waiting.items())
        raise Refused(
            f"{remote!r} cannot start over alone: the changes that wait are in a log that all share ({told}). Nothing "
            "was changed. Synchronise those first, or reset all, without naming one."
        )


@contextmanager
def _no_run(aliases: Iterable[str], source: str) -> Iterator[Mapping[str, Lease]]:
    """Have the leases of all runs of a source in the block.

    Yields:
        The leases, by alias, to be renewed: another remote may take longer than they last.

    Raises:
        RunUnderWay: one of them is under way.
    """
    leases = {alias: Lease(alias, source) for alias in aliases}
    with ExitStack() as held:
        for lease in leases.values():
            held.enter_context(lease.held())
        yield leases


def _start_over(
    aliases: Sequence[str],
    position: str,
    *,
    new_identity: bool,
    progress: Callable[[int, int], None] | None,
    leases: Mapping[str, Lease] = MappingProxyType({}),
) -> None:
    tell = progress or (lambda done, total: None)
    # LOCAL's own part is committed last: until all is done, a copy stays a copy, and is refused. If this is cut off
    # and called again, it begins anew, with the identity that the copy came with.
    with writing_on(local_alias()):
        source = set_identity(local_alias(), new=True) if new_identity else node_id(local_alias())
        # What nobody asks for is not numbered, here as in a run.
        number = close_window(local_alias(), position) if are_windows_numbered(aliases, source) else None
        for done, alias in enumerate(aliases):
            tell(done, len(aliases) + 1)
            _forget_received(alias, source, position, number, leases.get(alias))
        tell(len(aliases), len(aliases) + 1)
        delete_received(local_alias(), position)
        count_anew(local_alias())
    tell(len(aliases) + 1, len(aliases) + 1)


def _forget_received(alias: str, source: str, position: str, number: int | None, lease: Lease | None) -> None:
    """Let a remote know nothing of the objects of ``source``, and have received all up to ``position``.

    Args:
        alias: the remote.
        source: node id of LOCAL.
        position: where its log is now.
        number: the last of its windows; ``None``: they are not numbered.
        lease: of runs there; ``None``: there are none.

    Raises:
        RunUnderWay: a run has taken the lease over meanwhile.
    """
    unlogged = read_knowledge(local_alias(), source).unlogged
    with writing_on(alias):
        if lease is not None:
            lease.renew()
        _set(
            alias,
            source,
            position=position,
            **({} if number is None else {"number": number}),
            lacks="",
            left_out="",
            whole=json.dumps(unlogged) if unlogged else "",
            since=None,
            last_check=datetime.datetime.now(datetime.UTC),
            last_row="",
            last_window="",
            place=fingerprint(local_alias()),
        )
        for model in (Reference, Introduction, Failure, Arrival):
            model._base_manager.using(alias).filter(source=source)._raw_delete(alias)


def keep_identity() -> dict[str, LostTime]:
    """Say that LOCAL was moved, or put back, and goes on as the node that it was.

    Its log stays, and on the remotes references and failures; what the remotes have received stays received, what
    waits will be sent. Where LOCAL has lost what a remote has received, the references of the lost objects go.

    Returns:
        The remotes that have received something that LOCAL does not have any more, and what is not known since.

    Raises:
        SynchroError: this package's tables are missing somewhere; nothing is changed then.
        RunUnderWay: a run of that node is, here or where it was copied from; nothing is changed then, either.
    """
    source, aliases = node_id(local_alias()), _receiving_aliases()
    with _no_run(aliases, source):
        return _keep_identity(source, aliases)


def keep_identity_of(alias: str) -> None:
    """Say that a remote was moved, and goes on as the node that it was: what waits there for LOCAL is fetched still.

    Others who fetch from there need not say it: what they have not received has ids that they do not know.

    Raises:
        SynchroError: this package's tables are missing there.
        RunUnderWay: a run from there to LOCAL is.
    """
    require_own_tables(alias)
    source, local = node_id(alias), local_alias()
    # Where nothing was fetched, a lease would make a checkpoint.
    receiving = [local] if Checkpoint.objects.using(local).filter(source=source).exists() else []
    with replaying_from(alias), _no_run(receiving, source):
        _keep_identity(source, receiving)


def _keep_identity(source: str, aliases: Iterable[str]) -> dict[str, LostTime]:
    behind: dict[str, LostTime] = {}
    checkpoints = {alias: Checkpoint.objects.using(alias).filter(source=source).first() for alias in aliases}
    moved = {
        alias: each
        for alias, each in checkpoints.items()
        if each and (is_elsewhere(local_alias()) or not has_same_history(each))
    }
    # Of a checkpoint that has no mark nothing was received yet that LOCAL could have lost.
    lost = {alias: bool(each.last_row) and not has_same_history(each) for alias, each in moved.items()}
    along = {alias: moved_along(checkpoint, lost=lost[alias]) for alias, checkpoint in moved.items()}
    number = _number_after_move(source, along)
    for alias, fields in along.items():
        fields |= {} if number is None else {"number": number}
        with transaction.atomic(using=alias):
            Checkpoint.objects.using(alias).filter(source=source).update(**fields, place=fingerprint(local_alias()))
            if lost[alias]:
                kept_keys = get_settings().identity
                behind[alias] = forget_lost_objects(alias, source, str(fields["position"]), kept_keys)
    with writing_on(local_alias()):
        log_of(connections[local_alias()]).forget_transactions(connections[local_alias()])
        # One that nothing was received by says nothing of the log: it may be there for its lease alone.
        positions = [str(each["position"]) for each in along.values() if each["position"]]
        if positions and number is not None:
            number_anew(local_alias(), number, min(positions, key=log_of(connections[local_alias()]).received_to))
        set_identity(local_alias(), new=False)
    return behind


def _number_after_move(source: str, aliases: Iterable[str]) -> int | None:
    """Return a number that is no lower than those of LOCAL's windows that anybody may have heard of.

    ``None``: there are none, because nobody has asked for them.
    """
    numbers = [last_number(local_alias())]
    for alias in aliases:
        numbers += Checkpoint.objects.using(alias).filter(source=source).values_list("number", flat=True)
        numbers += Knowledge.objects.using(alias).filter(author=source).values_list("number", flat=True)
    return max(numbers) + 1 if any(numbers) else None  # that of a run that was cut off


def make_own_node(alias: str) -> None:
    """Make a copy that is not LOCAL a node of its own: what its log speaks of was the original's.

    Raises:
        SynchroError: this package's tables are missing there.
    """
    require_own_tables(alias)
    with writing_on(alias):
        set_identity(alias, new=True)
        ChangeLog.objects.using(alias).all()._raw_delete(alias)
        count_anew(alias)


def _receiving_aliases() -> tuple[str, ...]:
    """Return the remotes, or LOCAL where there is none, all of which must have this package's tables."""
    remotes = get_settings().remotes
    for alias in (*remotes, local_alias()):
        require_own_tables(alias)
    for alias in remotes:
        require_two_databases(alias)
    return remotes or (local_alias(),)


def _set(alias: str, source: str, **fields: object) -> None:
    load_checkpoint(alias, source)
    received = Checkpoint.objects.using(alias).filter(source=source)
    received.update(window_end="", window_after=0, came_with=None, **fields)


def _receiving_alias() -> str:
    return next(iter(get_settings().remotes), local_alias())
