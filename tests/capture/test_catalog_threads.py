"""What a catalog has told is shared by the threads of a process."""

from __future__ import annotations

import sys
import threading

import pytest

from synchro_triggers.capture import catalog
from synchro_triggers.capture.sight import Look


@pytest.fixture
def restless():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.django_db
def test_threads_that_clear_what_was_told_take_nothing_from_one_another(monkeypatch, restless):
    monkeypatch.setattr(catalog, "_TOLD_AT_MOST", 2)
    monkeypatch.setattr(catalog.Catalogs, "_look", lambda self, alias: Look("as ever"))
    wrong: list[object] = []

    def ask(name: int) -> None:
        catalogs = catalog.Catalogs()
        for number in range(3_000):
            question = name, number // 7 % 3
            try:
                told = catalogs.ask("default", question, lambda question=question: question)
            except KeyError as error:
                told = error
            if told != question:
                wrong.append(told)

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
