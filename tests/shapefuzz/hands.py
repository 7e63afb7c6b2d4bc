"""What users of either database do: through the ORM, and in SQL.

Each hand takes a world, a source of chances and the alias that it works on, and returns what it did, in words.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, models
from django.db.models import AutoField, BigAutoField, Model, QuerySet, SmallAutoField

from tests.shapefuzz.content import Row, Unreadable, read_table
from tests.shapefuzz.holding import holding, is_holder, key_held, model_held
from tests.shapefuzz.ledger import letter, note_touched
from tests.shapefuzz.world import World
from tests.shapefuzz.writing import delete, insert, update, value_of

Hand = Callable[[World, Random, str], str]

NOTHING = ""
"""What a hand returns that has found nothing to work on."""


def links_to_parent(field: Any) -> bool:
    return bool(field.is_relation and getattr(field.remote_field, "parent_link", False))


def is_automatic(field: Any) -> bool:
    return isinstance(field, (AutoField, BigAutoField, SmallAutoField))


def is_mark(field: Any) -> bool:
    return bool(field.name.startswith("mark_"))


def rows_of(alias: str, model: type[Model]) -> QuerySet[Any]:
    return QuerySet(model, using=alias)


def pick(world: World, random: Random, alias: str, model: type[Model] | None = None) -> tuple[type[Model], Row] | None:
    """Return some row that can be named."""
    filled = [(each, read_table(alias, each)) for each in ([model] if model else world.written)]
    filled = [(each, [row for row in rows if is_readable(row.key)]) for each, rows in filled]
    filled = [(each, rows) for each, rows in filled if rows]
    if not filled:
        return None
    chosen, rows = random.choice(filled)
    return chosen, random.choice(sorted(rows, key=lambda row: repr(row.key)))


def is_readable(key: Any) -> bool:
    return not any(isinstance(each, Unreadable) for each in (key if isinstance(key, tuple) else (key,)))


def is_new(value: Any) -> bool:
    return value is not NotImplemented


# Making -------------------------------------------------------------------------------------------


def new_values(
    world: World, random: Random, alias: str, model: type[Model], mark: str, depth: int = 0
) -> dict[str, Any] | None:
    """Return the values of a new object; what it must point to is made where there is none."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if links_to_parent(field) or field.column is None:
            continue
        if is_mark(field):
            values[field.attname] = mark
        elif is_automatic(field):
            continue
        elif field.name == "_order":
            values[field.attname] = random.randint(0, 3)
        elif is_set_apart(field):
            values[field.attname] = None
        else:
            value = value_of(field, alias, random)
            if value is NotImplemented:
                if depth > 2 or not create_in(world, random, alias, field.remote_field.model, depth + 1):
                    return None
                value = value_of(field, alias, random)
            values[field.attname] = value if is_new(value) else None
    return values


def is_of_generic_key(field: Any) -> bool:
    return bool(field.name.startswith(("ct_", "oid_")))


def is_set_apart(field: Any) -> bool:
    """Tell a column that only leads somewhere together with others, or to what the field does not say."""
    return is_of_generic_key(field) or is_holder(field) or bool(field.name.startswith("kt_"))


# Whoever makes an object makes all of its rows: ``force_insert=(models.Model,)``. One that takes over the row of a
# parent would give it another mark, and the oracle could not know it again. ``become_child`` does it without.


def create_in(world: World, random: Random, alias: str, model: type[Model], depth: int = 0) -> bool:
    concrete = model._meta.concrete_model
    assert concrete is not None
    values = new_values(world, random, alias, concrete, world.new_mark(alias), depth)
    if values is None:
        return False
    concrete(**values).save(using=alias, force_insert=(models.Model,))
    return True


def create(world: World, random: Random, alias: str) -> str:
    model = random.choice(world.written)
    mark = world.new_mark(alias)
    values = new_values(world, random, alias, model, mark)
    if values is None:
        return NOTHING
    way = random.choice(("save", "save", "bulk_create", "SQL"))
    if model._meta.parents or way == "save":
        way = "save"
        model(**values).save(using=alias, force_insert=(models.Model,))
    elif way == "bulk_create":
        bulk_create(alias, model, [model(**values)])
    else:
        with_defaults(model, values)
        insert(alias, model, values, random)
    return f"{model.__name__} {mark} is made by {way}: {short(values)}"


