"""Keys inside what Wagtail stores: rich text, stream fields, revisions, and the data of its log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Model

from .walking import KeyOf, model_of_type, translate_fields, translated

_TAG = re.compile(r"<(?:a|embed)\b[^>]*>", re.IGNORECASE)
_KIND = re.compile(r"""\b(?:linktype|embedtype)=["'](\w+)["']""", re.IGNORECASE)
_ID = re.compile(r"""(?<=\sid=["'])[^"']+(?=["'])""", re.IGNORECASE)

#: What a link or an embedded thing in rich text is one of: the setting that names the model, and its default.
_LINKED = {
    "page": ("WAGTAILCORE_PAGE_MODEL", "wagtailcore.Page"),
    "document": ("WAGTAILDOCS_DOCUMENT_MODEL", "wagtaildocs.Document"),
    "image": ("WAGTAILIMAGES_IMAGE_MODEL", "wagtailimages.Image"),
}

#: Of what a dict with an ``id`` speaks in the data of a log entry, by the name under which it stands there.
_LOGGED = {
    "revision": "wagtailcore.Revision",
    "page": "wagtailcore.Page",
    "source": "wagtailcore.Page",
    "destination": "wagtailcore.Page",
    "locale": "wagtailcore.Locale",
    "source_locale": "wagtailcore.Locale",
    "workflow": "wagtailcore.Workflow",
    "task": "wagtailcore.Task",
    "next": "wagtailcore.Task",
    "comment": "wagtailcore.Comment",
    "reply": "wagtailcore.CommentReply",
}
_LOGGED_KEYS = {"workflow_state_id": "wagtailcore.WorkflowState", "task_state_id": "wagtailcore.TaskState"}


def options_of(is_listed: Callable[[type[Model]], bool]) -> dict[str, dict[str, Any]]:
    """Return what the rich texts and stream fields of all models need, the project's own too.

    A receiver of Wagtail's hears of every model's saves, to give new objects a locale, which what is replayed has: it
    is muted, or no model could be written many objects at a time.
    """
    found: dict[str, dict[str, Any]] = {
        "django.db.models.base.Model": {"mute": ("wagtail.models.i18n.set_locale_on_new_instance",)}
    }
    for model in apps.get_models():
        inside = {field.name: read for field in model._meta.local_concrete_fields if (read := _reader(field))}
        if inside:
            found[model._meta.label] = {"references": inside}
    return found


def _reader(field: Any) -> Callable[[Any, KeyOf, Any], Any] | None:
    kinds = _kinds(field)
    if "RichTextField" in kinds:
        return keys_in_rich_text
    if "StreamField" in kinds:
        return partial(keys_in_stream, field)
    return None


def _kinds(thing: Any) -> set[str]:
    """Return the names of the classes that something of Wagtail's is one of."""
    return {each.__name__ for each in type(thing).__mro__ if each.__module__.startswith("wagtail.")}


# Rich text ----------------------------------------------------------------------------------------


def keys_in_rich_text(value: Any, key_of: KeyOf, instance: Any = None) -> Any:
    """Translate the keys of links and embedded images in rich text.

    Args:
        value: the text, as it is stored.
        key_of: tells the key on the remote.
        instance: the object whose value it is.
    """
    return _TAG.sub(partial(_translated_tag, key_of), value) if isinstance(value, str) else value


def _translated_tag(key_of: KeyOf, match: re.Match[str]) -> str:
    tag = match.group()
    kind = _KIND.search(tag)
    if kind is None or kind.group(1).lower() not in _LINKED:
        return tag
    setting, default = _LINKED[kind.group(1).lower()]
    model = getattr(settings, setting, default)
    return _ID.sub(lambda key: str(translated(key_of, model, key.group())), tag, count=1)


# Stream fields ------------------------------------------------------------------------------------


def keys_in_stream(field: Any, value: Any, key_of: KeyOf, instance: Any = None) -> Any:
    """Translate the keys that the blocks of a stream field hold.

    Args:
        field: the stream field, which knows its blocks.
        value: what it holds: a stream, a list, or a text of JSON.
        key_of: tells the key on the remote.
        instance: the object whose value it is.

    Returns:
        A text if it was one, else the list that is stored.
    """
    if isinstance(value, str):
        try:
            return json.dumps(_in_block(field.stream_block, json.loads(value), key_of))
        except ValueError:  # a text from before it was a stream field
            return value
    return _in_block(field.stream_block, field.get_prep_value(value), key_of)


def _in_block(block: Any, raw: Any, key_of: KeyOf) -> Any:
    """Return what is stored of a block, with the remote's keys."""
    if raw is None or raw == "":
        return raw
    kinds = _kinds(block)
    if "BaseStreamBlock" in kinds:
        return [_in_child(block.child_blocks, child, key_of) for child in raw] if isinstance(raw, list) else raw
    if "BaseStructBlock" in kinds:
        return {
            name: _in_block(block.child_blocks[name], value, key_of) if name in block.child_blocks else value
            for name, value in raw.items()
        }
    if "ListBlock" in kinds:
        return [_in_item(block.child_block, item, key_of) for item in raw]
    if "BaseTypedTableBlock" in kinds:
        return _in_table(block, raw, key_of)
    if "ChooserBlock" in kinds:
        return translated(key_of, block.target_model, raw)
    return keys_in_rich_text(raw, key_of) if "RichTextBlock" in kinds else raw


def _in_child(blocks: Any, child: Any, key_of: KeyOf) -> Any:
    block = blocks.get(child["type"])
    return child if block is None else {**child, "value": _in_block(block, child["value"], key_of)}


def _in_item(block: Any, item: Any, key_of: KeyOf) -> Any:
    if isinstance(item, dict) and item.get("type") == "item" and "value" in item:
        return {**item, "value": _in_block(block, item["value"], key_of)}
    return _in_block(block, item, key_of)  # as lists were stored once


def _in_table(block: Any, raw: Any, key_of: KeyOf) -> Any:
    blocks = [block.child_blocks.get(column["type"]) for column in raw["columns"]]
    rows = [
        {
            **row,
            "values": [
                value if each is None else _in_block(each, value, key_of)
                for each, value in zip(blocks, row["values"], strict=True)
            ],
        }
        for row in raw["rows"]
    ]
    return {**raw, "rows": rows}


# Revisions ----------------------------------------------------------------------------------------


def keys_in_revision(value: Any, key_of: KeyOf, instance: Any) -> Any:
    """Translate the keys in the version of an object: its own, its children's, those of targets, and in its texts.

    Args:
        value: the content of a revision.
        key_of: tells the key on the remote.
        instance: the revision.
    """
    model = model_of_type(instance.content_type_id)
    if model is not None and isinstance(value, dict):
        _in_version(model, value, key_of)
    return value


def _in_version(model: type[Model], values: dict[str, Any], key_of: KeyOf) -> None:
    if values.get("pk") is not None:
        values["pk"] = translated(key_of, model, values["pk"])
    for field in model._meta.concrete_fields:
        if values.get(field.name) is not None and (read := _reader(field)):
            values[field.name] = read(values[field.name], key_of, None)
    translate_fields(model, values, key_of)
    for relation in model._meta.related_objects:
        children = values.get(relation.get_accessor_name() or "")
        if isinstance(children, list):
            for child in children:
                if isinstance(child, dict):
                    _in_version(relation.related_model, child, key_of)


# The log ------------------------------------------------------------------------------------------


def keys_in_log(value: Any, key_of: KeyOf, instance: Any = None) -> Any:
    """Translate the keys in the data of a log entry.

    Args:
        value: the data.
        key_of: tells the key on the remote.
        instance: the entry.
    """
    if isinstance(value, dict):
        return {name: _in_logged(name, each, key_of) for name, each in value.items()}
    return value


def _in_logged(name: str, value: Any, key_of: KeyOf) -> Any:
    if name in _LOGGED_KEYS and value is not None:
        return translated(key_of, _LOGGED_KEYS[name], value)
    if isinstance(value, dict):
        found = keys_in_log(value, key_of)
        if name in _LOGGED and isinstance(value.get("id"), int):
            found["id"] = translated(key_of, _LOGGED[name], value["id"])
        return found
    return value
