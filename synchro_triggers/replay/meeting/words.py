"""What was said once of objects that both sides have: words of acquaintance."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connections
from django.db.models import Max, Model

from ...capture.unlogged import keys_there, unlogged_keys
from ...conf import LOCAL, local_alias
from ...models import Checkpoint, Introduction, Reference, Word
from ...vendors.vendor import writing_on
from ..identity.known import unclaimed_rows
from ..identity.telling import is_told_by_nothing, within_reach
from ..rows.selecting import rows_of
from ..schema.shape import telling_labels
from ..state.node import met_another, older_selves


def introduce(remote: str, source: str, root: type[Model], word: Word) -> Introduction:
    """Store a word about the objects that LOCAL has now of a model."""
    return Words(remote, source).say(root, word)


class Words:
    """Words about the objects that LOCAL has.

    Args:
        remote: the alias of the database that keeps them.
        source: node id of LOCAL.
    """

    def __init__(self, remote: str, source: str) -> None:
        self._remote, self._source = remote, source
        self._unstored: list[Introduction] | None = None

    @property
    def wait(self) -> bool:
        """Whether what is said waits to be stored."""
        return self._unstored is not None

    @contextmanager
    def stored_together(self) -> Iterator[None]:
        """Store what is said in the block at its end: in one statement, however many models there are.

        Where the block raises, nothing is stored, and a later run finds it out once more.
        """
        self._unstored = words = list[Introduction]()
        try:
            yield
        finally:
            self._unstored = None
        if words:
            with writing_on(self._remote):
                self._store(words)

    def say(self, root: type[Model], word: Word) -> Introduction:
        """Say a word about the objects that LOCAL has now of a model, and store it, unless it waits."""
        said = Introduction(source=self._source, model_label=root._meta.label, word=word)
        if word == Word.NONE:
            said.up_to = _highest_key(root)
        else:
            said.keys, said.up_to = keys_there(local_alias(), root)
        if self._unstored is None:
            self._store([said])
        else:
            self._unstored.append(said)
        return said

    def _store(self, words: Sequence[Introduction]) -> None:
        """Store words, each in place of the one before about its model; in one statement, where the vendor can."""
        rows, features = Introduction._base_manager.using(self._remote), connections[self._remote].features
        told_by, word = ["source", "model_label"], ["word", "up_to", "keys"]
        # In bulk, without signals: a receiver may listen to all models.
        if features.supports_update_conflicts:
            target = told_by if features.supports_update_conflicts_with_target else None
            rows.bulk_create(words, update_conflicts=True, update_fields=word, unique_fields=target)
            return
        for said in words:
            known = rows.filter(**{name: getattr(said, name) for name in told_by})
            if not known.update(**{name: getattr(said, name) for name in word}):
                rows.bulk_create([said])


def is_in_doubt(remote: str, source: str, target: str, root: type[Model], kept_keys: Collection[str]) -> bool:
    """Tell whether a run may create what the remote has already, where no object of a model could be linked.

    Args:
        remote: the remote alias.
        source, target: the node ids of LOCAL and of the remote.
        root: a root model.
        kept_keys: labels of models with the option ``identity: 'pk'``.

    Returns:
        Whether LOCAL has objects that neither its log nor an earlier word speaks of, and the remote has rows that
        nothing is known of. A model with natural keys is never in doubt.
    """
    if not is_told_by_nothing(root, kept_keys):
        return False
    said = Introduction.objects.using(remote).filter(source=source, model_label=root._meta.label).first()
    word = said if said is not None and said.word else None
    labels = telling_labels(root) if word or _trusts_log(remote, source, target, root) else ("",)
    unknown = unlogged_keys(local_alias(), root, labels)
    if all(word is not None and word.speaks_of(key) for key in unknown):
        return False
    return any(unclaimed_rows(remote, source, target, kept_keys, root))


def _trusts_log(remote: str, source: str, target: str, root: type[Model]) -> bool:
    """Tell whether what LOCAL's log has seen being made is new to a remote to which no word was said."""
    sent = Checkpoint.objects.using(remote).filter(source=source).exclude(position="")
    if met_another(remote, target) and not sent.exists():
        return False
    return not has_sent_as(older_selves(remote, source), remote, root)


def has_sent_as(older: Sequence[str], remote: str, root: type[Model]) -> bool:
    """Tell whether the remote has objects of a model from LOCAL as it was before it was flushed.

    Args:
        older: the identities that LOCAL had then.
        remote: the remote alias.
        root: the root model.
    """
    sent = Reference.objects.using(remote).filter(source__in=older, model_label=root._meta.label)
    return bool(older) and sent.exists()


def then_both_ways() -> str:
    """Return what has to follow a word where LOCAL fetches: what is in doubt there is its own, and known once sent."""
    alias = local_alias()
    if alias == LOCAL:
        return ""
    return (
        f" Then `manage.py synchronize --full --both --remote {alias}`; or, where nothing is to be sent, `manage.py "
        f"synchro_link --strangers --pull --remote {alias}`: what is not linked is its own. Then fetch again."
    )


def _highest_key(root: type[Model]) -> int:
    return rows_of(root, local_alias()).aggregate(highest=Max("pk"))["highest"] or 0


def acquainted_by_word(models: Iterable[type[Model]], kept_keys: Collection[str]) -> set[type[Model]]:
    """Return the roots of models, and of what their objects bring along, that somebody may have to speak of."""
    return {root for model in models for root in within_reach(model) if is_told_by_nothing(root, kept_keys)}
