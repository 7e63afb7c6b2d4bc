"""The functions of the public API. Importing them imports no model, so any module may, at any time."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import Model

    from .replay.compare.report import ComparisonReport
    from .replay.on_record.listing import RecordedConflict
    from .replay.report import SyncReport


# Long: its documentation is what people read who import it.
def synchronize(
    remote: str | None = None,
    *,
    models: Iterable[str] | None = None,
    dry_run: bool = False,
    full: bool = False,
    on_error: str = "quarantine",
    progress: Callable[[int, int], None] | None = None,
    pull: bool = False,
    both: bool = False,
    by: str = "API",
) -> SyncReport:
    """Replay what was logged on LOCAL since the last run on the remote database(s), or the other way round.

    Args:
        remote: an alias; default: every alias of ``SYNCHRO_REMOTE``, one after the other.
        models: only these (as in ``SYNCHRO_MODELS``); the checkpoint stays where it is then.
        dry_run: count what would be done, and write nothing.
        full: every object of the captured models, not only those that were logged: the initial load. What the
            remote's own users changed is newer, and objects that only the remote has stay.
        on_error: ``'quarantine'`` keeps an object that cannot be applied, and goes on; ``'stop'`` stops at the first.
        progress: called with the number of log rows done and their total.
        pull: fetch each remote's changes, and replay them on LOCAL, whose receivers are called. Nothing runs on the
            other side, which only must have its triggers. What is said here of LOCAL is true of the remote then, and
            the other way round.
        both: send LOCAL's changes to a remote, then fetch that one's.
        by: who begins the run, for its record, which ``synchro_status`` shows.

    Returns:
        What was done. Objects that could not be applied are in ``failures``; they are no exception.

    Raises:
        SynchroConfigurationError: there is no remote, or a setting or argument is wrong.
        Refused: going on could lose or double something: tables or triggers do not fit, a database is a copy, objects
            may be on the remote already. The message says what has to be decided.
        RunUnderWay: another run to that remote has not ended.
        DatabaseUnreachable: a database is down. The transaction that was under way has changed nothing.

    Example:
        >>> report = synchronize(dry_run=True)
        >>> report.created, report.deleted
        (12, 1)
        >>> [f"{failure.model} {failure.key}: {failure.error}" for failure in report.failures]
        []
    """
    from .replay import synchronizing

    return synchronizing.synchronize(
        remote,
        models=models,
        dry_run=dry_run,
        full=full,
        on_error=on_error,
        progress=progress,
        pull=pull,
        both=both,
        by=by,
    )


def call_synchronize(
    remote: str | None = None,
    *,
    models: Iterable[str] | None = None,
    dry_run: bool = False,
    full: bool = False,
    on_error: str = "quarantine",
    progress: Callable[[int, int], None] | None = None,
    pull: bool = False,
    both: bool = False,
    by: str = "API",
) -> str:
    """Run ``synchronize()`` and return the (translated) message, as django-synchro did.

    The arguments are those of ``synchronize()``.

    Raises:
        SynchroError: as for ``synchronize()``; also when objects could not be applied, and the message names them.

    Example:
        >>> call_synchronize()
        'No changes since last synchronization.'
    """
    from .replay import synchronizing
    from .replay.report import message_of_success

    report = synchronizing.synchronize(
        remote,
        models=models,
        dry_run=dry_run,
        full=full,
        on_error=on_error,
        progress=progress,
        pull=pull,
        both=both,
        by=by,
    )
    return message_of_success(report)


def compare(
    remote: str | None = None,
    *,
    models: Iterable[str] | None = None,
    repair: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ComparisonReport:
    """Compare LOCAL with the remote database(s), object by object: are both sides equal, and what differs?

    Both sides may be in use: what differs is looked at once more before it is called a difference. What is logged and
    not yet replayed, kept as a failure, or was lost in a conflict, is counted as that. Nothing is written, but by
    ``repair``.

    Args:
        remote: an alias; default: every alias of ``SYNCHRO_REMOTE``, one after the other.
        models: only these (as in ``SYNCHRO_MODELS``).
        repair: ``'local'`` logs on LOCAL what differs, so that the next run brings LOCAL's version to the remote;
            ``'remote'`` logs it on the remote, for its own runs to LOCAL. What only the other side has is not logged.
        progress: called with the number of LOCAL's rows that are done and their total.

    Returns:
        Counts by remote and model, and the objects that are not the same.

    Raises:
        SynchroConfigurationError: there is no remote, or a setting or argument is wrong.
        Refused: a database is a copy, hides rows from the role, or lacks tables or columns.
        DatabaseUnreachable: a database is down. Of several remotes, the others are compared first; the error's
            ``comparison`` is the report on them.

    Example:
        >>> report = compare(models=["shop.Order"])
        >>> report.equal, report.total("pending")
        (False, 2)
        >>> [(each.model, each.local_key, each.fields) for each in report.differences]
        []
    """
    from .replay.compare import comparison

    return comparison.compare(remote, models=models, repair=repair, progress=progress)


def reset_synchro(remote: str | None = None) -> None:
    """Forget all pending changes and all references of LOCAL, on every remote, and set the checkpoints to now.

    As django-synchro does: it is what an office needs that has imported the main database anew.

    Args:
        remote: forget what one of several remotes knows, and what waits for it; the others go on as before.

    Raises:
        SynchroError: this package's tables are missing somewhere, or LOCAL is a copy (see ``synchro_reset``).
        SynchroConfigurationError: ``remote`` is none of ``SYNCHRO_REMOTE``.
        Refused: others than ``remote`` wait for something, which the log has to keep. Nothing was changed.
        RunUnderWay: a run of LOCAL has not ended, and nothing was changed. Or a run to one of several remotes has begun
            while this waited for another one for longer than a lease lasts: then the remotes before it are reset, it
            and LOCAL's log are not, and to call it again makes the rest.

    Example:
        >>> reset_synchro()
        >>> synchronize().changed
        False
    """
    from .replay.state import starting_over

    starting_over.reset_synchro(remote)


def counterparts(model: type[Model], keys: Iterable[Any], remote: str | None = None) -> dict[Any, Any]:
    """Tell which objects of LOCAL are which on a remote, whoever has made them and whichever way they have come there.

    Args:
        model: the model.
        keys: primary keys on LOCAL.
        remote: the alias; default: the one that ``SYNCHRO_REMOTE`` names.

    Returns:
        Local primary key to the primary key on the remote. What is not there, or not known to be, is left out.

    Raises:
        SynchroConfigurationError: there is no such remote, or several, and none was named.
        Refused: tables of this package are missing there, or it is a copy of LOCAL.
        DatabaseUnreachable: it is down.

    Example:
        >>> counterparts(Parcel, [17, 18], remote="main")
        {17: 4711}
    """
    from .replay import counterparts as those

    return those.counterparts(model, keys, remote)


def conflicts(
    remote: str | None = None, *, models: Iterable[str] | None = None, limit: int | None = None
) -> list[RecordedConflict]:
    """Return the conflicts that are on record, those that nobody has looked at since first, the newest of them first.

    Args:
        remote: the alias of a database to which LOCAL has sent; default: those of ``SYNCHRO_REMOTE``, and LOCAL itself
            for what it has received.
        models: only these, as ``app.Model``, with their links.
        limit: at most so many.

    Raises:
        SynchroConfigurationError: there is no such remote, or no such model.
        Refused: tables of this package are missing there.
        DatabaseUnreachable: it is down.

    Example:
        >>> [(each.id, each.model, each.result, each.is_open) for each in conflicts()]
        [(17, 'shop.Item', 'remote', True)]
    """
    from .replay.on_record import listing

    return listing.conflicts(remote, models=models, limit=limit)


class Options:
    """django-synchro's ``options``: the time of the last run, and a way to set it.

    Setting ``last_check`` makes the next run take the changes logged after that time, whether they
    were synchronised before or not, and forget older ones. It speaks of the first remote of
    ``SYNCHRO_REMOTE``; where that is ``None``, of LOCAL itself. While a run is under way, which sets it at its end, it
    cannot be set: that raises ``RunUnderWay``.

    Example:
        >>> from synchro_triggers.models import options
        >>> options.last_check = datetime.datetime.now() - datetime.timedelta(hours=1)
    """

    @property
    def last_check(self) -> datetime.datetime | None:
        from .replay.state.starting_over import read_last_check

        return read_last_check()

    @last_check.setter
    def last_check(self, value: datetime.datetime) -> None:
        from .replay.state.starting_over import write_last_check

        write_last_check(value)


options = Options()
