"""By which relations rows may hang on others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.db.models import CASCADE, DO_NOTHING, PROTECT, RESTRICT, Model

from ...capture.tables import captured_models, is_of_links
from ...conf import get_settings
from .key_columns import KeyColumn
from .shape import Shape, concrete_of, is_parent_link, parents_of, root_of, shape_of, target_of


@cache
def relations_to(model: type[Model]) -> tuple[Any, ...]:
    """Return the relations by which rows may point to the model's, links of automatic tables left out."""
    return tuple(relation for relation in _all_relations_to(model) if not _is_of_links(relation.field.model))


@cache
def links_to(model: type[Model]) -> tuple[Any, ...]:
    """Return the foreign keys of automatic many-to-many tables that point to the model."""
    return tuple(relation.field for relation in _all_relations_to(model) if is_of_links(relation.field.model))


@cache
def links_to_children(model: type[Model]) -> tuple[Any, ...]:
    """Return the parent links of the models that inherit directly from ``model``."""
    related = model._meta.related_objects
    return tuple(each.field for each in related if each.one_to_one and is_parent_link(each.field))


@cache
def children_with_other_parents(model: type[Model]) -> tuple[type[Model], ...]:
    """Return the models that inherit directly from ``model``, share its key, and have a parent with another key too.

    So may those that inherit from them in turn.
    """
    children: list[Any] = [link.model for link in links_to_children(model) if link.primary_key]
    return tuple(each for each in children if shape_of(each).other_parents or children_with_other_parents(each))


@cache
def hanging_on(model: type[Model]) -> tuple[Any, ...]:
    """Return the fields by which rows may hang on the rows that an object of the model has in its tables.

    Children of its parents are among them, and of its own; links of automatic tables are not.
    """
    own = {model, *parents_of(model)}
    children = [link for parent in parents_of(model) for link in links_to_children(parent) if link.model not in own]
    return (*(relation.field for relation in relations_to(model)), *children)


def _is_of_links(model: type[Model]) -> bool:
    """Tell an automatic many-to-many table, whichever of the models over it this is."""
    return is_of_links(model) or model._meta.db_table in _tables_of_links()


@cache
def _tables_of_links() -> frozenset[str]:
    models = apps.get_models(include_auto_created=True)
    return frozenset(model._meta.db_table for model in models if is_of_links(model))


def _all_relations_to(model: type[Model]) -> list[Any]:
    others = [
        each for each in apps.get_models() if each._meta.db_table == model._meta.db_table and not each._meta.proxy
    ]
    return [
        relation
        for each in dict.fromkeys([model, *others])  # others over the same table are rare
        for relation in each._meta.get_fields(include_hidden=True)
        if relation.auto_created and not relation.concrete and (relation.one_to_one or relation.one_to_many)
    ]


@dataclass(frozen=True)
class GenericReverse:
    """A ``GenericRelation``: rows that point to a model's with content type and key, and go with them.

    Attributes:
        model: of the rows that point.
        holder: their field that holds the key.
        type_name: the name of that for the content type.
        target: the model that they point to.
        concrete: whether a proxy counts as what it stands for.
    """

    model: type[Model]
    holder: Any
    type_name: str
    target: type[Model]
    concrete: bool

    def content_type(self, alias: str) -> Any:
        """Return the target's content type on a database."""
        from django.contrib.contenttypes.models import ContentType

        return ContentType.objects.db_manager(alias).get_for_model(self.target, for_concrete_model=self.concrete)


@cache
def generic_relations(model: type[Model]) -> tuple[GenericReverse, ...]:
    """Return the model's ``GenericRelation`` fields."""
    found = []
    for field in _related_in_bulk(model):
        if _is_generic(field):
            holder = field.related_model._meta.get_field(field.object_id_field_name)
            found.append(
                GenericReverse(
                    field.related_model, holder, field.content_type_field_name, field.model, field.for_concrete_model
                )
            )
    return tuple(found)


def _related_in_bulk(model: type[Model]) -> list[Any]:
    return [field for field in model._meta.private_fields if hasattr(field, "bulk_related_objects")]


def _is_generic(field: Any) -> bool:
    if not apps.is_installed("django.contrib.contenttypes"):
        return False
    from django.contrib.contenttypes.fields import GenericRelation

    return type(field) is GenericRelation


def columns_leading_to(model: type[Model]) -> list[tuple[type[Model], KeyColumn]]:
    """Return the columns of captured models that may hold keys of the model's objects, each with its model.

    In which rows callables find them, no database can tell: these are left out.
    """
    return [
        (holder, column)
        for holder in captured_models(get_settings().models)
        for column in shape_of(holder).key_columns
        if column.field.model is holder and column.rewrite is None
        if column.model is None or root_of(concrete_of(column.model)) is root_of(model)
    ]


