"""django-constance (tried with 4.4): settings that users change, in a table with a row for each."""

from . import Known

KNOWN = Known(
    "constance",
    "A setting is known by its key: both sides may have changed the same one for the first time.",
    options={"constance.Constance": {"natural_key": ("key",)}},
)
