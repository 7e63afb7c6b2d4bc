"""django-mptt: trees whose rows are copied as LOCAL's tree has left them.

``save()`` and ``delete()`` of the base class rewrite other rows of the table in bulk, to make room and to close gaps.
On LOCAL the triggers have logged each of those rows; done on the remote again it would be done twice, and whichever
row had got its final values before would lose them.
"""

from . import Known

KNOWN = Known(
    "mptt",
    "Its trees are copied row by row.",
    steps_aside={"mptt.models.MPTTModel": ("save", "delete")},
)
