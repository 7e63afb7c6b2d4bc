"""django-taggit (tried with 6.1): tags that both sides make."""

from . import Known

KNOWN = Known(
    "taggit",
    "A tag is known by its name, also where its manager is a project's own.",
    options={"taggit.models.TagBase": {"natural_key": ("name",)}},
)
