"""The two databases of a comparison, and who they are."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connections

from ...conf import local_alias
from ...vendors.vendor import database_of
from ..identity.references import Identity
from ..log.users_changes import UsersChanges


@dataclass(frozen=True)
class Sides:
    """LOCAL and one remote.

    Attributes:
        remote: the alias.
        source, target: the node ids of LOCAL and of the remote.
        kept_keys: labels of models with the option ``identity: 'pk'``.
        users_changes: what the remote's users have changed; ``None``: it does not log.
    """

    remote: str
    source: str
    target: str
    kept_keys: frozenset[str]
    users_changes: UsersChanges | None = None

    @property
    def are_alike(self) -> bool:
        """Whether both are of one vendor, so that what is the same is stored alike."""
        return database_of(connections[local_alias()]) is database_of(connections[self.remote])

    def identity(self) -> Identity:
        """Return references that nothing is known of yet."""
        found = Identity(self.remote, self.source, self.target, self.kept_keys)
        if self.users_changes is not None:
            found.watch(self.users_changes)
        return found
