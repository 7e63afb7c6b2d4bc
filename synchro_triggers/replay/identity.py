"""Which remote row is which local object.

In this order: the stored reference (dropped when its remote row is gone); the natural key; the primary key,
if the database does not give it out or the model is in ``SYNCHRO_IDENTITY``; otherwise none: a new object.

References are stored in the database that received the object. For two-way use the other direction's
references, which are stored in LOCAL, are read too, backwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from typing import Any

from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.db.models import Model
from django.db.models.functions import Now

from ..capture.tables import decode_key, encode_key, natural_key_fields, natural_manager
from ..conf import LOCAL
from ..exceptions import ObjectNotApplied
from ..models import Reference
from ..natural import NaturalManager
from .local import generic_target
from .rows import rows_of
from .shape import Shape, is_foreign_key, root_of, shape_of, target_of


class Identity:
    """The references of one batch, read in a few queries, and what is learnt while it is applied.

    Args:
        remote: the remote alias.
        source: node id of LOCAL.
        target: node id of the remote.
        kept_keys: labels of models in ``SYNCHRO_IDENTITY``.
        imagined: what a dry run would have created so far.
    """

    def __init__(
        self,
        remote: str,
        source: str,
        target: str,
        kept_keys: frozenset[str],
        imagined: Mapping[tuple[type[Model], Any], Any] | None = None,
    ) -> None:
        self.remote = remote
        self._source = source
        self._target = target
        self._kept_keys = kept_keys
        self._imagined = imagined if imagined is not None else {}
        self._known: dict[tuple[type[Model], Any], Any] = {}
        self._claimed: dict[tuple[type[Model], Any], Any] = {}
        self._asked: set[tuple[type[Model], Any]] = set()
        self._rows: dict[tuple[type[Model], str], Reference] = {}
        self._learnt: dict[tuple[type[Model], Any], Any] = {}
        self._met: set[int] = set()
        self._forgotten: set[tuple[type[Model], Any]] = set()

    # References -----------------------------------------------------------------------------------

    def load(self, model: type[Model], keys: Iterable[Any]) -> None:
        """Read the references of local keys of one model, and drop those whose remote row is gone."""
        root = root_of(model)
        wanted = {key for key in keys if (root, key) not in self._asked}
        if not wanted:
            return
        self._asked |= {(root, key) for key in wanted}
        self._known.update({(root, key): self._imagined[root, key] for key in wanted if (root, key) in self._imagined})
        by_text = {encode_key(key): key for key in wanted}
        found: dict[Any, Any] = {}
        references = Reference.objects.using(self.remote).filter(
            source=self._source, model_label=root._meta.label, local_pk__in=list(by_text)
        )
        for reference in references:
            key = by_text[reference.local_pk]
            found[key] = decode_key(root, reference.remote_pk)
            self._rows[root, reference.local_pk] = reference
        backwards = Reference.objects.using(LOCAL).filter(
            source=self._target, model_label=root._meta.label, remote_pk__in=[text for text in by_text]
        )
        for reference in backwards:
            found.setdefault(by_text[reference.remote_pk], decode_key(root, reference.local_pk))
        alive = self.existing(root, found.values())
        for key, remote_key in found.items():
            if remote_key in alive:
                self._known[root, key] = remote_key
                self._claimed[root, remote_key] = key

    def existing(self, model: type[Model], remote_keys: Collection[Any]) -> set[Any]:
        """Return those of the remote keys whose rows exist."""
        if not remote_keys:
            return set()
        rows = rows_of(model, self.remote).filter(pk__in=list(remote_keys))
        return set(rows.values_list("pk", flat=True))

    def known(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of a loaded local key, or ``None``."""
        return self._known.get((root_of(model), key))

    def stale_reference(self, model: type[Model], key: Any) -> Any:
        """Return the remote key of a reference whose row is gone, or ``None``."""
        root = root_of(model)
        reference = self._rows.get((root, encode_key(key)))
        if reference is None or (root, key) in self._known:
            return None
        return decode_key(root, reference.remote_pk)

    def met_at(self, model: type[Model], key: Any) -> Any:
        """Return when the object last met its remote row (the remote's clock), or ``None``."""
        reference = self._rows.get((root_of(model), encode_key(key)))
        return reference.met_at if reference is not None else None

    def learn(self, model: type[Model], key: Any, remote_key: Any) -> None:
        """Remember that the object is the remote row, and that they have met now."""
        root = root_of(model)
        self._known[root, key] = remote_key
        self._claimed[root, remote_key] = key
        self._forgotten.discard((root, key))
        reference = self._rows.get((root, encode_key(key)))
        if reference is not None and reference.remote_pk == encode_key(remote_key):
            self._met.add(reference.pk)
        else:
            self._learnt[root, key] = remote_key

    def forget(self, model: type[Model], key: Any) -> None:
        """Drop the reference of an object that was deleted."""
        root = root_of(model)
        remote_key = self._known.pop((root, key), None)
        if remote_key is not None:
            self._claimed.pop((root, remote_key), None)
        self._learnt.pop((root, key), None)
        self._forgotten.add((root, key))

    def claimed_by(self, model: type[Model], remote_key: Any) -> Any:
        """Return the local key that is known to be this remote row, or ``None``."""
        root = root_of(model)
        if (root, remote_key) in self._claimed:
            return self._claimed[root, remote_key]
        reference = (
            Reference.objects.using(self.remote)
            .filter(source=self._source, model_label=root._meta.label, remote_pk=encode_key(remote_key))
            .first()
        )
        if reference is None:
            return None
        key = decode_key(root, reference.local_pk)
        return None if (root, key) in self._forgotten else key

    def local_key_of(self, row: Model) -> Any:
        """Return the local key of the object that a remote row is, or ``None`` when LOCAL never had it."""
        model = type(row)
        root = root_of(model)
        key = self.claimed_by(root, row.pk)
        if key is not None:
            return key
        if self.keeps_key(shape_of(model)):
            return row.pk
        manager = natural_manager(model)
        if manager is None:
            return None
        try:
            return manager.db_manager(LOCAL).get_by_natural_key(*row.natural_key()).pk  # type: ignore[attr-defined]
        except (ObjectDoesNotExist, MultipleObjectsReturned):
            return None

    def store(self, stamp: bool) -> None:
        """Write what was learnt; part of the batch's transaction.

        Args:
            stamp: also move ``met_at`` of references that were met again (the remote logs its own changes).
        """
        references = Reference.objects.using(self.remote)
        for root, key in self._forgotten:
            if (row := self._rows.get((root, encode_key(key)))) is not None:
                row.delete(using=self.remote)
        new = []
        for (root, key), remote_key in self._learnt.items():
            local_pk, remote_pk = encode_key(key), encode_key(remote_key)
            row = self._rows.get((root, local_pk))
            if row is not None and (root, key) not in self._forgotten:
                references.filter(pk=row.pk).update(remote_pk=remote_pk, met_at=Now())
            else:
                new.append(
                    Reference(
                        source=self._source,
                        model_label=root._meta.label,
                        local_pk=local_pk,
                        remote_pk=remote_pk,
                    )
                )
        references.bulk_create(new, batch_size=1000)
        if stamp and self._met:
            references.filter(pk__in=self._met).update(met_at=Now())

    # Natural keys and primary keys ----------------------------------------------------------------

    def keeps_key(self, shape: Shape) -> bool:
        """Tell whether objects of this model have the same primary key on both sides."""
        return not shape.automatic_key or shape.root._meta.label in self._kept_keys or shape.label in self._kept_keys

    def find_by_natural_key(self, instance: Model) -> Any:
        """Return the key of the remote row with the instance's natural key, or ``None``.

        Raises:
            ObjectNotApplied: there are several.
        """
        model = type(instance)
        manager = natural_manager(model)
        if manager is None:
            return None
        key: Any = ()
        try:
            lookups = self._translated_lookups(instance)
            if lookups is not None:
                key = tuple(lookups.values())
                found = self._get(model, manager, lookups)
            else:
                key = self._natural_key_there(instance)
                found = manager.db_manager(self.remote).get_by_natural_key(*key)  # type: ignore[attr-defined]
        except MultipleObjectsReturned as error:
            raise ObjectNotApplied(
                f"MultipleObjectsReturned: the natural key {key!r} finds several objects on {self.remote!r}. "
                "Make it unique there, or set allow_many"
            ) from error
        except ObjectDoesNotExist:
            return None
        return None if found is None else found.pk

    def _get(self, model: type[Model], manager: Any, lookups: dict[str, Any]) -> Any:
        rows = rows_of(model, self.remote).filter(**lookups).order_by("pk")[:2]
        found = list(rows)
        if len(found) > 1 and not getattr(manager, "allow_many", False):
            raise MultipleObjectsReturned
        return found[0] if found else None

    def _translated_lookups(self, instance: Model) -> dict[str, Any] | None:
        """Return the look-ups of a natural key whose fields are named, foreign keys translated, else ``None``."""
        model = type(instance)
        names = natural_key_fields(model)
        manager = natural_manager(model)
        own_method = isinstance(manager, NaturalManager) and (
            type(manager).get_by_natural_key is NaturalManager.get_by_natural_key
        )
        if not names or not own_method or any("__" in name for name in names):
            return None
        lookups: dict[str, Any] = {}
        for name in names:
            field = model._meta.get_field(name)
            value = getattr(instance, field.attname)  # type: ignore[union-attr]
            if is_foreign_key(field) and value is not None:
                value = self.translate(field, value)
                if value is None:
                    raise ObjectDoesNotExist  # its target is not there, so neither is the object
            lookups[field.attname if value is not None else f"{field.attname}__isnull"] = (  # type: ignore[union-attr]
                value if value is not None else True
            )
        return lookups

    def _natural_key_there(self, instance: Any) -> tuple[Any, ...]:
        """Return the natural key that the object would have on the remote.

        A ``natural_key()`` of the user's own may hold a foreign key's number, or its target: both are others there.

        Raises:
            ObjectDoesNotExist: one of them is not there, so neither is the object.
        """
        here = tuple(instance.natural_key())  # reads the targets it asks for: the copies need not, and must not
        there, without = copy(instance), copy(instance)
        for attname, translated in self._translated_links(instance):
            there.__dict__[attname] = translated
            if translated is None:
                without.__dict__[attname] = None
        if tuple(without.natural_key()) != here:
            raise ObjectDoesNotExist
        return tuple(self._row_there(part) if isinstance(part, Model) else part for part in there.natural_key())

    def _translated_links(self, instance: Model) -> Iterator[tuple[str, Any]]:
        """Yield what the foreign keys of an instance, generic ones too, are on the remote; ``None``: nothing there.

        A generic one that was followed already is left as it is: unlike a foreign key, it looks at its two columns
        each time.
        """
        shape = shape_of(type(instance))
        followed = {
            attname
            for generic in shape.generic_keys
            if generic.name in instance._state.fields_cache
            for attname in (generic.type_attname, generic.object_attname)
        }
        for field in shape.foreign_keys:
            value = instance.__dict__.get(field.attname)
            if value is not None and field.attname not in followed:
                yield field.attname, self.translate(field, value)
        for generic in shape.generic_keys:
            target = generic_target(generic, instance)
            if target is not None and generic.object_attname not in followed:
                known = self._translate_key(*target)
                yield generic.object_attname, None if known is None else generic.object_field.to_python(known)

    def _row_there(self, target: Model) -> Model:
        model: Any = type(target)._meta.concrete_model
        row: Model = rows_of(model, self.remote).get(pk=self._translate_key(model, target.pk))
        return row

    def find_by_primary_key(self, shape: Shape, key: Any) -> Any:
        """Return the key that the object has on the remote where it keeps it, foreign keys in it translated.

        Returns:
            ``None`` when the model does not keep keys, or a target of its key is not on the remote.
        """
        if not self.keeps_key(shape):
            return None
        parts = key if shape.composite_key else (key,)
        translated = []
        for field, part in zip(shape.key, parts, strict=True):
            value = self.translate(field, part) if is_foreign_key(field) else part
            if value is None:
                return None
            translated.append(value)
        return tuple(translated) if shape.composite_key else translated[0]

    def translate(self, field: Any, value: Any) -> Any:
        """Return what a foreign key's local value is on the remote, or ``None`` if its target is not known there."""
        model, attname = target_of(field)
        shape = shape_of(model)
        if any(attname == key.attname for key in shape.key) and not shape.composite_key:
            return self._translate_key(model, value)
        return value  # a to_field: the same value on both sides

    def _translate_key(self, model: type[Model], value: Any) -> Any:
        """Return what a local primary key is on the remote, or ``None`` if its object is not known there."""
        shape = shape_of(model)
        self.load(model, [value])
        known = self.known(model, value)
        if known is None and self.keeps_key(shape):
            known = self.find_by_primary_key(shape, value)
            if known is not None and not self.existing(shape.root, [known]):
                return None
        if known is None and natural_manager(model) is not None:
            target = rows_of(model, LOCAL).filter(pk=value).first()
            known = self.find_by_natural_key(target) if target is not None else None
        return known
