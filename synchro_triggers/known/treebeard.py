"""django-treebeard: trees whose rows are copied as LOCAL's tree has left them.

``delete()`` of the base class rewrites other rows of the table, which LOCAL's triggers have logged, and looks for the
subtree on ``default``, whatever ``using`` says.
"""

from . import Known

KNOWN = Known(
    "treebeard",
    "Its trees are copied row by row.",
    steps_aside={"treebeard.models.Node": ("delete",)},
)
