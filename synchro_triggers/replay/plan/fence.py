"""The fence: whatever the log says, only listed models are written, and what their objects point to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ...capture.catalog import Catalogs
from ...capture.tables import captured_models
from ...conf import get_settings, local_alias
from ...key_texts import printable_key
from ..log.changes import Change
from ..report import SyncReport, Told
from ..schema.common_columns import CommonColumns
from ..schema.shape import model_of


class Fence:
    """Which models a run may write.

    Args:
        labels: those that the caller has chosen; ``None``: all.
        catalogs: those that a run looks at.

    Attributes:
        remote: where they are written.
        listed: the labels of ``SYNCHRO_MODELS``.
        chosen: those of them that the run is about.
        schema: what both databases have of the models' columns.
        absent: labels of models that the run leaves out, as one side lacks their tables, with the reason.
        kept_out: by these, and by labels that no model has, the objects that a run has not let through.
    """

    def __init__(self, remote: str, labels: Iterable[str] | None, catalogs: Catalogs | None = None) -> None:
        self.remote = remote
        models = captured_models(get_settings().models)
        self.listed = frozenset(model._meta.label for model in models)
        self.chosen = self.listed if labels is None else self.listed.intersection(labels)
        self.schema = CommonColumns(local_alias(), remote, models, catalogs)
        self.absent: Mapping[str, str] = {}
        self.kept_out: Counter[str] = Counter()

    @property
    def open(self) -> frozenset[str]:
        """The labels of the models that the run is about and can write."""
        return self.chosen.difference(self.absent)

    def lets_through(self, change: Change) -> bool:
        """Tell whether a change may be applied: its model is listed and there, and it is not forged."""
        return not (self.why_not(change.label) or change.forged)

    def tell_kept_out(self, changes: Iterable[Change], report: SyncReport) -> None:
        """Put changes that were not let through into the report."""
        for change in changes:
            if change.label in self.absent:  # told of all of them together
                self.kept_out[change.label] += 1
                continue
            forged = "its row in the log has an operation or a time that no trigger writes"
            reason = self.why_not(change.label) or forged
            report.remark(Told.SKIPPED, printable_key(change.label), printable_key(change.key), reason)

    def why_not(self, label: str) -> str:
        """Return why nothing of this label may be written, or ``''``."""
        if label in self.listed:
            return self.absent.get(label, "")
        return "it is not in SYNCHRO_MODELS" if model_of(label) is not None else "there is no such model"
