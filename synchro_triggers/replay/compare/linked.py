"""Linking, and then comparing what is linked: what is said to be the same object may have other values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from ...capture.tables import labels_of
from ...conf import local_alias
from ...vendors.vendor import writing_on
from ..choices import OnProgress
from ..meeting.by_fields import ByFields
from ..meeting.link_report import LinkReport
from ..meeting.linking import link_objects, require_no_run
from .comparison import compare
from .report import ComparisonReport, Difference, State

#: Opens a bar of what is counted, and yields what is to be told how far it has come.
Bar = Callable[[str], AbstractContextManager[OnProgress | None]]


@dataclass(frozen=True)
class Linked:
    """What was linked with a remote, what was left, and what differs.

    Attributes:
        remote: the alias.
        linking: counts, and what was left.
        differences: objects that both sides are known to have, and that are not the same for no known reason; what was
            logged, and not yet replayed, is none. Of each model at most ``report.NAMED``.
        differing: how many these are, by label.
        only_there: how many rows the remote has that are no object of LOCAL, by label.
    """

    remote: str
    linking: LinkReport
    differences: tuple[Difference, ...]
    differing: dict[str, int]
    only_there: dict[str, int]

    @property
    def unlike(self) -> int:
        """How many objects differ that are one. What was left undecided is none of them: it is new, and named."""
        return sum(self.differing.values())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            **self.linking.as_dict(),
            "differing": self.differing,
            "differences": [asdict(each) for each in self.differences],
            "only_remote": self.only_there,
        }


# Long: its documentation says what each argument is.
def link_and_compare(
    remote: str,
    models: Sequence[str] | None,
    *,
    by: ByFields,
    trust_keys: bool,
    dry_run: bool,
    named: int | None,
    bar: Bar,
) -> Linked:
    """Link objects, and compare the values of all that are linked.

    Args:
        remote: the alias.
        models: only these, as in ``SYNCHRO_MODELS``; ``None``: all.
        by, trust_keys, named: as for ``link_objects()``.
        dry_run: write nothing. It all happens in one transaction of the remote, which is rolled back.
        bar: called twice, for linking and for comparing.

    Raises:
        Refused, RunUnderWay: as ``link_objects()`` and ``compare()``.
    """
    with ExitStack() as stack:
        if dry_run:
            require_no_run(remote)
            stack.enter_context(_rolled_back(remote))
        with bar("objects") as progress:
            labels = labels_of(models) if models else None
            linking = link_objects(
                remote, labels, trust_keys=trust_keys, by=by, dry_run=dry_run, named=named, progress=progress
            )
        with bar("rows") as progress:
            report = compare(remote, models=models or None, progress=progress)
    counts = report.models[remote]
    differing = {label: each.differing for label, each in counts.items() if each.differing}
    differences = tuple(_known_on_both(report))
    for each in differences:
        if each.only:
            differing[each.model] = differing.get(each.model, 0) + 1
    only_there = {label: each.only_remote for label, each in counts.items() if each.only_remote}
    return Linked(remote, linking, differences, differing, only_there)


@contextmanager
def _rolled_back(remote: str) -> Iterator[None]:
    """Undo at its end what a block writes on the remote; LOCAL is only read."""
    with transaction.atomic(using=local_alias()), writing_on(remote):
        yield
        transaction.set_rollback(True, using=remote)
        transaction.set_rollback(True, using=local_alias())


def _known_on_both(report: ComparisonReport) -> Iterator[Difference]:
    """Yield the objects that differ; of what only one side has, those that the other should have, such as a link."""
    for each in report.differences:
        if each.state is State.DIFFERS and (not each.only or (each.local_key and each.remote_key)):
            yield each