def bulk_create(alias: str, model: type[Model], instances: list[Any]) -> None:
    try:
        rows_of(alias, model).bulk_create(instances)
    except AssertionError as error:  # Django's own: it has got back fewer keys than it has inserted rows
        raise ValueError("a trigger has cancelled an insert of bulk_create") from error


def with_defaults(model: type[Model], values: dict[str, Any]) -> None:
    for field in model._meta.local_concrete_fields:
        if isinstance(field, models.DateTimeField) and field.auto_now:
            values[field.attname] = values.get(field.attname) or datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


def create_several(world: World, random: Random, alias: str) -> str:
    model = random.choice([each for each in world.written if not each._meta.parents] or world.written)
    made = []
    for _ in range(random.randint(2, 5)):
        values = new_values(world, random, alias, model, world.new_mark(alias))
        if values is not None:
            made.append(model(**values))
    if not made or model._meta.parents:
        return NOTHING
    bulk_create(alias, model, made)
    return f"{len(made)} {model.__name__} are made by bulk_create"


def give_key_again(world: World, random: Random, alias: str) -> str:
    """Make an object under a key that was deleted."""
    freed = [(model, key) for model, keys in world.freed.items() for key in keys if not model._meta.parents]
    if not freed:
        return NOTHING
    model, key = random.choice(sorted(freed, key=repr))
    if isinstance(key, tuple) or any(repr(row.key) == repr(key) for row in read_table(alias, model)):
        return NOTHING
    mark = world.new_mark(alias)
    values = new_values(world, random, alias, model, mark)
    if values is None:
        return NOTHING
    values[model._meta.pk.attname] = key
    model(**values).save(using=alias, force_insert=(models.Model,))
    return f"{model.__name__} {mark} gets the key {key!r}, which was another one's"


def short(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}"[:60] for name, value in values.items() if not name.startswith("mark_"))


# Changing -----------------------------------------------------------------------------------------


def change(world: World, random: Random, alias: str) -> str:
    found = pick(world, random, alias)
    if found is None:
        return NOTHING
    model, row = found
    fields = [
        each
        for each in model._meta.local_concrete_fields
        if each.column
        and not each.primary_key
        and not links_to_parent(each)
        and not is_mark(each)
        and each not in model._meta.pk_fields
        and not is_set_apart(each)
    ]
    field = random.choice(fields)
    value = random.randint(0, 3) if field.name == "_order" else value_of(field, alias, random)
    if not is_new(value):
        return NOTHING
    way = random.choice(("save", "save", "update", "bulk_update", "SQL"))
    note_touched(alias, model, marks_of(model, [row]))
    if way == "SQL":
        update(alias, field, value, row.key, random)
    elif way == "update":
        rows_of(alias, model).filter(pk=row.key).update(**{field.attname: value})
    else:
        instance = rows_of(alias, model).get(pk=row.key)
        setattr(instance, field.attname, value)
        if way == "save":
            instance.save(using=alias)
        else:
            rows_of(alias, model).bulk_update([instance], [field.name])
    return f"{model.__name__} {row.key!r}.{field.attname} = {value!r} by {way}"


def marks_of(model: type[Model], rows: Iterable[Row]) -> list[str]:
    return [str(row.raw[f"mark_{letter(model)}"]) for row in rows]


def change_all(world: World, random: Random, alias: str) -> str:
    model = random.choice(world.written)
    note = f"note_{letter(model)}"
    value = f"all {random.randint(0, 9)}"
    note_touched(alias, model, marks_of(model, read_table(alias, model)))
    rows_of(alias, model).update(**{note: value})
    return f"all {model.__name__}.{note} = {value!r}"


