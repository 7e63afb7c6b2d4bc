"""Apps we know: what a site owner would otherwise have to find out for each of them. Data, no code.

Each module beside this one has a ``KNOWN``. It applies where its app is installed, or where a model of the project
inherits from a class that it names. Nothing here imports such an app. ``SYNCHRO_KNOWN`` turns an entry off, replaces
or adds one; ``SYNCHRO_OPTIONS`` wins over all of them, option by option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Known:
    """What is known of an app.

    Attributes:
        app: its dotted name, as its ``AppConfig.name`` is.
        why: one sentence.
        left_out: models (``'app_label.Model'``) that are derived from others: an app's name in ``SYNCHRO_MODELS`` does
            not bring them in, ``'app_label.Model'`` does.
        options: as ``SYNCHRO_OPTIONS``, and below it; beside ``'app_label.Model'`` a key may be the dotted path of a
            base class (``'package.module.Class'``), which stands for all concrete models that inherit from it. What
            is not installed, and fields that the installed version does not have, are passed over.
        steps_aside: dotted paths of base classes, and which of their methods step aside for an instance that a replay
            writes: Django's own, or those of the class above, are called in their place.
        find: dotted path of a function that finds in the project what an entry cannot name: it gets a test whether a
            model is synchronised, and returns options by label.

    Example:
        ``Known("shop", "its index is rebuilt", left_out=("shop.Index",), options={"shop.Order": {"skip": ("seen",)}})``
    """

    app: str
    why: str
    left_out: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    steps_aside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    find: str = ""
