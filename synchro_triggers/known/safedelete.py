"""django-safedelete (tried with 1.5): objects that ``delete()`` marks, and ``save()`` brings back."""

from . import Known

KNOWN = Known(
    "safedelete",
    "What is marked as deleted on LOCAL arrives so, and what is gone there goes: each row as LOCAL has left it.",
    steps_aside={"safedelete.models.SafeDeleteModel": ("save", "delete")},
)
