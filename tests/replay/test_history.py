"""Whether the changelog still is what a remote has received, and what is deleted of it."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from synchro_triggers.models import ChangeLog, Node
from synchro_triggers.replay.log import vendor
from synchro_triggers.replay.log.history import history_agrees, row_mark
from synchro_triggers.replay.log.postgres import era_of
from synchro_triggers.replay.log.window import Window, current_position, delete_received, highest_id, open_window
from tests.databases import both
from tests.replay.logs import MOMENT, NOON, everything, ids_where, log, log_of, on_postgres
from tests.safety.story import LOCAL

pytestmark = both


def received(*keys: object) -> Window:
    """Log changes, and open the window that holds them."""
    start = current_position(LOCAL)
    for key in keys:
        log(key)
    return open_window(LOCAL, start)


def agrees(window: Window, *, pruned_to: int = 0, position: str | None = None, mark: str | None = None) -> bool:
    return history_agrees(
        LOCAL,
        window.end if position is None else position,
        window.last_row if mark is None else mark,
        window.witness,
        lambda: pruned_to,
    )


def after_a_recovery(position: str) -> str:
    """Return a position as it would be had the server recovered since it was taken."""
    visible, _, era = position.partition("@")
    if not era:
        return position
    timeline, lsn, started, replayed = era.split(":")
    return f"{visible}@{timeline}:{lsn}:{int(started) - 1}:{replayed}"


def test_log_that_nobody_touched_agrees():
    window = received(1, 2)

    assert agrees(window)
    log(3)
    assert agrees(window)
    assert agrees(window, position=after_a_recovery(window.end))


@pytest.mark.parametrize("field", [{"logged_at": NOON}, {"object_pk": "another"}])
def test_last_row_that_is_another_one_now_does_not_agree(field):
    window = received(1, 2)

    ChangeLog.objects.filter(pk=window.last).update(**field)

    assert not agrees(window)


def test_last_row_of_a_model_that_was_renamed_on_one_side_agrees():
    window = received(1, 2)

    ChangeLog.objects.filter(pk=window.last).update(model_label="shop.Renamed")

    assert agrees(window)


def test_row_that_is_gone_was_lost_unless_it_was_pruned():
    window = received(1, 2)
    ChangeLog.objects.filter(pk=window.last).delete()
    recovered = after_a_recovery(window.end)

    lost = agrees(window, position=recovered, pruned_to=window.last - 1)

    assert lost is (connection.vendor == "sqlite"), "SQLite keeps count: the highest id was given out"
    assert agrees(window, position=recovered, pruned_to=window.last)


def test_position_beyond_what_was_ever_logged_is_from_another_history():
    window = received(1)
    if connection.vendor == "postgresql":
        xmax = int(window.end.split(":")[1])
        ahead, behind = f"{xmax + 10**6}:{xmax + 10**6}:", f"{xmax}:{xmax}:"
    else:
        ahead, behind = str(highest_id(LOCAL) + 1), str(highest_id(LOCAL))

    assert not agrees(window, position=ahead, mark="")
    assert agrees(window, position=behind, mark="")
    assert agrees(window, position="", mark="")
    if connection.vendor == "sqlite":
        assert not agrees(window, position=ahead)


@on_postgres
def test_position_of_ids_beyond_what_was_ever_logged_is_from_another_history():
    window = received(1)

    assert agrees(window, position=f"ids:#{highest_id(LOCAL)}@", mark="")
    assert not agrees(window, position=f"ids:#{highest_id(LOCAL) + 1}@", mark="")


@on_postgres
@pytest.mark.parametrize("pruned", [False, True])
def test_row_in_the_middle_that_a_recovery_has_lost_is_missed(pruned):
    """The last commit is lost first, and its row need not be the last one."""
    window = received(1, 2, 3)
    ChangeLog.objects.filter(pk=window.first + 1).delete()

    assert agrees(window), "without a recovery it was deleted by hand"
    recovered = after_a_recovery(window.end)
    assert agrees(window, position=recovered, pruned_to=window.first if pruned else 0) is pruned


@on_postgres
@pytest.mark.parametrize("field", [{"logged_at": NOON}, {"id": 10**9}])
def test_row_in_the_middle_that_is_another_one_after_a_recovery_does_not_agree(field):
    window = received(1, 2, 3)
    ChangeLog.objects.filter(pk=window.first + 1).update(**field)

    assert not agrees(window, position=after_a_recovery(window.end))


@on_postgres
def test_rows_beside_the_window_are_not_its_own():
    log(0)
    window = received(1, 2, 3)
    log(4)
    ChangeLog.objects.exclude(pk__range=(window.first, window.last)).delete()

    assert agrees(window, position=after_a_recovery(window.end))


@on_postgres
@pytest.mark.parametrize(("lost", "expected"), [(None, True), (10, False), (15, True), (20, False)])
def test_late_commit_is_missed_after_a_recovery_and_what_was_received_before_it_is_not(lost, expected):
    ids = log_of(5, 10, 15, 20, 21)
    now = after_a_recovery(current_position(LOCAL))
    window = open_window(LOCAL, f"10:18:10#{highest_id(LOCAL)}", end="30:30:")

    ChangeLog.objects.filter(pk=ids.get(lost)).delete()

    assert window.rows == 3
    assert agrees(window, position=now) is expected


def changed(position: str, part: int, by: int) -> str:
    visible, _, era = position.partition("@")
    parts = [int(each) for each in era.split(":")]
    parts[part] += by
    return f"{visible}@{':'.join(map(str, parts))}"


@on_postgres
@pytest.mark.parametrize(
    ("part", "by", "expected"),
    [
        (0, -1, False),  # a timeline begins when a standby takes over
        (1, 0, True),
        (1, -1, True),
        (1, 10**12, False),  # an older state of the server's files
        (2, -1, False),  # it was started anew,
        (3, -1, False),  # or has replayed another log
    ],
)
def test_server_that_recovered_is_told_by_its_position(part, by, expected):
    """Where it did not, a row that is missing was deleted by hand."""
    window = received(1, 2)
    ChangeLog.objects.filter(pk=window.first).delete()

    assert agrees(window, position=changed(window.end, part, by)) is expected


@on_postgres
def test_position_that_says_nothing_of_the_server_is_believed():
    window = received(1, 2)
    ChangeLog.objects.filter(pk=window.first).delete()

    assert agrees(window, position=window.end.partition("@")[0])


@on_postgres
def test_last_row_that_is_gone_was_lost_where_its_id_was_never_given_out():
    window = received(1)
    beyond = f"{highest_id(LOCAL) + 1}|{window.last_row.partition('|')[2]}"

    assert not agrees(window, mark=beyond)
    ChangeLog.objects.filter(pk=window.last).delete()
    assert agrees(window), "deleted by hand"


def test_mark_tells_a_row_by_its_id_time_model_and_key():
    row = log(1, logged_at=NOON)
    mark = row_mark(LOCAL, row)

    assert mark.startswith(f"{row}|") and "|shop.Order|" in mark
    assert row_mark(LOCAL, row + 1) == ""
    assert row_mark(LOCAL, log(1, logged_at=NOON)) != mark


def test_window_carries_the_mark_of_its_last_row_and_of_one_that_was_known():
    first = received(1, 2)
    second = open_window(LOCAL, first.end, known_row=first.last_row)

    assert first.last_row == row_mark(LOCAL, first.last)
    assert first.known_row == ""
    assert second.known_row == first.last_row
    ChangeLog.objects.filter(pk=first.last).update(object_pk="another")
    changed_ = open_window(LOCAL, first.end, known_row=first.last_row)
    assert changed_.known_row == row_mark(LOCAL, first.last) != first.last_row
    ChangeLog.objects.filter(pk=first.last).delete()
    assert open_window(LOCAL, first.end, known_row=first.last_row).known_row == ""


def test_rows_that_are_no_younger_than_a_mark():
    ChangeLog.objects.all().delete()
    older, same = log(1, logged_at=NOON - MOMENT), log(2, logged_at=NOON)
    log(3, logged_at=NOON + MOMENT)

    assert ids_where((vendor.log_of(connection).NO_LATER, [row_mark(LOCAL, same).split("|")[1]])) == {older, same}


# The highest id, and what is deleted ---------------------------------------------------------------


def test_highest_id_is_remembered_when_its_row_is_gone():
    last = log(1)
    ChangeLog.objects.all().delete()

    assert highest_id(LOCAL) == last


def test_only_what_was_received_is_deleted_and_how_far_is_noted():
    Node.objects.update(pruned_to=0)
    ChangeLog.objects.all().delete()
    last = [log(1), log(2)][-1]
    position = current_position(LOCAL)
    rest = log(3)

    assert delete_received(LOCAL, position) == 2

    assert everything() == {rest}
    assert Node.objects.get().pruned_to == last
    assert delete_received(LOCAL, position) == 0
    assert Node.objects.get().pruned_to == last


def test_mark_of_what_was_pruned_never_goes_back():
    log(1)
    Node.objects.update(pruned_to=10**9)

    delete_received(LOCAL, current_position(LOCAL))

    assert Node.objects.get().pruned_to == 10**9


@on_postgres
def test_what_was_in_progress_is_not_deleted():
    ChangeLog.objects.all().delete()
    ids = log_of(5, 10, 15, 20)

    assert delete_received(LOCAL, f"10:20:10#{highest_id(LOCAL)}") == 2

    assert everything() == {ids[10], ids[20]}
    assert Node.objects.get().pruned_to == ids[15]


@on_postgres
def test_server_that_does_not_say_how_far_its_log_is_spoils_no_transaction():
    role = "synchro_test_nobody"
    with connection.cursor() as cursor:
        cursor.execute("REVOKE EXECUTE ON FUNCTION pg_postmaster_start_time() FROM PUBLIC")
        cursor.execute(f"CREATE ROLE {role} NOSUPERUSER")
        cursor.execute(f"SET ROLE {role}")
        try:
            with transaction.atomic():
                assert era_of(connection) == ""
            cursor.execute("SELECT 1")
        finally:
            cursor.execute("RESET ROLE")
