"""Writing one object to the remote through the ORM, with the signals that a receiver would expect."""

from __future__ import annotations

import datetime
import decimal
import inspect
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial, wraps
from typing import Any

import django
from django.db import connections
from django.db.models import Field, FileField, JSONField, Manager, Model, Q
from django.db.models.fields.proxy import OrderWrt
from django.db.models.signals import m2m_changed

from ..unnamed import unnamed_on
from .json_text import JsonText, annotation_of, is_copied_as_text, put_json, stored_json, text_of
from .local import LinkShape
from .mysql import existing_links_stay
from .redirects import NothingInserted
from .rows import bare_instance, is_made_plainly, rows_of
from .savepoints import without_savepoints
from .shape import Shape, parents_of
from .trees import is_tree, rows_as_they_are

#: Set on an instance while a replay saves it.
_REPLAYED = "_synchro_replayed"


def local_value(instance: Model, field: Field[Any, Any]) -> Any:
    """Return a field's stored value, past its descriptor (a file field's would open the file's storage)."""
    value = instance.__dict__.get(field.attname)
    if isinstance(field, FileField) and value is not None:
        return value if isinstance(value, str) else value.name
    if isinstance(field, JSONField) and (stored := stored_json(instance, field)) is not None:
        # Django reads ``None`` for JSON's null too, and writes it as the null of SQL.
        return stored if is_copied_as_text(field) or value is None else value
    return value


def value_to_write(instance: Model, field: Field[Any, Any]) -> Any:
    """Return a field's value; of JSON that nobody has changed since it was put there, the text."""
    value = local_value(instance, field)
    if not isinstance(value, JsonText) or not isinstance(field, JSONField):
        return value
    current = instance.__dict__.get(field.attname)
    return value if _equal(json.loads(value.text, cls=field.decoder), current) else current


def new_instance(shape: Shape, remote: str, key: Any, values: dict[str, Any]) -> Model:
    """Make the instance of a new remote object; fields without a value keep the model's defaults.

    Args:
        shape: the model.
        remote: the remote alias.
        key: its primary key there, or ``None`` when the database gives it out.
        values: attribute names to values, of all fields that are copied, and of other parents' keys.
    """
    instance: Model
    if is_made_plainly(shape.model):
        instance = bare_instance(shape.model, remote, adding=True)
        instance.__dict__.update((field.attname, field.get_default()) for field in _left_to_defaults(shape))
        _put(instance, shape.copied, values)
    else:
        instance = shape.model()
        instance._state.db = remote
        set_values(instance, values)
    if key is not None:
        set_key(instance, shape, key)
    return instance


def set_key(instance: Model, shape: Shape, key: Any) -> None:
    """Give an instance its primary key; setting ``pk`` would give it to parents that have keys of their own too."""
    for model in () if shape.composite_key else (shape.model, *parents_of(shape.model)):
        instance.__dict__[model._meta.pk.attname] = key
    parts = key if shape.composite_key else (key,)
    for field, part in zip(shape.key, parts, strict=True):
        instance.__dict__[field.attname] = part


@cache
def _left_to_defaults(shape: Shape) -> tuple[Any, ...]:
    fields = shape.model._meta.concrete_fields
    return tuple(field for field in fields if field not in shape.copied and not field.generated)


def set_values(instance: Model, values: dict[str, Any]) -> None:
    """Put stored values into an instance, past descriptors, and forget related objects that no longer fit."""
    _put(instance, instance._meta.concrete_fields, values)
    relations: Any = instance._meta.concrete_fields
    for field in relations:
        if field.is_relation and field.attname in values and field.is_cached(instance):
            field.delete_cached_value(instance)


def _put(instance: Model, fields: Sequence[Any], values: dict[str, Any]) -> None:
    instance.__dict__.update(values)
    for field in fields:
        if isinstance(field, JSONField) and field.attname in values:
            value = values[field.attname]
            if isinstance(value, JsonText):
                put_json(instance, field, value)
            else:
                instance.__dict__.pop(annotation_of(field), None)


def differing(instance: Model, values: dict[str, Any]) -> list[str]:
    """Return the attribute names whose stored values differ from ``values``."""
    fields = {field.attname: field for field in instance._meta.concrete_fields}
    return [
        attname
        for attname, value in values.items()
        if not same_value(fields[attname], local_value(instance, fields[attname]), value)
    ]


