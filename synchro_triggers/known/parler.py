"""django-parler (tried with 2.4): translations of an object, a row for each language."""

from . import Known

KNOWN = Known(
    "parler",
    "A translation is known by its object and language: both sides may have made the same one.",
    options={"parler.models.TranslatedFieldsModelMixin": {"natural_key": ("master", "language_code")}},
)
