"""Trees of django-mptt and django-treebeard: their rows are copied as they are.

The base classes' ``save()`` and ``delete()`` rewrite other rows of the table in bulk, to make room and to close
gaps. On LOCAL the triggers have logged each of those rows; done on the remote again it would be done twice, and
whichever row had got its final values before would lose them. treebeard's ``delete()`` moreover looks for the
subtree on ``default``, whatever ``using`` says. So these methods step aside for an instance that a replay writes;
what a project's own model does in its ``save()`` and ``delete()`` is still done.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache, wraps
from typing import Any

from django.db.models import Model

from ...django_inside.instances import marked

#: Module and name of a base class, and its methods that step aside.
_METHODS = {
    ("mptt.models", "MPTTModel"): ("save", "delete"),
    ("treebeard.models", "Node"): ("delete",),
}
_COPIED = "_synchro_copied_node"


def is_tree(model: type[Model]) -> bool:
    """Tell whether rows of the model are nodes of such a tree."""
    return any((base.__module__, base.__qualname__) in _METHODS for base in model.__mro__)


def rows_as_they_are(instance: Model) -> AbstractContextManager[None]:
    """Let the methods of a tree's base class do for this one instance what Django's own do."""
    for base in type(instance).__mro__:
        for name in _METHODS.get((base.__module__, base.__qualname__), ()):
            _step_aside_for_replay(base, name)
    return marked(instance, _COPIED)


@cache
def _step_aside_for_replay(base: Any, name: str) -> None:
    """Wrap a method once; it looks at the instance, so that other threads' nodes are not touched."""
    original = base.__dict__[name]

    @wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _COPIED in self.__dict__:
            return getattr(super(base, self), name)(*args, **kwargs)
        return original(self, *args, **kwargs)

    setattr(base, name, method)
