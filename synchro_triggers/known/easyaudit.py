"""django-easy-audit (tried with 1.3): a log of what was changed, by whom, which nobody writes a second time."""

from . import Known

KNOWN = Known(
    "easyaudit",
    "A log that is synchronised comes from LOCAL, with its user: the remote's receivers do not write it again.",
    find="synchro_triggers.keys_inside.audit.options_of_easyaudit",
)
