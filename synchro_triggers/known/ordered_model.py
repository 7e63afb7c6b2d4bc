"""django-ordered-model (tried with 3.7): rows with places, which ``save()`` and ``delete()`` give to others."""

from . import Known

KNOWN = Known(
    "ordered_model",
    "Places are copied row by row: what makes room and closes gaps has done so on LOCAL.",
    options={
        "ordered_model.models.OrderedModelBase": {
            "mute": ("ordered_model.models.OrderedModelBase._on_ordered_model_delete",)
        }
    },
    steps_aside={"ordered_model.models.OrderedModelBase": ("save", "delete")},
)
