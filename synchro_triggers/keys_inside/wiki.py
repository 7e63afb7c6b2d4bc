"""Keys inside the text of an article of django-wiki: ``[image:3 align:left]``, ``[attachment:5]``."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from .walking import KeyOf, translated

_MACRO = re.compile(r"(?<=\[)(image|attachment):(\d+)")

_MODELS = {"image": "wiki_images.Image", "attachment": "wiki_attachments.Attachment"}


def keys_in_article(value: Any, key_of: KeyOf, instance: Any = None) -> Any:
    """Translate the keys of images and attachments in an article's text.

    Args:
        value: the text.
        key_of: tells the key on the remote.
        instance: the revision whose text it is.
    """
    return _MACRO.sub(partial(_translated_macro, key_of), value) if isinstance(value, str) else value


def _translated_macro(key_of: KeyOf, match: re.Match[str]) -> str:
    kind, key = match.groups()
    return f"{kind}:{translated(key_of, _MODELS[kind], key)}"
