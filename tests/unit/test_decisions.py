"""``plan/decisions.py``: what is done with an object, from what is known of it. No database."""

import itertools

import pytest

from synchro_triggers.replay.plan.decisions import Action, decide

CREATE, UPDATE, KEEP, LEAVE = Action.CREATE, Action.UPDATE, Action.KEEP, Action.LEAVE

#: Logged, there, equal, the remote wins: what is done.
DECISIONS = {
    (True, True, False, False): UPDATE,
    (True, True, True, False): KEEP,
    (True, False, False, False): CREATE,
    # A conflict that the remote has won: its change stays, and so does its delete.
    (True, True, False, True): LEAVE,
    (True, False, False, True): LEAVE,
    # Where both sides hold the same, there is nothing to win.
    (True, True, True, True): KEEP,
    # Only needed by another object: made where it is missing, else as it is.
    (False, True, False, False): KEEP,
    (False, True, True, False): KEEP,
    (False, False, False, False): CREATE,
    (False, True, False, True): LEAVE,
    (False, True, True, True): KEEP,
    (False, False, False, True): LEAVE,
}


def test_table_has_every_case():
    every = {case for case in itertools.product((True, False), repeat=4) if case[1] or not case[2]}

    assert DECISIONS.keys() == every


@pytest.mark.parametrize("case", DECISIONS)
def test_what_is_done(case):
    logged, there, equal, remote_wins = case

    assert decide(logged=logged, there=there, equal=equal, remote_wins=remote_wins) is DECISIONS[case]


def test_actions_are_counted_under_names_of_the_report():
    assert {action.counted_as for action in Action} == {"created", "updated", "unchanged", "conflicts", "deleted"}
