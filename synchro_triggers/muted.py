"""Which receivers of a model's signals a replay does not call: those of its options ``mute`` and ``write: 'rows'``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from inspect import unwrap
from typing import Any

from django.db.models import Model

from .conf import get_settings, options_of
from .options import ModelOptions


def is_anybody_muted() -> bool:
    """Tell whether there are receivers that a replay does not call."""
    return get_settings().mutes_anybody


def is_muted(sender: Any, receiver: Any) -> bool:
    """Tell whether a replay does not call a receiver of a model's signals.

    Args:
        sender: the model; of ``m2m_changed`` the table of links, for which the options of the model count that
            declares it.
        receiver: what was connected.
    """
    return any(
        options.write == "rows" or any(is_named(receiver, path) for path in options.mute)
        for options in _options(sender)
    )


def _options(sender: Any) -> Iterator[ModelOptions]:
    if isinstance(sender, type) and issubclass(sender, Model):
        yield options_of(sender)
        declaring: Any = sender._meta.auto_created
        if declaring:
            yield options_of(declaring)


def is_named(receiver: Any, path: str) -> bool:
    """Tell whether a dotted path names a receiver.

    Args:
        receiver: a function, a method, or an instance that can be called.
        path: its own, its class's, or a module's or package's; one that it was imported to will do as well.
    """
    while isinstance(receiver, partial):
        receiver = receiver.func
    named = _object_at(path)
    if named is not None and any(each is named for each in (receiver, unwrap(receiver))):
        return True
    paths = {path}
    if isinstance(named, type):
        paths.add(_path_of(named))  # where it was made, that is
    return any(f"{each}.".startswith(f"{given}.") for each in _paths_of(receiver) for given in paths)


def _paths_of(receiver: Any) -> Iterator[str]:
    owner = getattr(receiver, "__self__", None)
    if hasattr(receiver, "__func__") and owner is not None:
        kind = owner if isinstance(owner, type) else type(owner)
        yield _path_of(receiver.__func__)
        yield from (f"{_path_of(base)}.{receiver.__name__}" for base in kind.__mro__[:-1])
    elif hasattr(receiver, "__qualname__"):
        yield _path_of(receiver)
    else:
        yield from map(_path_of, type(receiver).__mro__[:-1])


def _path_of(named: Any) -> str:
    return f"{named.__module__}.{named.__qualname__}"


def _object_at(path: str) -> Any:
    """Return what is at a dotted path, where its module is loaded, as those of all receivers are; ``None``: nothing."""
    module, _, rest = path.rpartition(".")
    names = [rest]
    while module and module not in sys.modules:
        module, _, rest = module.rpartition(".")
        names.insert(0, rest)
    found: Any = sys.modules.get(module)
    for name in names:
        found = getattr(found, name, None)
    return found


def is_importable(path: str) -> bool:
    """Tell whether a dotted path leads to a module, or to something in one; it is imported."""
    module, rest = path, ""
    while module:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise  # of a module that is there, and needs another one
            module, _, rest = module.rpartition(".")
        else:
            return not rest or _object_at(path) is not None
    return False
