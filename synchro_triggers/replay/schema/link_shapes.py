"""What a replay needs to know of an automatic many-to-many table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import ManyToManyField, Model

from .findable import is_findable, not_findable
from .shape import concrete_of
from .stored_types import plain_type


@dataclass(frozen=True)
class LinkShape:
    """An automatic many-to-many table.

    ``doubtful`` are those of its foreign keys that may hold what cannot be looked up.
    """

    through: type[Model]
    field: ManyToManyField[Any, Any]
    source_model: type[Model]
    source_attname: str
    target_model: type[Model]
    target_attname: str
    doubtful: tuple[Any, ...] = ()

    @property
    def ends(self) -> tuple[str, str]:
        """The attribute names of both ends."""
        return self.source_attname, self.target_attname

    def why_not_findable(self, values: Mapping[str, Any]) -> str | None:
        """Return what is to be told of a link, given by its attributes, whose ends cannot be looked up."""
        for end in self.doubtful:
            if not is_findable(end, value := values.get(end.attname)):
                return not_findable(end, value)
        return None


def link_shape(through: type[Model]) -> LinkShape:
    """Describe an automatic through model."""
    declaring: Any = through._meta.auto_created
    found = next(field for field in declaring._meta.local_many_to_many if field.remote_field.through is through)
    source: Any = through._meta.get_field(found.m2m_field_name())
    target: Any = through._meta.get_field(found.m2m_reverse_field_name())
    return LinkShape(
        through,
        found,
        concrete_of(source.remote_field.model),
        source.attname,
        concrete_of(target.remote_field.model),
        target.attname,
        tuple(end for end in (source, target) if plain_type(end) is None),
    )
