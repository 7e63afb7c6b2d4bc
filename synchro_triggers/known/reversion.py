"""django-reversion (tried with 6.4): versions of objects, as Django's serialisers write them."""

from . import Known

KNOWN = Known(
    "reversion",
    "A version holds the keys that its object had and that it pointed to: main must be able to go back to it.",
    options={
        "reversion.Version": {
            "references": {"serialized_data": "synchro_triggers.keys_inside.serialized.keys_in_serialized"}
        }
    },
)