def may_be_spoken_of(model: type[Model]) -> bool:
    """Tell whether keys of the model's objects may be held where no database keeps them from leading nowhere."""
    if may_be_pointed_past(model):
        return True
    shapes = map(shape_of, captured_models(get_settings().models))
    return any(column.rewrite is not None for shape in shapes for column in shape.key_columns)


def may_be_pointed_past(model: type[Model]) -> bool:
    """Tell whether keys may lead to the model's rows that no database keeps from leading nowhere."""
    return _is_pointed_past(model) or bool(columns_leading_to(model))


@cache
def _is_pointed_past(model: type[Model]) -> bool:
    leading = [*hanging_on(model), *(each.field for parent in parents_of(model) for each in relations_to(parent))]
    return any(
        field.remote_field.on_delete is DO_NOTHING or not getattr(field, "db_constraint", True) for field in leading
    )


@cache
def has_odd_relations(model: type[Model]) -> bool:
    """Tell whether rows may point to the model's in other ways than by one column of their own, or a generic one."""
    if not all(map(_is_generic, _related_in_bulk(model))):
        return True
    return any(len(relation.field.foreign_related_fields) != 1 for relation in _all_relations_to(model))


@cache
def nothing_hangs_on(model: type[Model]) -> bool:
    """Tell whether a delete of the model's rows takes nothing along but links of automatic tables."""
    return not (relations_to(model) or generic_relations(model) or has_odd_relations(model) or model._meta.parents)


@cache
def refers_to_itself(model: type[Model]) -> bool:
    """Tell whether rows of the model, or of its parents or children, may point to its rows."""
    return any(root_of(relation.field.model) is root_of(model) for relation in relations_to(model))


@cache
def may_empty_keys(model: type[Model]) -> bool:
    """Tell whether a delete of the model's rows, or of what goes with them, may empty foreign keys of other rows."""
    looked_at: set[type[Model]] = set()
    going: list[type[Model]] = [model]
    while going:
        each = going.pop()
        if each in looked_at:
            continue
        looked_at.add(each)
        for field in hanging_on(each):
            on_delete = field.remote_field.on_delete
            if on_delete is CASCADE:
                going.append(concrete_of(field.model))
            elif on_delete not in (PROTECT, RESTRICT, DO_NOTHING):
                return True
        for table in (each, *parents_of(each)):
            going += [concrete_of(relation.model) for relation in generic_relations(table)]
    return False


@cache
def may_hang_on(model: type[Model]) -> frozenset[type[Model]]:
    """Return the models whose rows may go with a row of the model, protect it, or be let point to it no more."""
    found: set[type[Model]] = set()
    going: list[type[Model]] = [model]
    while going:
        each = going.pop()
        for table in (each, *parents_of(each)):
            found.update(link.model for link in links_to(table))
            hanging = [(field.model, field.remote_field.on_delete) for field in hanging_on(table)]
            hanging += [(relation.model, CASCADE) for relation in generic_relations(table)]
            for holder, on_delete in hanging:
                concrete = concrete_of(holder)
                going += [concrete] if on_delete is CASCADE and concrete not in found else []
                found.add(concrete)
    return frozenset(found)


def models_in_order(shapes: Sequence[Shape]) -> list[Shape]:
    """Order models so that those a model points to come before it, as far as there is no cycle.

    What may point to any of them comes last.
    """
    by_root = {shape.root: shape for shape in shapes}
    ordered: dict[Shape, None] = {}
    under_way: set[Shape] = set()

    def visit(shape: Shape) -> None:
        if shape in ordered or shape in under_way:
            return
        under_way.add(shape)
        for foreign_key in shape.foreign_keys:
            target = by_root.get(root_of(target_of(foreign_key)[0]))
            if target is not None:
                visit(target)
        for model in (concrete_of(column.model) for column in shape.key_columns if column.model is not None):
            if (target := by_root.get(root_of(model))) is not None:
                visit(target)
        ordered[shape] = None

    for shape in sorted(shapes, key=lambda shape: any(column.model is None for column in shape.key_columns)):
        visit(shape)
    return list(ordered)


def with_targets(models: Iterable[type[Model]]) -> list[type[Model]]:
    """Return models, those that their foreign keys lead to, and so on; parents are among them."""
    found: dict[type[Model], None] = {}
    going = list(models)
    while going:
        model = going.pop()
        if model not in found:
            found[model] = None
            keys = [field for field in model._meta.concrete_fields if field.remote_field is not None]
            going += [target_of(field)[0] for field in keys]
    return list(found)