def swap(world: World, random: Random, alias: str) -> str:
    """Let two or three objects hand their unique values round."""
    choices = [
        (each, field)
        for each in world.written
        for field in each._meta.local_concrete_fields
        if field.name.startswith("u_")
    ]
    if not choices:
        return NOTHING
    model, field = random.choice(choices)
    rows = [row for row in read_table(alias, model) if is_readable(row.key)]
    if len(rows) < 2:
        return NOTHING
    chosen = random.sample(sorted(rows, key=lambda row: repr(row.key)), min(len(rows), random.choice((2, 2, 3))))
    names = [
        field.attname,
        *(each.attname for each in model._meta.local_concrete_fields if each.name.startswith("r0_")),
    ]
    values = [{name: row.raw[name] for name in names} for row in chosen]
    if any(isinstance(value, Unreadable) for each in values for value in each.values()):
        return NOTHING
    spare = 77 if isinstance(field, models.IntegerField) else "spare"
    by_save = random.random() < 0.4
    note_touched(alias, model, marks_of(model, chosen))
    steps = [(chosen[0], {field.attname: spare}), *zip(chosen[1:], values, strict=False), (chosen[0], values[-1])]
    for row, new in steps:
        if by_save:
            instance = rows_of(alias, model).get(pk=row.key)
            for name, value in new.items():
                setattr(instance, name, value)
            instance.save(using=alias)
        else:
            rows_of(alias, model).filter(pk=row.key).update(**new)
    return f"{model.__name__} {[row.key for row in chosen]} hand {names} round"


def renumber(world: World, random: Random, alias: str) -> str:
    """Change a primary key, and whatever points to it, in SQL."""
    found = pick(world, random, alias)
    if found is None or len(found[0]._meta.pk_fields) > 1 or found[0]._meta.parents:
        return NOTHING
    if alias == "remote":
        return NOTHING  # what it was is deleted there, and what it is has nothing to do with LOCAL
    model, row = found
    field = model._meta.pk
    value = 20_000 + world.count if is_automatic(field) else value_of(field, alias, random)
    if not is_new(value) or value is None:
        return NOTHING
    world.count += 1
    pointing = [
        relation.field
        for relation in model._meta.get_fields(include_hidden=True)
        if relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one)
    ]
    if any(each.primary_key for each in pointing):
        return NOTHING  # and so on
    rows_of(alias, model).filter(pk=row.key).update(**{field.attname: value})
    for each in pointing:
        if each.target_field is field:
            rows_of(alias, each.model).filter(**{each.attname: row.key}).update(**{each.attname: value})
    for holder in holders(world):
        for held in read_table(alias, holder.model) if model_held(holder) is model else ():
            if repr(key_held(holder, held.raw[holder.attname])) == repr(row.key):
                rows_of(alias, holder.model).filter(pk=held.key).update(**{holder.attname: holding(holder, value)})
    return f"the key of {model.__name__} {row.key!r} becomes {value!r}"


def link(world: World, random: Random, alias: str) -> str:
    fields = [field for model in world.written for field in model._meta.local_many_to_many]
    fields = [field for field in fields if field.remote_field.through._meta.auto_created]
    if not fields:
        return NOTHING
    field = random.choice(fields)
    source, target = pick(world, random, alias, field.model), pick(world, random, alias, concrete(field.related_model))
    if source is None or target is None:
        return NOTHING
    manager = getattr(rows_of(alias, source[0]).get(pk=source[1].key), field.name)
    way = random.choice(("add", "add", "add", "remove", "set", "clear", "SQL"))
    if way == "clear":
        manager.clear()
    elif way == "set":
        manager.set(list(rows_of(alias, target[0]).order_by("pk")[: random.randint(0, 3)]))
    elif way == "SQL" and not (field.remote_field.symmetrical):
        through = field.remote_field.through
        ends = {field.m2m_field_name() + "_id": source[1].key, field.m2m_reverse_field_name() + "_id": target[1].key}
        if not rows_of(alias, through).filter(**ends)._raw_delete(alias):
            rows_of(alias, through).bulk_create([through(**ends)])
    elif way == "remove":
        manager.remove(rows_of(alias, target[0]).get(pk=target[1].key))
    else:
        manager.add(rows_of(alias, target[0]).get(pk=target[1].key))
    return f"{source[0].__name__} {source[1].key!r}.{field.name}: {way} {target[1].key!r}"


