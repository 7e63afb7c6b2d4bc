"""Which admin sites have the tables, and the link to the page on their index."""

from __future__ import annotations

from django.contrib.admin import AdminSite

from ...models import ChangeLog, Conflict, Failure, Reference, Run
from .conflicts import ConflictAdmin
from .failures import FailureAdmin
from .log import ChangeLogAdmin
from .others import ReferenceAdmin, RunAdmin

#: Django's own index, and a link.
INDEX = "synchro_triggers/admin/index.html"


def register(site: AdminSite) -> None:
    """Give an admin site the tables of this package.

    The project's default site has them by itself. A site with an ``index_template`` of its own keeps it; there,
    ``{% load synchro_triggers_admin %}{% synchro_link %}`` makes the link to the page.

    Args:
        site: the site.

    Raises:
        AlreadyRegistered: it has them already.

    Example:
        >>> from synchro_triggers.admin import register
        >>> register(back_office)
    """
    site.register(ChangeLog, ChangeLogAdmin)
    site.register(Failure, FailureAdmin)
    site.register(Conflict, ConflictAdmin)
    site.register(Run, RunAdmin)
    site.register(Reference, ReferenceAdmin)
    if site.index_template is None:
        site.index_template = INDEX
