"""django-guardian (tried with 3.5): who may do what with which object, also in tables of a project's own."""

from . import Known

KNOWN = Known(
    "guardian",
    "A permission for an object is known by whose it is: both sides may have given the same one.",
    options={
        "guardian.models.models.UserObjectPermissionAbstract": {"natural_key": ("user", "permission", "object_pk")},
        "guardian.models.models.GroupObjectPermissionAbstract": {"natural_key": ("group", "permission", "object_pk")},
    },
)
