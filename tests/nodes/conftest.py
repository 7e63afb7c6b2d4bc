"""Three nodes for a test: on SQLite, on PostgreSQL, and mixed: the hub on PostgreSQL, the offices on SQLite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.sites.models import Site
from pytest_django import DjangoDbBlocker

from tests.conftest import chosen_pairs
from tests.databases import PAIRS, Databases
from tests.nodes.backups import Backups
from tests.nodes.nodes import TOPOLOGIES, TRIOS, Nodes, three_nodes


@pytest.fixture(params=TRIOS)
def nodes(request: pytest.FixtureRequest, databases: Databases, django_db_blocker: DjangoDbBlocker) -> Iterator[Nodes]:
    trio = TRIOS[request.param]
    if trio.needs_postgres and not any(PAIRS[pair].needs_postgres for pair in request.config.stash[chosen_pairs]):
        pytest.skip("left out by --pairs")
    with django_db_blocker.unblock():
        with three_nodes(databases, trio) as made:
            yield made
        ContentType.objects.clear_cache()
        Site.objects.clear_cache()


@pytest.fixture
def backups(request: pytest.FixtureRequest, databases: Databases, nodes: Nodes) -> Iterator[Backups]:
    made = Backups(databases, nodes, TRIOS[request.node.callspec.params["nodes"]].vendors)
    yield made
    made.remove()


@pytest.fixture(params=TOPOLOGIES)
def pairs(request: pytest.FixtureRequest) -> tuple[tuple[str, str], ...]:
    return TOPOLOGIES[request.param]
