"""Links of objects that were gone on the remote, and are made again: all that they have on LOCAL.

What had deleted them there has taken their links along, and LOCAL's log need not speak of these.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from ...conf import local_alias
from ..rows.selecting import linked_pairs, rows_of, rows_with
from ..schema.link_shapes import LinkShape, link_shape
from ..schema.relations import links_to
from ..schema.shape import tables_of
from .known import Known
from .one import save_links
from .one_statements import Singles
from .outcomes import Outcomes


def link_again(known: Known, singles: Singles, outcomes: Outcomes) -> None:
    """Link what a batch has made again to what it is linked to on LOCAL, as far as the remote has that."""
    for shape, key in outcomes.made_again:
        for field in dict.fromkeys(link for each in tables_of(shape) for link in links_to(each.model)):
            through = link_shape(field.model)
            pairs = rows_with(through.through, local_alias(), **{field.attname: [key]}).values_list(*through.ends)
            for owner, target in list(pairs):
                _link(known, singles, outcomes, through, owner, target)
    outcomes.made_again.clear()


def _link(known: Known, singles: Singles, outcomes: Outcomes, shape: LinkShape, owner: Any, target: Any) -> None:
    owner_key = known.identity.find(shape.source_model, owner)
    target_key = known.identity.find(shape.target_model, target)
    pair = owner_key, target_key
    if None in pair or linked_pairs(shape.through, shape.ends, known.remote, [pair]):
        return
    row: Model | None = rows_of(shape.source_model, known.remote).filter(pk=owner_key).first()
    if row is not None and rows_of(shape.target_model, known.remote).filter(pk=target_key).exists():
        with singles.one(shape.through):
            written = save_links(shape, row, {target_key}, known.remote, add=True, mirrored=set())
        known.rows.note_links(shape.through, written, linked=True)
        outcomes.report.count(shape.through._meta.label, "created")
