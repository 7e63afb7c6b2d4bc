"""``docs/how-to/upgrade.md``: databases that an earlier version has left go on; nothing is lost or doubled.

The folders beside this file hold a pair of databases of each version, on both vendors. Those of the version that is
coming are made anew (``make upgrade-fixtures``) while its migration or its triggers may still be rewritten.
"""

from __future__ import annotations

import json

import pytest
from packaging.version import Version

import synchro_triggers
from tests.empty_databases import empty_databases
from tests.upgrades import keeping
from tests.upgrades.story import ALIASES, CURE, Office

BOTH = [f"--database={alias}" for alias in ALIASES]
THIS = synchro_triggers.__version__

#: Of the version that is coming nobody has databases yet: no migration needs to know what it was like before.
ANEW = f"If {THIS} is not released yet: make upgrade-fixtures"


@pytest.fixture(params=keeping.versions())
def version(request):
    return request.param


@pytest.fixture
def told(version):
    """What is known of the kept pairs: how much this package knew, and what both sides hold in the end."""
    return json.loads((keeping.HERE / version / "told.json").read_text(encoding="utf-8"))


@pytest.fixture(params=["sqlite", "postgres"])
def vendor_kept(request):
    return request.param


@pytest.fixture
def office(request, version, vendor_kept, tmp_path):
    """The project on the kept pair, somewhere else than it was."""

    def server():
        return request.getfixturevalue("postgres_server")

    with empty_databases(vendor_kept, tmp_path / "databases", server) as databases:
        for alias, settings in databases.items():
            kept = keeping.HERE / version / f"{vendor_kept}-{alias}.sql"
            keeping.put_back(settings, kept.read_text(encoding="utf-8"))
        yield Office(databases)


def test_this_version_is_kept():
    assert THIS in keeping.versions(), f"databases of {THIS} are not kept: make upgrade-fixtures"


def test_databases_of_an_earlier_version_go_on(office, version, vendor_kept, told):
    for each in BOTH:
        office.do("migrate", each, "--verbosity=0")
    assert office.misfits() == {alias: [] for alias in ALIASES}, ANEW
    if Version(version) < Version(THIS):
        office.do("synchro_install_triggers", *BOTH)
    check = office.ended("synchro_install_triggers", "--check", *BOTH)
    assert check.returncode == 0, f"{check.stdout}{check.stderr}{ANEW}"
    # Nothing that the log, references, failures, conflicts and runs tell is lost.
    known = told["known"][vendor_kept]
    assert office.known() == known and min(known["main"][name] for name in ("Failure", "Conflict", "Reference")) > 0

    office.do("synchro_reset", "--keep-identity")  # both are somewhere else than they were
    office.do("synchro_reset", "--keep-identity", "--database=main")
    status = json.loads(office.do("synchro_status", "--json"))["remotes"]["main"]
    assert status["refused"] == "" and len(status["failures"]) == known["main"]["Failure"]
    assert len(status["runs"]) == known["default"]["Run"] and status["pending_rows"] > 0
    assert office.ended("synchronize", "--both").returncode == 1  # what was kept cannot be applied yet
    office.write(CURE)
    office.do("synchro_failures", "--retry")
    office.do("synchronize", "--both")

    assert office.held() == {alias: told["end"] for alias in ALIASES}
    office.do("synchro_compare")
    assert office.do("synchronize", "--both") == "No changes since last synchronization.\n"