#: Of these types Python's equality can be trusted, but for numbers of different types. What a custom field
#: makes may have none, or call different values equal.
_SCALARS = frozenset(
    {bool, int, float, str, bytes, memoryview, decimal.Decimal, uuid.UUID}
    | {datetime.date, datetime.datetime, datetime.time, datetime.timedelta}
)


def same_value(field: Field[Any, Any], one: Any, other: Any) -> bool:
    """Tell whether two values of a field are stored alike."""
    if one is None or other is None:
        return one is other
    if isinstance(field, JSONField) and (isinstance(one, JsonText) or isinstance(other, JsonText)):
        return _as_json(field, one).is_stored_like(_as_json(field, other))
    if type(one) in _SCALARS and type(other) in _SCALARS:
        return _equal(one, other)
    return _equal(field.get_prep_value(one), field.get_prep_value(other))


def _as_json(field: JSONField, value: Any) -> JsonText:
    return value if isinstance(value, JsonText) else JsonText(text_of(field, value) or "null")


def _equal(one: Any, other: Any) -> bool:
    """Tell equality more strictly than Python: 1, 1.0 and True differ, so do 0.0 and -0.0; a NaN equals a NaN."""
    one, other = (bytes(value) if isinstance(value, memoryview) else value for value in (one, other))
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, decimal.Decimal):
        return one.compare_total(other) == 0
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict):
        return _equal(list(one.items()), list(other.items()))
    return bool(one == other)


def save(instance: Model, shape: Shape, remote: str, **options: Any) -> None:
    """Save through the ORM with exactly the values that the instance has."""
    if _is_saved_as_it_is(shape):
        _call(instance.save, remote, options)
        return
    with (
        values_kept(instance, shape),
        _hidden_rows_seen(instance),
        _order_kept(instance, shape),
        _parents_found(instance, shape),
        rows_as_they_are(instance),
    ):
        _call(instance.save, remote, options)


def _call(method: Callable[..., Any], remote: str, options: dict[str, Any]) -> None:
    """Call ``save()`` or ``delete()`` with the options that it takes; one that takes no database finds the remote."""
    taken = _options_taken(method.__func__)  # type: ignore[attr-defined]
    given = {"using": remote, **options}
    if taken is None or given.keys() <= taken:
        method(**given)
        return
    with unnamed_on(remote, always=True):
        method(**{name: value for name, value in given.items() if name in taken})


@cache
def _options_taken(function: Callable[..., Any]) -> frozenset[str] | None:
    """Return the names that a method takes as keywords; ``None``: any."""
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return None
    return frozenset(each.name for each in parameters if each.kind in {each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY})


@contextmanager
def nothing_returned(instance: Model) -> Iterator[None]:
    """Let ``save()`` insert this one instance without asking for what the insert returns; Django fails at no row."""

    def insert(manager: Any, using: str, fields: Any, returning_fields: Any, raw: bool) -> Any:
        model: Any = type(instance)
        return model._do_insert(instance, manager, using, fields, (), raw)

    instance.__dict__["_do_insert"] = insert
    try:
        yield
    finally:
        del instance.__dict__["_do_insert"]


@cache
def _is_saved_as_it_is(shape: Shape) -> bool:
    plain = not shape.computed and type(shape.model._base_manager) is Manager and not is_tree(shape.model)
    return plain and not _is_given_an_order(shape) and not _has_parents_with_default_keys(shape)


@cache
def _is_given_an_order(shape: Shape) -> bool:
    """Tell whether ``save()`` gives a new object the last place (``Meta.order_with_respect_to``)."""
    return any(isinstance(field, OrderWrt) for field in shape.model._meta.concrete_fields)


@cache
def _has_parents_with_default_keys(shape: Shape) -> bool:
    keys = [field for parent in shape.model._meta.all_parents for field in parent._meta.pk_fields]
    return any(field.has_default() or field.has_db_default() for field in keys)


def create_instances(instances: Sequence[Model], shape: Shape, remote: str) -> None:
    """Insert new instances in one statement with exactly the values that they have; without signals."""
    with ExitStack() as kept:
        for instance in instances if shape.computed else ():
            kept.enter_context(values_kept(instance, shape))
        rows_of(shape.model, remote).bulk_create(instances)
    if any(instance.pk is None for instance in instances):
        raise NothingInserted(shape.label, remote)


