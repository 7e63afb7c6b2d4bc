"""Who may do what on the page: permissions, not being of the staff, decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from django.utils.translation import gettext

from ..conf import get_settings

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

SEE = "synchro_triggers.view_changelog"
SYNCHRONIZE = "synchro_triggers.synchronize"
RESET = "synchro_triggers.reset"
DECIDE = "synchro_triggers.change_conflict"

#: What django-synchro let everybody of the staff do; ``SYNCHRO_STAFF_MAY_SYNCHRONIZE`` asks for it.
_OF_THE_STAFF = frozenset({SEE, SYNCHRONIZE, RESET})


class _OfAdmin(Protocol):
    """What Django's admin asks of users, a project's own ones among them."""

    is_active: bool
    is_staff: bool

    def has_perm(self, perm: str) -> bool: ...


def may_see_values(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether a user may see values of objects, and errors, which may hold some: the log shows them all.

    Who is let in by being of the staff alone does not.
    """
    asking = cast("_OfAdmin", user)
    return asking.is_active and asking.has_perm(SEE)


def hidden() -> str:
    """Return what stands in place of an error for those who may not see values."""
    return gettext("for those who may see the changelog")


def may(user: AbstractBaseUser | AnonymousUser, permission: str) -> bool:
    """Tell whether a user may do something.

    Args:
        user: the one who asks.
        permission: ``SEE``, ``SYNCHRONIZE``, ``RESET`` or ``DECIDE``.

    Raises:
        SynchroConfigurationError: a setting is wrong.

    Example:
        >>> may(request.user, SYNCHRONIZE)
        False
    """
    asking = cast("_OfAdmin", user)
    if not asking.is_active:
        return False
    if permission in _OF_THE_STAFF and asking.is_staff and get_settings().staff_may_synchronize:
        return True
    return asking.has_perm(permission)
