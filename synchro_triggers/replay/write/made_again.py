"""Links of objects that were gone on the remote, and are made again: all that they have on LOCAL, and had there.

What had deleted them there has taken their links along, and LOCAL's log need not speak of these. LOCAL may not even
have them: then the remote's log tells which they were, and who has them still need not learn that they are back. What
the remote's users have removed before, by itself, stays removed; who has that still must learn of which object it was.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from ...capture.session import as_users_change
from ...conf import local_alias
from ..log.taken_along import Former, GoneLink, links_gone, log_removed_again
from ..rows.selecting import linked_pairs, rows_of, rows_with
from ..schema.link_shapes import LinkShape, link_shape
from ..schema.relations import links_to
from ..schema.shape import Shape, root_of, tables_of
from .known import Known
from .one import save_links
from .one_statements import Singles
from .outcomes import Outcomes

#: Root model and the key that an object had on the remote, to the one that it has now.
_Back = dict[tuple[type[Model], Any], Any]


def link_again(known: Known, singles: Singles, outcomes: Outcomes) -> None:
    """Link what a batch has made again to what it is linked to on LOCAL, and was on the remote, if that is there."""
    formers: dict[Shape, list[Former]] = {}
    back: _Back = {}
    for shape, key, former in outcomes.made_again:
        for through, end in _ends_at(shape):
            pairs = rows_with(through.through, local_alias(), **{end: [key]}).values_list(*through.ends)
            for owner, target in list(pairs):
                _link(known, singles, outcomes, through, owner, target)
        if former is not None and known.logs:
            formers.setdefault(shape, []).append(former)
            back[shape.root, former.key] = known.identity.known(shape.model, key)
    for shape, some in formers.items():
        for through, end in _ends_at(shape):
            for gone in list(links_gone(known.remote, shape.root, some, through.through, end)):
                _link_as_before(known, singles, outcomes, through, gone, back)
    outcomes.made_again.clear()


def _ends_at(shape: Shape) -> list[tuple[LinkShape, str]]:
    """Return the automatic many-to-many tables of a model, each with the attribute of its foreign key to that."""
    fields = dict.fromkeys(link for each in tables_of(shape) for link in links_to(each.model))
    return [(link_shape(field.model), field.attname) for field in fields]


def _link(known: Known, singles: Singles, outcomes: Outcomes, shape: LinkShape, owner: Any, target: Any) -> None:
    pair = known.identity.find(shape.source_model, owner), known.identity.find(shape.target_model, target)
    if _can_be_linked(known, shape, pair):
        _write(known, singles, outcomes, shape, pair)


def _link_as_before(
    known: Known, singles: Singles, outcomes: Outcomes, shape: LinkShape, gone: GoneLink, back: _Back
) -> None:
    """Make a link that went with an object on the remote; as its users' own, for nobody has sent it."""
    if shape.why_not_findable(gone.values) is not None:
        return
    models = (root_of(shape.source_model), root_of(shape.target_model))
    former = gone.values[shape.source_attname], gone.values[shape.target_attname]
    pair = back.get((models[0], former[0]), former[0]), back.get((models[1], former[1]), former[1])
    if not _can_be_linked(known, shape, pair):
        return
    if gone.went_along:
        with as_users_change(known.remote):
            _write(known, singles, outcomes, shape, pair)
        return
    columns = {field.attname: str(field.column) for field in shape.through._meta.concrete_fields}
    ends = {columns[end]: now for end, now, key in zip(shape.ends, pair, former, strict=True) if now != key}
    if ends:  # otherwise the objects have kept their keys
        log_removed_again(known.remote, gone, ends)


def _can_be_linked(known: Known, shape: LinkShape, pair: tuple[Any, Any]) -> bool:
    """Tell whether two rows of the remote are there, and are not linked."""
    if None in pair or linked_pairs(shape.through, shape.ends, known.remote, [pair]):
        return False
    ends = zip((shape.source_model, shape.target_model), pair, strict=True)
    return all(rows_of(model, known.remote).filter(pk=key).exists() for model, key in ends)


def _write(known: Known, singles: Singles, outcomes: Outcomes, shape: LinkShape, pair: tuple[Any, Any]) -> None:
    row: Model = rows_of(shape.source_model, known.remote).get(pk=pair[0])
    with singles.one(shape.through):
        written = save_links(shape, row, {pair[1]}, known.remote, add=True, mirrored=set())
    known.rows.note_links(shape.through, written, linked=True)
    outcomes.report.count(shape.through._meta.label, "created")