def delete(instance: Model, remote: str, **options: Any) -> None:
    """Delete through the ORM."""
    with rows_as_they_are(instance):
        _call(instance.delete, remote, options)


def save_links(
    shape: LinkShape, owner: Model, target_keys: set[Any], remote: str, *, add: bool, mirrored: set[Any]
) -> list[tuple[Any, Any]]:
    """Add or remove links of one owner, with the ``m2m_changed`` signals that the related manager would send.

    The manager itself is not used: it asks the router where to write, and the remote is not its answer.

    Args:
        shape: the table.
        owner: the remote row of the object on the declaring side.
        target_keys: remote keys of the objects at the other end; none of them is linked yet, or all are.
        remote: the remote alias.
        add: whether to add or to remove.
        mirrored: the target keys whose mirrored link, in a symmetrical table, is written too.

    Returns:
        The pairs of remote keys that are linked now, or no longer.
    """
    rows, (source, target) = rows_of(shape.through, remote), shape.ends
    ordered = sorted(target_keys, key=repr)
    back = [key for key in ordered if key in mirrored and key != owner.pk]
    if not shape.field.remote_field.symmetrical:
        back = []
    pairs = [*((owner.pk, key) for key in ordered), *((key, owner.pk) for key in back)]
    action = "add" if add else "remove"
    send_m2m(shape, owner, target_keys, remote, f"pre_{action}")
    if add:
        links = [shape.through(**{source: one, target: other}) for one, other in pairs]
        rows.bulk_create(links, **existing_links_stay(shape.through, source, remote))
    else:
        going = Q(**{source: owner.pk, f"{target}__in": ordered})
        if back:
            going |= Q(**{f"{source}__in": back, target: owner.pk})
        rows.filter(going)._raw_delete(remote)
    send_m2m(shape, owner, target_keys, remote, f"post_{action}")
    return pairs


def send_m2m(shape: LinkShape, owner: Model, keys: set[Any], remote: str, action: str) -> None:
    """Send ``m2m_changed`` as the related manager would."""
    extra = {"raw": False} if django.VERSION >= (6, 1) else {}
    m2m_changed.send(
        sender=shape.through,
        instance=owner,
        action=action,
        reverse=False,
        model=shape.target_model,
        pk_set=keys,
        using=remote,
        **extra,
    )


# What receivers write ---------------------------------------------------------------------------------


class Writes:
    """The statements on a connection that write, and their tables, to notice the writes of signal receivers.

    It is an ``execute_wrapper``.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._tables: list[str | None] = []
        self._own: dict[type[Model], list[str]] = {}

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = without_savepoints(str(sql))
        if not text.startswith(_READING):
            found = _WRITES.match(text)
            self._tables.append(found[1] if found else None)
        return execute(sql, params, many, context)

    def begin(self) -> None:
        """Forget what was written so far: one object comes now."""
        self._tables.clear()

    def tables(self) -> set[str | None]:
        """Return the quoted names of all tables written to since ``begin()``; ``None``: one cannot tell which."""
        return set(self._tables)

    def to_other_rows(self, model: type[Model]) -> set[str | None]:
        """Return to which tables was written since ``begin()``, beyond the save or delete of one object of a model.

        Returns:
            The quoted names of other tables, and of the object's own where they were written to more than once;
            ``None`` stands for statements of which one cannot tell.
        """
        own = self._own_tables(model)
        return set() if self._tables == own else set(Counter(self._tables) - Counter[str | None](own))

    def _own_tables(self, model: type[Model]) -> list[str]:
        if model not in self._own:
            quote = connections[self._alias].ops.quote_name
            self._own[model] = [quote(each._meta.db_table) for each in (*model._meta.all_parents, model)]
        return self._own[model]


_READING = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")

#: A name as the vendors quote it: with quotes, or with backticks.
_NAME = r"""(?:"(?:[^"]|"")+"|`(?:[^`]|``)+`)"""

