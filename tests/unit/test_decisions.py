"""``plan/decisions.py``: what is done with an object, from what is known of it. No database."""

import itertools

import pytest

from synchro_triggers.replay.plan.decisions import Action, decide, decide_delete

CREATE, UPDATE, KEEP, LEAVE = Action.CREATE, Action.UPDATE, Action.KEEP, Action.LEAVE
DELETE, FORGET, HAND_ON = Action.DELETE, Action.FORGET, Action.HAND_ON

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

#: Of what LOCAL has deleted: there, lives on, the remote wins, gone before: what is done.
DELETES = {
    (True, False, False, False): DELETE,
    # A conflict that the remote has won: its row stays, also where a dry run has seen it go.
    (True, False, True, False): LEAVE,
    (True, False, True, True): LEAVE,
    # The row of an object that has only changed its number is not deleted, whoever has changed it.
    (True, True, False, False): HAND_ON,
    (True, True, True, False): HAND_ON,
    (True, True, False, True): HAND_ON,
    (True, True, True, True): HAND_ON,
    # A dry run tells of it once.
    (True, False, False, True): FORGET,
    # What is not there is neither deleted nor anybody's.
    (False, False, False, False): FORGET,
    (False, False, False, True): FORGET,
    (False, False, True, False): FORGET,
    (False, False, True, True): FORGET,
}


def test_table_has_every_case():
    every = {case for case in itertools.product((True, False), repeat=4) if case[1] or not case[2]}

    assert DECISIONS.keys() == every


def test_table_of_deletes_has_every_case():
    every = {case for case in itertools.product((True, False), repeat=4) if case[0] or not case[1]}

    assert DELETES.keys() == every


@pytest.mark.parametrize("case", DECISIONS)
def test_what_is_done(case):
    logged, there, equal, remote_wins = case

    assert decide(logged=logged, there=there, equal=equal, remote_wins=remote_wins) is DECISIONS[case]


@pytest.mark.parametrize("case", DELETES)
def test_what_is_done_with_what_was_deleted(case):
    there, lives_on, remote_wins, gone_before = case

    decided = decide_delete(there=there, lives_on=lives_on, remote_wins=remote_wins, gone_before=gone_before)

    assert decided is DELETES[case]


def test_actions_are_counted_under_names_of_the_report():
    counted = {action.counted_as for action in Action if action not in {FORGET, HAND_ON}}

    assert counted == {"created", "updated", "unchanged", "conflicts", "deleted"}
