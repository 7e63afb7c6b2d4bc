"""Who wins a conflict. Needs no database."""

from __future__ import annotations

import datetime

import pytest

from synchro_triggers.exceptions import SynchroConfigurationError
from synchro_triggers.replay.plan.conflicts import Conflict, Decision, decide_conflict

NOON = datetime.datetime(2024, 5, 5, 12, tzinfo=datetime.UTC)
MOMENT = datetime.timedelta(microseconds=1)


def conflict(local_later_by: datetime.timedelta) -> Conflict:
    return Conflict("shop.Order", "4711", "12", NOON + local_later_by, NOON)


@pytest.mark.parametrize(
    ("policy", "later", "expected"),
    [
        ("newest", MOMENT, True),
        ("newest", -MOMENT, False),
        ("newest", 0 * MOMENT, False),  # nothing is overwritten where nobody can tell
        ("local", -MOMENT, True),
        ("local", MOMENT, True),
        ("remote", -MOMENT, False),
        ("remote", MOMENT, False),
    ],
)
def test_rules(policy, later, expected):
    assert decide_conflict(conflict(later), policy) == (Decision.LOCAL if expected else Decision.REMOTE)


@pytest.mark.parametrize(("answer", "expected"), [("local", True), ("remote", False)])
def test_callable_gets_the_conflict_and_decides(answer, expected):
    asked = []

    def rule(met):
        asked.append(met)
        return answer

    met = conflict(MOMENT)

    assert decide_conflict(met, rule) == (Decision.LOCAL if expected else Decision.REMOTE)
    assert asked == [met]


@pytest.mark.parametrize("answer", ["newest", "LOCAL", "", None, True, 1])
def test_callable_that_answers_something_else_is_told_so_with_the_object(answer):
    with pytest.raises(SynchroConfigurationError) as raised:
        decide_conflict(conflict(MOMENT), lambda met: answer)

    assert str(raised.value) == (
        f"SYNCHRO_CONFLICT: the callable returned {answer!r} for shop.Order 4711; it must return 'local' or "
        "'remote', Decision.LOCAL, Decision.REMOTE or Decision.merged({'field': value})."
    )


def test_what_a_callable_raises_goes_through():
    def rule(met):
        raise ZeroDivisionError("by the rule")

    with pytest.raises(ZeroDivisionError, match="by the rule"):
        decide_conflict(conflict(MOMENT), rule)
