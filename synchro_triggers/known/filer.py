"""django-filer (tried with 3.6): files and images, whose save() and delete() move and remove what is on the disk."""

from . import Known

KNOWN = Known(
    "filer",
    "Rows come as they are; what is on the disk is copied by other means.",
    options={"filer.models.filemodels.File": {"write": "signals"}},
)
