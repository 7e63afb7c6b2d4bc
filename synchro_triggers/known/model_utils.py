"""django-model-utils (tried with 5.0): objects that ``delete()`` only marks."""

from . import Known

KNOWN = Known(
    "model_utils",
    "What is marked as removed on LOCAL arrives so; what is gone there goes, and is not marked instead.",
    steps_aside={"model_utils.models.SoftDeletableModel": ("delete",)},
)
