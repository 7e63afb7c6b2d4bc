"""Help for the tests of projects that use this package: triggers in test databases, and both sides compared.

Nothing here is imported unless a test does. ``fixtures`` is for pytest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from django.db import connections

from ..capture.install import compare as compare_triggers
from ..capture.install import install
from ..capture.vendor import has_capture
from ..conf import get_settings, local_alias
from ..management.differences import lines_of
from ..replay.compare.comparison import compare

if TYPE_CHECKING:
    from django.test import SimpleTestCase as _Case

    from ..replay.compare.report import ComparisonReport
else:
    _Case = object

__all__ = ["SynchroTestMixin", "assert_synchronised", "install_test_triggers"]

#: Objects that the message of a failed assertion names.
_NAMED = 10


def install_test_triggers(aliases: Iterable[str] | None = None) -> list[str]:
    """Install the triggers where they are missing or outdated: once for each test database, as a rule.

    A test database has its tables from ``migrate``, and no triggers: nobody has installed them there. They outlive the
    transactions of ``TestCase`` and the flush of ``TransactionTestCase``.

    Args:
        aliases: databases; others than LOCAL and the remotes, and those that cannot have triggers, are left alone.
            Default: all of these.

    Returns:
        The aliases on which something was installed.

    Raises:
        Refused: the tables of this package are missing.

    Example:
        >>> install_test_triggers(["default", "main"])
        ['default', 'main']
    """
    ours = (local_alias(), *get_settings().remotes)
    chosen = [alias for alias in dict.fromkeys(ours) if aliases is None or alias in set(aliases)]
    done = []
    for alias in chosen:
        if has_capture(connections[alias]) and not compare_triggers(alias).fits:
            install(alias)
            done.append(alias)
    return done


def assert_synchronised(remote: str | None = None, *, models: Iterable[str] | None = None) -> None:
    """Fail unless both sides hold the same objects, with nothing pending, kept or left out.

    Args:
        remote: an alias; default: every alias of ``SYNCHRO_REMOTE``.
        models: only these (as in ``SYNCHRO_MODELS``).

    Raises:
        AssertionError: they do not. The message names models, keys, and fields with the values of both sides.
        SynchroError: they cannot be compared; as ``synchro_triggers.compare()``.

    Example:
        >>> Order.objects.create(number=7)
        >>> synchronize()
        >>> assert_synchronised("main")
    """
    __tracebackhide__ = True  # pytest: the line of the test is what matters
    found = compare(remote, models=models)
    if not found.equal:
        raise AssertionError("\n  ".join(["Both sides are not the same:", *_lines(found)]))


def _lines(found: ComparisonReport) -> Iterator[str]:
    for each in found.differences[:_NAMED]:
        first, *others = lines_of(each)
        yield f"{each.remote}: {each.model} {first}"
        yield from others
    if (more := len(found.differences) - _NAMED) > 0:
        yield f"... and {more:,} more"
    for remote, names in found.left_out.items():
        if names:
            yield f"{remote}: not compared, since not both sides have the columns: {', '.join(names)}"
    if found.total("pending"):
        yield "What is pending comes with `synchronize()`."


class SynchroTestMixin(_Case):
    """For ``TestCase`` and ``TransactionTestCase``: triggers on the databases of the class, and an assertion.

    It stands in front, for triggers must be there before the transaction of the class begins.

    Example:
        ::

            class OrderTests(SynchroTestMixin, TestCase):
                databases = {"default", "main"}

                def test_order_is_sent(self):
                    Order.objects.create(number=7)
                    synchronize()
                    self.assertSynchronised("main")
    """

    @classmethod
    def setUpClass(cls) -> None:
        """Install what is missing, then go on as ever."""
        install_test_triggers(None if cls.databases == "__all__" else cls.databases)
        super().setUpClass()

    def assertSynchronised(self, remote: str | None = None, *, models: Iterable[str] | None = None) -> None:
        """Fail unless both sides hold the same: see ``assert_synchronised()``."""
        assert_synchronised(remote, models=models)
