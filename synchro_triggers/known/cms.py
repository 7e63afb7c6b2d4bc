"""django-cms (tried with 5.1): pages in a tree, whose save() writes who has changed them."""

from . import Known

KNOWN = Known(
    "cms",
    "Who has changed a page comes from LOCAL; its delete() would take its place out of the tree a second time.",
    options={"cms.Page": {"write": "signals"}},
)
