"""Two empty databases for whoever follows a page: as its settings have to name them."""

from __future__ import annotations

import pytest

from tests import empty_databases as empty


@pytest.fixture(params=["sqlite", "postgres"])
def empty_databases(request, tmp_path):
    """The ``DATABASES`` of a project of two empty databases, ``default`` and ``main``."""

    def server():
        return request.getfixturevalue("postgres_server")

    with empty.empty_databases(request.param, tmp_path / "databases", server) as databases:
        yield databases