def move_link(world: World, random: Random, alias: str) -> str:
    """Let a row of links lead elsewhere, in SQL."""
    fields = [field for model in world.written for field in model._meta.local_many_to_many]
    throughs = [each.remote_field.through for each in fields if not each.remote_field.symmetrical]
    filled = [(each, read_table(alias, each)) for each in throughs if each._meta.auto_created]
    filled = [(each, rows) for each, rows in filled if rows]
    if not filled:
        return link(world, random, alias)
    through, rows = random.choice(filled)
    row = random.choice(sorted(rows, key=lambda each: each.key))
    end = random.choice([each for each in through._meta.local_concrete_fields if each.is_relation])
    target = pick(world, random, alias, concrete(end.related_model))
    if target is None:
        return NOTHING
    update(alias, end, target[1].key, row.key)
    return f"the link {row.raw} of {through.__name__} gets {end.attname} = {target[1].key!r} by SQL"


def holders(world: World) -> list[Any]:
    fields = [field for model in world.written for field in model._meta.local_concrete_fields]
    return [field for field in fields if model_held(field) is not None]


def hold_key(world: World, random: Random, alias: str) -> str:
    """Let a column that holds a key lead somewhere, or nowhere."""
    found = holders(world)
    if not found:
        return NOTHING
    field = random.choice(found)
    target = model_held(field)
    assert target is not None
    owner, held = pick(world, random, alias, field.model), pick(world, random, alias, concrete(target))
    if owner is None:
        return NOTHING
    key = held[1].key if held is not None and random.random() < 0.8 else None
    if key is None and is_automatic_key(target) and random.random() < 0.5:
        key = random.randint(1, 9)
    values = {field.attname: holding(field, key)}
    for told in field.model._meta.local_concrete_fields:
        if told.name.startswith("kt_"):
            values[told.attname] = None if key is None else target._meta.label
    note_touched(alias, field.model, marks_of(field.model, [owner[1]]))
    if random.random() < 0.5:
        rows_of(alias, field.model).filter(pk=owner[1].key).update(**values)
    else:
        instance = rows_of(alias, field.model).get(pk=owner[1].key)
        for name, value in values.items():
            setattr(instance, name, value)
        instance.save(using=alias)
    return f"{field.model.__name__} {owner[1].key!r} gets {values}"


def is_automatic_key(model: type[Model]) -> bool:
    key: Any = model._meta.pk
    while key.is_relation:
        key = key.target_field
    return is_automatic(key)


def concrete(model: Any) -> type[Model]:
    found: type[Model] = model._meta.concrete_model
    return found


def point(world: World, random: Random, alias: str) -> str:
    """Let a generic foreign key lead somewhere, or nowhere."""
    owners = [each for each in world.written if any(hasattr(field, "fk_field") for field in each._meta.private_fields)]
    found = pick(world, random, alias, random.choice(owners)) if owners else None
    target = pick(world, random, alias)
    if found is None or target is None or isinstance(target[1].key, tuple):
        return NOTHING
    (model, row), generic = found, next(each for each in found[0]._meta.private_fields if hasattr(each, "fk_field"))
    kind = ContentType.objects.db_manager(alias).get_for_model(target[0])
    key = str(target[1].key) if random.random() < 0.75 else str(random.randint(1, 9))
    if len(key) > 60 or isinstance(target[1].key, (bytes, memoryview)):
        return NOTHING
    values = {f"{generic.ct_field}_id": kind.pk, generic.fk_field: key}
    rows_of(alias, model).filter(pk=row.key).update(**values)
    return f"{model.__name__} {row.key!r} points to {target[0].__name__} {key}"


# Deleting -----------------------------------------------------------------------------------------


def remove(world: World, random: Random, alias: str) -> str:
    found = pick(world, random, alias)
    if found is None:
        return NOTHING
    model, row = found
    way = random.choice(("delete", "delete", "queryset", "SQL"))
    if way == "delete":
        rows_of(alias, model).get(pk=row.key).delete(using=alias)
    elif way == "queryset":
        rows_of(alias, model).filter(pk=row.key).delete()
    else:
        delete(alias, model, row.key)
    if alias == "default":
        world.freed.setdefault(model, []).append(row.key)
    return f"{model.__name__} {row.key!r} is deleted by {way}"