#: A statement that writes, up to the name of its table.
_WRITES = re.compile(
    r"(?:(?:INSERT|REPLACE)(?: (?:OR \w+|IGNORE))? INTO|UPDATE|DELETE(?: `[^`]+`)? FROM)"
    rf" ({_NAME}(?:\.{_NAME})?)(?:[ ;(]|$)"
)


# Values that change themselves --------------------------------------------------------------------


@contextmanager
def values_kept(instance: Model, shape: Shape) -> Iterator[None]:
    """Keep ``auto_now`` and the like from renewing themselves while this one instance is saved.

    ``raw=True`` would do it too, but receivers leave raw saves alone. The fields' ``pre_save`` is wrapped once
    and looks at the instance, so that other threads' saves of the same model are not touched.
    """
    if not shape.computed:
        yield
        return
    for field in shape.computed:
        _respect_replay(field)
    instance.__dict__[_REPLAYED] = True
    try:
        yield
    finally:
        instance.__dict__.pop(_REPLAYED, None)


@contextmanager
def _hidden_rows_seen(instance: Model) -> Iterator[None]:
    """Let ``save()`` update a row that ``Meta.base_manager_name`` hides, for this one instance.

    It would find nothing to update there, and insert the row a second time.
    """
    if type(type(instance)._base_manager) is Manager:
        yield
        return

    def update_any(base_rows: Any, using: str, *arguments: Any, **options: Any) -> Any:
        return type(instance)._do_update(instance, rows_of(base_rows.model, using), using, *arguments, **options)

    instance.__dict__["_do_update"] = update_any
    try:
        yield
    finally:
        del instance.__dict__["_do_update"]


@contextmanager
def _order_kept(instance: Model, shape: Shape) -> Iterator[None]:
    """Keep ``save()`` from giving this one new instance the last place of ``Meta.order_with_respect_to``.

    It puts that into the instance just before the statement, so it is taken back in between.
    """
    if not _is_given_an_order(shape):
        yield
        return
    model: Any = type(instance)
    before = instance.__dict__.get("_do_insert")  # ``nothing_returned``
    insert_then = before or partial(model._do_insert, instance)
    kept: dict[str, Any] = {}

    def write(*arguments: Any, **options: Any) -> Any:
        kept["_order"] = instance.__dict__.get("_order")
        return model._save_table(instance, *arguments, **options)

    def insert(*arguments: Any, **options: Any) -> Any:
        instance.__dict__.update(kept)
        return insert_then(*arguments, **options)

    instance.__dict__ |= {"_save_table": write, "_do_insert": insert}
    try:
        yield
    finally:
        for name in ("_save_table", "_do_insert"):
            instance.__dict__.pop(name, None)
        if before is not None:
            instance.__dict__["_do_insert"] = before


@contextmanager
def _parents_found(instance: Model, shape: Shape) -> Iterator[None]:
    """Let ``save()`` look for the rows of parents when it adds this one child: they may be there already.

    Where a parent's key has a default, Django takes the row for as new as the child, and inserts it a second time.
    """
    if not instance._state.adding or not _has_parents_with_default_keys(shape):
        yield
        return
    before = instance.__dict__.get("_save_table")  # ``_order_kept``
    write_then = before or partial(type(instance)._save_table, instance)  # type: ignore[attr-defined]

    def write(raw: bool = False, cls: Any = None, *arguments: Any, **options: Any) -> Any:
        instance._state.adding = cls is type(instance)
        try:
            return write_then(raw, cls, *arguments, **options)
        finally:
            instance._state.adding = True

    instance.__dict__["_save_table"] = write
    try:
        yield
    finally:
        del instance.__dict__["_save_table"]
        if before is not None:
            instance.__dict__["_save_table"] = before


def _respect_replay(field: Any) -> None:
    if "pre_save" in field.__dict__:
        return
    original = field.pre_save

    @wraps(original)
    def pre_save(model_instance: Model, add: bool) -> Any:
        if _REPLAYED not in model_instance.__dict__:
            return original(model_instance, add)
        if isinstance(field, JSONField):
            return value_to_write(model_instance, field)
        value = getattr(model_instance, field.attname)
        if not isinstance(field, FileField):
            return value
        if value and not value._committed:  # a receiver has put a new file there
            return original(model_instance, add)
        return value.name  # which may be None: Django would make an empty path of it

    field.pre_save = pre_save
