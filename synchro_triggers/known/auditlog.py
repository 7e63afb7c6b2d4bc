"""django-auditlog (tried with 3.4): a log of what was changed, by whom, which nobody writes a second time."""

from . import Known

KNOWN = Known(
    "auditlog",
    "A log that is synchronised comes from LOCAL, with its actor: the remote's receivers do not write it again.",
    find="synchro_triggers.keys_inside.audit.options_of_auditlog",
)
