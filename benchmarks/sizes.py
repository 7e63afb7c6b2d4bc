"""How much work a run does: the sizes of issue and documentation, quick ones to develop with, and tiny ones to test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The sizes of one run.

    Attributes:
        rounds: measured rounds of every contender.
        capture_rows, capture_saves: rows of a bulk write, and single saves in one transaction.
        capture_slow_rows, capture_slow_saves: the same for contenders that work row by row in Python.
        replay_objects: objects replayed; ``replay_slow_objects``: by ``loaddata``.
        backlog: numbers of log rows over distinct objects.
        backlog_repeated: log rows over few objects, and how many objects.
        initial_objects: objects of an initial load; ``initial_slow_objects``: by ``loaddata``.
        follow_commits: commits whose latency is measured; ``follow_idle``: seconds of watching it wait.
        start_rows: consumed log rows.
        compared_rows: equal rows that are compared.
        pruned_rows: consumed log rows that are looked at and pruned; ``pruned_writes``: rows written beside them.
        distant_objects: objects replayed on the remote 20 ms away; ``distant_saves``: of them, by a loop of save().
    """

    rounds: int
    capture_rows: int
    capture_saves: int
    capture_slow_rows: int
    capture_slow_saves: int
    replay_objects: int
    replay_slow_objects: int
    backlog: tuple[int, ...]
    backlog_repeated: tuple[int, int]
    initial_objects: int
    initial_slow_objects: int
    follow_commits: int
    follow_idle: float
    start_rows: int
    compared_rows: int
    pruned_rows: int
    pruned_writes: int
    distant_objects: int
    distant_saves: int


SIZES = {
    "full": Sizes(
        rounds=3,
        capture_rows=100_000,
        capture_saves=5_000,
        capture_slow_rows=2_000,
        capture_slow_saves=1_000,
        replay_objects=10_000,
        replay_slow_objects=2_000,
        backlog=(10_000, 100_000, 1_000_000),
        backlog_repeated=(1_000_000, 1_000),
        initial_objects=100_000,
        initial_slow_objects=10_000,
        follow_commits=200,
        follow_idle=30,
        start_rows=10_000_000,
        compared_rows=1_000_000,
        pruned_rows=10_000_000,
        pruned_writes=100_000,
        distant_objects=10_000,
        distant_saves=50,
    ),
    "quick": Sizes(
        rounds=1,
        capture_rows=3_000,
        capture_saves=100,
        capture_slow_rows=50,
        capture_slow_saves=20,
        replay_objects=100,
        replay_slow_objects=50,
        backlog=(100, 300, 1_000),
        backlog_repeated=(10_000, 100),
        initial_objects=500,
        initial_slow_objects=100,
        follow_commits=15,
        follow_idle=2,
        start_rows=100_000,
        compared_rows=20_000,
        pruned_rows=100_000,
        pruned_writes=3_000,
        distant_objects=500,
        distant_saves=5,
    ),
    "tiny": Sizes(
        rounds=1,
        capture_rows=20,
        capture_saves=5,
        capture_slow_rows=10,
        capture_slow_saves=2,
        replay_objects=10,
        replay_slow_objects=10,
        backlog=(10, 20, 40),
        backlog_repeated=(40, 10),
        initial_objects=20,
        initial_slow_objects=10,
        follow_commits=3,
        follow_idle=0.5,
        start_rows=100,
        compared_rows=40,
        pruned_rows=100,
        pruned_writes=20,
        distant_objects=20,
        distant_saves=3,
    ),
}
