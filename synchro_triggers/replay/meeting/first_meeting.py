"""First meetings: objects that may be on the remote already are found before anything is written.

What was created under the log is new. Of an object that the log has not seen being made, that has no reference and
that neither a natural key nor a kept key tells, nobody knows whether the remote has it already: one side may have been
imported from the other. A run that would create one is refused, as long as the remote has rows that no reference
claims, and nobody has said a word about the model: ``synchro_link``, or ``synchro_link --strangers``.

Some words need nobody: the remote has no row that nothing claims, or LOCAL none that the log does not know. All are
stored on the remote, with the keys that LOCAL had then. So a run that has been told looks at few objects beforehand:
those with a higher key than all of these that were changed, but not made, in its window. What has come since under a
lower key, or is only the target of what was changed, is noticed when a batch is about to create it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import BigIntegerField, Model

from ...capture.install import captured_models_on
from ...capture.keys import encode_key
from ...capture.own_tables import with_tables
from ...capture.tables import is_of_links
from ...capture.unlogged import unlogged_keys
from ...conf import local_alias
from ...models import Introduction, Reference, Word
from ...reaching import means_unreachable
from ...vendors.vendor import writing_on
from ..errors import BatchBroken, RunRefused
from ..identity.known import keys_with_references, unclaimed_rows
from ..identity.reference_table import text_of
from ..identity.references import Identity
from ..identity.telling import is_told, is_told_by_nothing, within_reach
from ..log.changes import Change, coalesce
from ..log.made import made_and_there, says_made
from ..log.pages import read_page
from ..log.window import Window, labels_in
from ..plan.context import RunContext
from ..plan.reading import plan_tasks
from ..plan.targets import Targets
from ..rows.own_rows import read_rows
from ..rows.raw_keys import is_of_one_object
from ..rows.selecting import rows_with
from ..rows.values import differing, local_value
from ..schema.shape import leads_elsewhere, model_of, read_keys, root_of, shape_of, telling_labels
from ..state.node import older_nodes, older_selves
from ..tasks import ObjectTask
from .known_there import known_by_then, known_there
from .words import Words, _highest_key, has_sent_as, then_both_ways

_CHUNK = 10_000
_PAGE_ROWS = 20_000
_BATCH = 1_000


class Meeting:
    """What LOCAL and a remote know of each other's objects, and what a run would create in doubt.

    Args:
        context: where and how to write.
        labels: the models that a run writes; others only as their targets.
        anew: the remote knows nothing of LOCAL, which has sent to another database that was in its place.
        met: the two have met, and one has forgotten the other: what the log of the remote has seen being made there
            since is none of LOCAL's.

    Attributes:
        spoken_of: those of the models that the windows speak of.
    """

    def __init__(self, context: RunContext, labels: Collection[str], *, anew: bool = False, met: bool = False) -> None:
        self._context = context
        self._labels = labels
        self._anew = anew
        self._met = met
        self._stored: dict[str, Introduction] | None = None
        self._settled: dict[type[Model], Introduction] = {}
        self._there: dict[str, dict[type[Model], bool]] = {}
        self._told_by_nothing: dict[type[Model], bool] = {}
        self._words = Words(context.remote, context.source)
        self._captured: set[type[Model]] | None = None
        self._older_selves: list[str] | None = None
        self._found: dict[type[Model], set[Any]] = {}
        self.spoken_of: set[str] = set()

    # Looking ---------------------------------------------------------------------------------------

    def look_through(self, window: Window, after: int = 0, until: int | None = None) -> None:
        """Look at everything that a window would bring to the remote, or at what some of its rows would.

        Args:
            window: the window.
            after, until: only rows behind an id, and up to one.
        """
        if not window.rows:
            return
        node, looked_at = self._context.node, []
        for label, keys in self._context.first_pages.not_made(window, after, until).items():
            if label not in self._labels:
                continue
            self.spoken_of.add(label)
            way, model = self._way(label), model_of(label)
            if way == "plain" and model is not None and self._trusts_log(root_of(model)):
                self._notice(root_of(model), read_keys(model, keys))
            elif way is not None:
                looked_at.append(label)
        after, window = max(window.after, after), window if until is None else replace(window, last=until)
        while looked_at and window.last > after:
            page = read_page(local_alias(), window, after, _PAGE_ROWS, without_origin=node, labels=looked_at)
            if not page.rows:
                return
            self.look_at(coalesce(page.changes))
            after = page.last

    def hear_of(self, window: Window) -> None:
        """Note of which models a window speaks that was looked through just now: it is the rest of one.

        What has changed since is noticed when a batch is about to create something.
        """
        labels = labels_in(local_alias(), window, without_origin=self._context.node) if window.rows else ()
        self.spoken_of.update(label for label in labels if label in self._labels)

    def look_at(self, changes: Sequence[Change]) -> None:
        """Look at changes and, where that has to be, at what their objects point to."""
        plain: dict[type[Model], list[Change]] = {}
        deep: list[Change] = []
        for change in changes:
            way = self._way(change.label)
            if way == "deep":
                deep.append(change)
            elif way == "plain" and (model := model_of(change.label)) is not None:
                plain.setdefault(model, []).append(change)
        for model, alike in plain.items():
            root = root_of(model)
            doubtful = [change for change in alike if not (says_made(change, root) and self._trusts_log(root))]
            self._notice(root, read_keys(model, [change.key for change in doubtful]))
        for start in range(0, len(deep), _BATCH):
            self._look_deep(deep[start : start + _BATCH])

    def look_at_everything(self) -> None:
        """Look at what a run of every object would create: all that the log does not know."""
        models = [model for model in captured_models_on(local_alias()) if not is_of_links(model)]
        chosen = [model for model in models if model._meta.label in self._labels]
        with self._words.stored_together():
            for root in {root for model in chosen for root in within_reach(model) if self._is_told_by_nothing(root)}:
                if self._is_on_both(root):
                    self._notice(root, self._unknown(root))

    def _way(self, label: str) -> str | None:
        """Return how to look at changes under a label: with their ``deep`` targets, ``plain``, or not at all."""
        model = model_of(label)
        if model is None:
            return None
        reached = [root for root in within_reach(model) if self._is_told_by_nothing(root)]
        if any(self._introduction(root).word == Word.NONE for root in reached):
            return "deep"
        return "plain" if not is_of_links(model) and root_of(model) in reached else None

    def _look_deep(self, changes: Sequence[Change]) -> None:
        identity = Identity(self._context.remote, self._context.source, self._context.node, self._context.kept_keys)
        found: dict[type[Model], list[Any]] = {}
        try:
            tasks, _ = plan_tasks(changes, self._context.kept_keys)
            objects = [task for task in tasks if isinstance(task, ObjectTask)]
            objects += Targets(identity, tasks).brought_along()
        except Exception as error:  # what cannot be read is not created
            if not (isinstance(error, BatchBroken) or is_of_one_object(error)):
                raise
            if len(changes) > 1:
                for change in changes:
                    self._look_deep([change])
            return
        for task in objects:
            new = task.is_made and self._trusts_log(task.shape.root)
            if task.instance is not None and not new and not is_told(task.shape, self._context.kept_keys):
                found.setdefault(task.shape.root, []).append(task.key)
        for root, keys in found.items():
            self._notice(root, keys)

    def _notice(self, root: type[Model], keys: Iterable[Any]) -> None:
        said = self._introduction(root)
        uncovered = [key for key in keys if isinstance(key, int) and not (said.word and key <= said.up_to)]
        self._found.setdefault(root, set()).update(self._without_reference(root, uncovered))

    def require_acquaintance(self, tasks: Iterable[ObjectTask]) -> None:
        """Look at objects that a batch is about to create although its log rows do not say that they were made.

        Models that are not captured are left out: the log cannot know them, and their word holds for good.

        Raises:
            Refused: some of them have come since a word was given, past the log.
        """
        by_root: dict[type[Model], list[int]] = {}
        for task in tasks:
            if isinstance(task.key, int) and not is_told(task.shape, self._context.kept_keys):
                by_root.setdefault(task.shape.root, []).append(task.key)
        for root, keys in by_root.items():
            if self._is_captured(root) and self._is_told_by_nothing(root):
                if (said := self._introduction(root)).word:
                    keys = [key for key in keys if not said.speaks_of(key)]
                self._found.setdefault(root, set()).update(keys)
        self.refuse_doubts("None of them was written: they have come past the log since it was said what they are.")

    # Deciding --------------------------------------------------------------------------------------

    def refuse_doubts(self, so_far: str = "Nothing was written.") -> None:
        """Raise ``Refused`` when something was found that may be on the remote already.

        Args:
            so_far: what has become of them.
        """
        doubts = self.doubts()
        if not doubts:
            return
        numbers = ", ".join(
            f"{root._meta.label} ({len(keys)} to be created, {self._count_unclaimed(root)} on {self._context.remote!r} "
            "that nothing is known of)"
            for root, keys in sorted(doubts.items(), key=lambda item: item[0]._meta.label)
        )
        raise RunRefused(
            f"Objects of {local_alias()!r} may be on {self._context.remote!r} already: {numbers}. The log has not seen "
            f"them being made, and neither a reference nor a natural key tells which they are. {so_far} If one "
            "side was imported from the other, run `manage.py synchro_link`, which stores which object is which "
            "(first `manage.py synchro_link --dry-run`, which says what it would link, and what differs; with "
            "--by app.Model:field where their keys differ); if they have nothing in common, `manage.py synchro_link "
            f"--strangers`. With --model each for one model.{then_both_ways()}"
        )

    def doubts(self) -> dict[type[Model], set[Any]]:
        """Return, once, the keys of the objects that may be on the remote already, by root model."""
        found, self._found = self._found, {}
        doubts = {root: self._unseen(root, keys) for root, keys in found.items() if keys and self._is_on_both(root)}
        return {root: keys for root, keys in doubts.items() if keys and self._has_unclaimed(root)}

    def _unseen(self, root: type[Model], keys: Collection[Any]) -> set[Any]:
        """Return those of the keys whose objects LOCAL has, and has not logged being made."""
        there: set[Any] = set(rows_with(root, local_alias(), pk=keys).values_list("pk", flat=True))
        there -= self._lost_there(root, there)
        if not there:
            return there
        seen = made_and_there(root, there)
        if self._trusts_log(root):
            return there - seen
        return there if self._anew else (there - seen) | self._loaded_again(root, seen)

    def _lost_there(self, root: type[Model], keys: Collection[Any]) -> set[Any]:
        """Return those of the keys whose objects the remote has made before it was put back, and does not have.

        What its backup held has its names there, so nothing else there can be one of them.
        """
        if not (older := older_nodes(self._context.remote)):
            return set()
        texts = {text_of(key): key for key in keys}
        names = rows_with(Reference, local_alias(), remote_pk=texts).filter(model_label=root._meta.label)
        return {texts[text] for text in names.filter(source__in=older).values_list("remote_pk", flat=True)}

    # What is known ---------------------------------------------------------------------------------

    def _introduction(self, root: type[Model]) -> Introduction:
        """Return what was said of a model, or can be found out without asking anybody."""
        if root not in self._settled:
            said = self._said(root._meta.label)
            if said is None or said.word == Word.NONE:
                said = self._found_out(root, known_doubt=said is not None)
            self._settled[root] = said
        return self._settled[root]

    def _found_out(self, root: type[Model], *, known_doubt: bool) -> Introduction:
        remote, dry_run = self._context.remote, self._context.dry_run
        try:
            # LOCAL, which is only read, is let go first: a run the other way round waits for it as it commits there.
            only_looks = dry_run or self._words.wait
            with writing_on(remote, dry_run=only_looks), transaction.atomic(using=local_alias()):
                return self._find_out(root, known_doubt=known_doubt)
        except DatabaseError as error:
            if means_unreachable(error):
                raise
            # A table that cannot be asked cannot be written either: each object will say so for itself.
            everything = f"0-{BigIntegerField.MAX_BIGINT}"
            return Introduction(word=Word.LOGGED, up_to=BigIntegerField.MAX_BIGINT, keys=everything)

    def _said(self, label: str) -> Introduction | None:
        if self._stored is None:
            rows = read_rows(Introduction, self._context.remote, defer=("keys",), source=self._context.source)
            self._stored = {row.model_label: row for row in rows}
        return self._stored.get(label)

    def _find_out(self, root: type[Model], *, known_doubt: bool) -> Introduction:
        word = Word.NONE
        if not self._has_unclaimed(root):
            word = Word.UNCLAIMED
        elif not known_doubt and self._trusts_log(root) and not self._unknown(root):
            word = Word.LOGGED
        if self._context.dry_run or (known_doubt and word == Word.NONE):
            return Introduction(word=word, up_to=(highest := _highest_key(root)), keys=f"0-{highest}")
        return self._words.say(root, word)

    def _is_told_by_nothing(self, root: type[Model]) -> bool:
        if root not in self._told_by_nothing:
            told_by_nothing = is_told_by_nothing(root, self._context.kept_keys)
            # Where a word was said, there were tables.
            known = told_by_nothing and (said := self._said(root._meta.label)) is not None and said.word
            self._told_by_nothing[root] = told_by_nothing and (bool(known) or self._is_on_both(root))
        return self._told_by_nothing[root]

    def _is_on_both(self, root: type[Model]) -> bool:
        return all(self._is_on(alias, root) for alias in (local_alias(), self._context.remote))

    def _is_on(self, alias: str, root: type[Model]) -> bool:
        there = self._there.setdefault(alias, {})
        if root not in there:
            listed = {root_of(model) for label in self._labels if (model := model_of(label)) is not None}
            asked = {root, *(listed - there.keys())}
            found = with_tables(alias, asked)
            there.update((each, each in found) for each in asked)
        return there[root]

    def _is_captured(self, root: type[Model]) -> bool:
        if self._captured is None:
            self._captured = set(captured_models_on(local_alias()))
        return root in self._captured

    def _trusts_log(self, root: type[Model]) -> bool:
        """Tell whether what LOCAL's log has seen being made is new.

        A database that was flushed logs what is loaded into it afterwards; the remote knows its older self. And a
        remote that was flushed may have been filled again with what LOCAL had sent.
        """
        if (said := self._said(root._meta.label)) and said.word:
            return True
        if self._anew:
            return False
        if self._older_selves is None:
            self._older_selves = older_selves(self._context.remote, self._context.source)
        return not has_sent_as(self._older_selves, self._context.remote, root)

    def _loaded_again(self, root: type[Model], keys: Collection[Any]) -> set[Any]:
        """Return those of the keys that meant an equal row of the remote for LOCAL's older self."""
        references = rows_with(Reference, self._context.remote, local_pk=[encode_key(key) for key in keys])
        references = references.filter(model_label=root._meta.label, source__in=self._older_selves or (), ended=0)
        pairs = list(references.values_list("local_pk", "remote_pk"))
        meant = dict(zip(*(read_keys(root, texts) for texts in zip(*pairs, strict=True)), strict=True)) if pairs else {}
        here = {row.pk: row for row in rows_with(root, local_alias(), pk=list(meant))}
        rows = {row.pk: row for row in rows_with(root, self._context.remote, pk=list(meant.values()))}
        fields = [field for field in shape_of(root).copied if not leads_elsewhere(field)]
        return {
            key
            for key, remote_key in meant.items()
            if key in here
            and remote_key in rows
            and not differing(rows[remote_key], {field.attname: local_value(here[key], field) for field in fields})
        }

    def _unknown(self, root: type[Model]) -> set[Any]:
        """Return the keys of LOCAL's objects that neither the log nor a reference knows."""
        said = self._said(root._meta.label)
        beyond = said.up_to if said is not None and said.word else 0
        labels = telling_labels(root) if self._trusts_log(root) else ("",)
        return set(self._without_reference(root, unlogged_keys(local_alias(), root, labels, beyond)))

    def _without_reference(self, root: type[Model], keys: Sequence[Any]) -> Iterator[Any]:
        context = self._context
        for start in range(0, len(keys), _CHUNK):
            some = keys[start : start + _CHUNK]
            known = keys_with_references(context.remote, context.source, context.node, context.kept_keys, root, some)
            yield from (key for key in some if key not in known)

    def _count_unclaimed(self, root: type[Model]) -> int:
        """Return how many rows of the remote neither came from LOCAL nor went there."""
        return sum(1 for _ in self._unclaimed(root))

    def _has_unclaimed(self, root: type[Model]) -> bool:
        return any(True for _ in self._unclaimed(root))

    def _unclaimed(self, root: type[Model]) -> Iterator[Any]:
        """Yield the keys of the remote's rows that neither came from LOCAL nor went there."""
        context = self._context
        for keys in unclaimed_rows(context.remote, context.source, context.node, context.kept_keys, root):
            known = known_there(context, root, keys) if self._met else set()
            if context.after_the_other_way and root._meta.label in self._labels:
                known |= known_by_then(context, root, keys)
            yield from (key for key in keys if key not in known)