def remove_child(world: World, random: Random, alias: str) -> str:
    children = [each for each in world.written if each._meta.parents]
    found = pick(world, random, alias, random.choice(children)) if children else None
    if found is None:
        return NOTHING
    rows_of(alias, found[0]).get(pk=found[1].key).delete(using=alias, keep_parents=True)
    return f"{found[0].__name__} {found[1].key!r} is deleted, its parents are kept"


def become_child(world: World, random: Random, alias: str) -> str:
    """Make the row of a child for a parent that is there, in SQL."""
    children = [each for each in world.written if len(each._meta.parents) == 1]
    if not children:
        return NOTHING
    model = random.choice(children)
    link_field = next(iter(model._meta.parents.values()))
    parent = pick(world, random, alias, concrete(link_field.remote_field.model))
    if parent is None or isinstance(parent[1].key, tuple):
        return NOTHING
    values = new_values(world, random, alias, model, world.new_mark(alias))
    if values is None:
        return NOTHING
    insert(alias, model, {**values, link_field.attname: parent[1].key}, random)
    return f"{parent[0].__name__} {parent[1].key!r} becomes a {model.__name__} by SQL"


def move_and_remove(world: World, random: Random, alias: str) -> str:
    """Give what hangs on one object to another one, and delete the first, in SQL."""
    fields = [
        field
        for model in world.written
        for field in model._meta.local_concrete_fields
        if field.is_relation and field.name.startswith("r") and not field.one_to_one
    ]
    if not fields:
        return NOTHING
    field = random.choice(fields)
    model = concrete(field.remote_field.model)
    old, new = pick(world, random, alias, model), pick(world, random, alias, model)
    target = field.target_field.attname
    if old is None or new is None or old[1].key == new[1].key or not {target} <= old[1].raw.keys() & new[1].raw.keys():
        return NOTHING
    rows = rows_of(alias, field.model).filter(**{field.attname: old[1].raw[target]})
    rows.update(**{field.attname: new[1].raw[target]})
    delete(alias, model, old[1].key)
    if alias == "default":
        world.freed.setdefault(model, []).append(old[1].key)
    return f"all {field.model.__name__}.{field.name} of {model.__name__} {old[1].key!r} move to {new[1].key!r}; it goes"


def replace(world: World, random: Random, alias: str) -> str:
    """Delete an object and make another one with its key, as SQLite's row numbers do."""
    done = remove(world, random, alias)
    return f"{done}; {give_key_again(world, random, alias) or 'nothing else'}" if done else NOTHING


def roll_back(world: World, random: Random, alias: str) -> str:
    from django.db import transaction

    with transaction.atomic(using=alias):
        done = random.choice((create, change, remove))(world, random, alias)
        transaction.set_rollback(True, using=alias)
    return f"{done}; and it is rolled back" if done else NOTHING


#: What a hand may meet that has to give up: rows that Python cannot read, or what a hidden row has kept. Of parents
#: whose keys have to be converted, Django's update of inherited fields raises ``AttributeError`` (5.2).
_CANNOT_READ = (ValidationError, DataError, ValueError, TypeError, OverflowError, ArithmeticError, AttributeError)
GIVES_UP = (ObjectDoesNotExist, *_CANNOT_READ)
HANDS: dict[str, tuple[Hand, int]] = {
    "create": (create, 30),
    "create several": (create_several, 5),
    "change": (change, 24),
    "change all": (change_all, 3),
    "swap": (swap, 6),
    "renumber": (renumber, 3),
    "link": (link, 8),
    "point": (point, 6),
    "move link": (move_link, 4),
    "hold": (hold_key, 5),
    "remove": (remove, 10),
    "remove child": (remove_child, 2),
    "become child": (become_child, 3),
    "move and remove": (move_and_remove, 3),
    "give key again": (give_key_again, 4),
    "replace": (replace, 3),
    "roll back": (roll_back, 2),
}
