"""django-simple-history (tried with 3.13): histories are data, which nobody writes a second time."""

from . import Known

KNOWN = Known(
    "simple_history",
    "A history that is synchronised comes from LOCAL, with its author: the remote's receivers do not write it again.",
    find="synchro_triggers.keys_inside.history.options_of",
)
