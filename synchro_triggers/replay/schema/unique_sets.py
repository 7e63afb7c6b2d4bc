"""Values of which only one row can have the same: what a model declares, and which rows have them already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldError
from django.db import connections
from django.db.models import Deferrable, F, Model, Q, QuerySet, UniqueConstraint, Value
from django.db.models.expressions import OrderBy
from django.db.models.lookups import Exact, IsNull

from ...capture.tables import natural_key_fields, natural_manager
from .shape import Shape, parents_of


@dataclass(frozen=True)
class UniqueSet:
    """Fields of one table whose values are unique together.

    Attributes:
        model: the model of the table.
        fields: those that are compared, or that take part in what is compared.
        constraint: what declares it; ``None``: ``unique=True`` or ``unique_together``.
    """

    model: type[Model]
    fields: tuple[Any, ...]
    constraint: UniqueConstraint | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(field.name for field in self.fields)

    def holders(self, rows: QuerySet[Any], values: Mapping[str, Any]) -> QuerySet[Any] | None:
        """Return those of some rows of the table that have an object's values.

        Args:
            values: by attribute names, as the database of the rows would hold them.

        Returns:
            ``None``: any number of rows may have them (a NULL is among them, or a condition does not hold).
        """
        constraint = self.constraint
        if any(field.attname not in values for field in self.fields):
            return None
        nulls = [field for field in self.fields if values[field.attname] is None]
        if nulls and (constraint is None or constraint.nulls_distinct is not False):
            return None
        if constraint is None:
            return rows.filter(**{field.attname: values[field.attname] for field in self.fields})
        if constraint.condition is not None:
            if not self._holds(constraint.condition, values, rows.db):
                return None
            rows = rows.filter(constraint.condition)
        if constraint.expressions:
            return rows.filter(*(self._same(each, values) for each in constraint.expressions))
        return rows.filter(**{field.attname: values[field.attname] for field in self.fields})

    def _given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        options: Any = self.model._meta
        fields = [field for field in options.concrete_fields if field.attname in values]
        return {name: Value(values[each.attname], each) for each in fields for name in (each.name, each.attname)}

    def _holds(self, condition: Q, values: Mapping[str, Any], alias: str) -> bool:
        try:
            return condition.check(self._given(values), using=alias)
        except FieldError:  # it asks for what is not copied: the row that is there is asked alone
            return True

    def _same(self, expression: Any, values: Mapping[str, Any]) -> Any:
        compared = expression.expression if isinstance(expression, OrderBy) else expression
        compared = F(compared) if isinstance(compared, str) else compared
        given: dict[Any, Value] = {F(name): value for name, value in self._given(values).items()}
        wanted = compared.replace_expressions(given)
        same: Any = Q(Exact(compared, wanted))
        if self.constraint is not None and self.constraint.nulls_distinct is False:
            same |= Q(IsNull(compared, True)) & Q(IsNull(wanted, True))
        return same


def unique_sets(shape: Shape, alias: str) -> Iterator[UniqueSet]:
    """Yield the sets of copied fields that are unique together in a database, those of parents' tables too."""
    for model in (shape.model, *parents_of(shape.model)):
        options: Any = model._meta
        own = {field.name: field for field in options.local_concrete_fields if field in shape.copied}
        declared: list[tuple[tuple[str, ...], UniqueConstraint | None]] = []
        declared += [((name,), None) for name, field in own.items() if field.unique]
        declared += [(tuple(each), None) for each in options.unique_together]
        constraints = [each for each in options.constraints if isinstance(each, UniqueConstraint)]
        declared += [(_names_of(each), each) for each in constraints if _is_kept(each, alias)]
        for names, constraint in declared:
            if names and own.keys() >= set(names):
                yield UniqueSet(model, tuple(own[name] for name in names), constraint)


def natural_set(shape: Shape) -> Iterator[UniqueSet]:
    """Yield the copied fields of a natural key that names its own, whether the database holds them apart or not."""
    own = {field.name: field for field in shape.copied if field.model is shape.model}
    manager: Any = natural_manager(shape.model)
    names = natural_key_fields(shape.model) if manager is not None else ()
    if names and own.keys() >= set(names) and not getattr(manager, "allow_many", False):
        yield UniqueSet(shape.model, tuple(own[name] for name in names))


def own_key(shape: Shape, model: type[Model], values: Mapping[str, Any], key: Any) -> Any:
    """Return the key of an object's own row in the table of its model or of one of its parents.

    Args:
        values: its values, by attribute names.
        key: its primary key.
    """
    for parent in shape.other_parents:
        if model in (parent.model, *parents_of(parent.model)):
            return values.get(parent.link.attname)
    return key


def deferred_names(shape: Shape, alias: str) -> list[str]:
    """Return the names of constraints that a database checks no sooner than at the commit."""
    if not connections[alias].features.supports_deferrable_unique_constraints:
        return []
    return [
        each.name
        for model in (shape.model, *parents_of(shape.model))
        for each in model._meta.constraints
        if isinstance(each, UniqueConstraint) and each.deferrable is Deferrable.DEFERRED
    ]


def _is_kept(constraint: UniqueConstraint, alias: str) -> bool:
    """Tell whether a database has a constraint at all: of those that it cannot have, Django only warns."""
    features = connections[alias].features
    return (
        (constraint.deferrable is None or features.supports_deferrable_unique_constraints)
        and (constraint.condition is None or features.supports_partial_indexes)
        and (not constraint.expressions or features.supports_expression_indexes)
        and (constraint.nulls_distinct is None or features.supports_nulls_distinct_unique_constraints)
    )


def _names_of(constraint: UniqueConstraint) -> tuple[str, ...]:
    if constraint.fields:
        return tuple(constraint.fields)
    return tuple(dict.fromkeys(_names_in(constraint.expressions)))


def _names_in(expressions: Iterable[Any]) -> Iterator[str]:
    for expression in expressions:
        parts: Iterable[Any] = expression.flatten() if hasattr(expression, "flatten") else (expression,)
        yield from (str(getattr(part, "name", "")).split("__")[0] for part in parts if isinstance(part, F))
