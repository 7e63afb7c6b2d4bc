"""What was said once of objects that both sides have: words of acquaintance."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import Max, Model

from ...capture.unlogged import keys_there
from ...conf import LOCAL, local_alias
from ...models import Introduction, Word
from ..identity.telling import is_told_by_nothing, within_reach
from ..rows.selecting import rows_of


def introduce(remote: str, source: str, root: type[Model], word: Word) -> Introduction:
    """Store a word about the objects that LOCAL has now of a model."""
    known = Introduction.objects.using(remote).filter(source=source, model_label=root._meta.label)
    said = Introduction(source=source, model_label=root._meta.label, word=word)
    if word == Word.NONE:
        said.up_to = _highest_key(root)
    else:
        said.keys, said.up_to = keys_there(local_alias(), root)
    if not known.update(word=said.word, up_to=said.up_to, keys=said.keys):
        Introduction.objects.using(remote).bulk_create([said])  # without signals: a receiver may listen to all models
    return said


def then_both_ways() -> str:
    """Return what has to follow a word where LOCAL fetches: what is in doubt there is its own, and known once sent."""
    alias = local_alias()
    return "" if alias == LOCAL else f" Then `manage.py synchronize --full --both --remote {alias}`."


def _highest_key(root: type[Model]) -> int:
    return rows_of(root, local_alias()).aggregate(highest=Max("pk"))["highest"] or 0


def acquainted_by_word(models: Iterable[type[Model]], kept_keys: Collection[str]) -> set[type[Model]]:
    """Return the roots of models, and of what their objects bring along, that somebody may have to speak of."""
    return {root for model in models for root in within_reach(model) if is_told_by_nothing(root, kept_keys)}
