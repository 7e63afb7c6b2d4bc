"""Which rows of the changelog are new: neither missed nor taken twice, whoever committed them when."""

from __future__ import annotations

import datetime
import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper

from synchro_triggers.exceptions import Refused
from synchro_triggers.models import ChangeLog, Node
from synchro_triggers.replay.window import (
    Window,
    commit_mark,
    current_position,
    delete_received,
    era_suffix,
    fingerprint,
    highest_id,
    history_agrees,
    labels_of,
    logged_no_later,
    open_window,
    pending_objects,
    place,
    position_since,
    read_page,
    received_by,
    row_mark,
)
from tests.databases import both, both_committed
from tests.other_engine.base import DatabaseWrapper as OtherEngine
from tests.safety.story import LOCAL

pytestmark = both

NOON = datetime.datetime(2024, 5, 5, 12, 30, 15, 123_000, tzinfo=datetime.UTC)
MOMENT = datetime.timedelta(milliseconds=1)

on_postgres = pytest.mark.vendor("postgres")


def log(key: object = 1, operation: str = "U", **more: Any) -> int:
    """Log a change; return its id."""
    fields: dict[str, Any] = {"model_label": "shop.Order", "changed_fields": "name"}
    row = ChangeLog.objects.create(object_pk=str(key), operation=operation, **{**fields, **more})
    return int(row.pk)


def log_of(*transactions: int) -> dict[int, int]:
    """Log a change in each of these transactions, in this order; return the ids, by transaction."""
    return {txid: log(txid, txid=txid) for txid in transactions}


def new(start: str = "", end: str = "") -> list[int]:
    """Return the keys that a window speaks of, as numbers, in the order of the log."""
    page = read_page(LOCAL, open_window(LOCAL, start, end=end), 0, 100)
    return [int(change.key) for change in sorted(page.changes, key=lambda change: change.first)]


def ids_where(condition: tuple[str, list[Any]]) -> set[int]:
    where, params = condition
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM synchro_triggers_changelog WHERE {where}", params)
        return {row[0] for row in cursor.fetchall()}


def everything() -> set[int]:
    return set(ChangeLog.objects.values_list("id", flat=True))


# Positions ----------------------------------------------------------------------------------------


def test_nothing_is_new_since_now_and_everything_after_it_is():
    start = current_position(LOCAL)
    assert new(start) == []
    log(1)
    middle = current_position(LOCAL)
    log(2)

    assert new(start) == [1, 2] and new(middle) == [2] and new(current_position(LOCAL)) == []
    assert new(start, middle) == [1]


def test_from_the_beginning_everything_is_new():
    log(1)
    log(2)

    assert new() == [1, 2]


def test_log_that_is_empty_has_a_position_too():
    ChangeLog.objects.all().delete()
    window = open_window(LOCAL, "")

    assert (window.first, window.last, window.rows, window.last_row, window.witness) == (0, 0, 0, "", "")
    assert read_page(LOCAL, window, 0, 100).changes == ()
    assert open_window(LOCAL, window.end).rows == 0


@on_postgres
def test_window_ends_before_the_transactions_that_were_in_progress():
    log_of(5, 10, 12, 15, 19, 20, 25)

    assert new(end="10:20:10,12") == [5, 15, 19]


@on_postgres
def test_late_commit_is_new_whatever_its_id():
    log_of(5, 10, 12, 15, 19, 20, 25)
    received = f"10:20:10,12#{highest_id(LOCAL)}"
    ChangeLog.objects.filter(txid__in=(15, 19)).update(model_label="shop.Received")

    window = open_window(LOCAL, received, end="30:30:")

    assert new(received, "30:30:") == [10, 12, 20, 25]
    assert labels_of(LOCAL, window) == {"shop.Order"}
    assert pending_objects(LOCAL, window) == {"shop.Order": 4}
    assert new(received, "20:25:12,20") == [10], "the others are still in progress"


@on_postgres
def test_transactions_whose_ids_are_given_out_once_more_are_new():
    """After a recovery: what was lost had these ids too, but no row of the log has an id that was ever seen."""
    ids = log_of(5, 6, 7, 8)

    assert new(f"30:30:#{ids[6]}", "30:30:") == [7, 8]


@on_postgres
def test_rows_of_ones_own_transaction_are_received_up_to_the_one_that_was_there():
    log(5, txid=5)
    last = log(121, txid=12)
    log(122, txid=12)
    log(13, txid=13)
    position = f"10:20:10/12:{last}#{highest_id(LOCAL)}"

    assert new(end=position) == [5, 121, 13]
    assert new(position, "30:30:") == [122]


@on_postgres
@pytest.mark.parametrize("xmax", [20, 21])
def test_ones_own_transaction_may_be_the_first_that_the_snapshot_does_not_see(xmax):
    last = log(201, txid=20)
    log(202, txid=20)
    log(21, txid=21)
    position = f"20:{xmax}:/20:{last}#{highest_id(LOCAL)}"

    assert new(end=position) == [201]
    assert new(position, "30:30:") == [202, 21]


@on_postgres
def test_position_from_another_cluster_goes_by_ids():
    ids = log_of(5, 6, 7, 8, 9, 10)
    received = f"ids:{ids[5]}-{ids[6]},{ids[8]}#{ids[9]}@"

    assert new(received, "100:100:") == [5, 6, 8, 10]
    assert new(f"ids:#{ids[9]}@", "100:100:") == [10]


POSITIONS = {
    "snapshot": "10:20:10,12#{all}",
    "recovered": "30:30:#{6}",
    "own": "10:20:10/12:{12}#{all}",
    "own first": "20:20:/20:{20}#{all}",
    "moved": "ids:{5}-{6},{15}#{19}@",
    "moved, nothing waits": "ids:#{12}@",
}


@on_postgres
@pytest.mark.parametrize("form", POSITIONS)
def test_row_is_either_received_or_new(form):
    ids = {str(key): value for key, value in log_of(5, 6, 10, 12, 15, 19, 20, 25).items()}
    position = POSITIONS[form]
    for name, value in {**ids, "all": highest_id(LOCAL)}.items():
        position = position.replace(f"{{{name}}}", str(value))

    received = ids_where(received_by(LOCAL, position, "", 0))
    waiting = {ids[str(key)] for key in new(position, "30:30:")}

    assert received and waiting and received.isdisjoint(waiting)
    assert received | waiting == everything()


@pytest.mark.vendor("sqlite")
def test_row_is_either_received_or_new_on_sqlite():
    first, second = log(1), log(2)

    assert ids_where(received_by(LOCAL, str(first), "", 0)) == {first}
    assert new(str(first)) == [2] and new("", str(first)) == [1]
    assert new(str(first), str(second)) == [2]


def test_before_the_first_run_nothing_is_received():
    log(1)

    assert ids_where(received_by(LOCAL, "", "", 0)) == set()


def test_run_that_was_cut_off_has_received_its_window_up_to_where_it_came():
    log(1)
    start = current_position(LOCAL)
    second, third = log(2), log(3)
    end = current_position(LOCAL)
    log(4)

    first = everything() - {second, third, highest_id(LOCAL)}
    assert ids_where(received_by(LOCAL, start, "", 0)) == first
    assert ids_where(received_by(LOCAL, start, end, second)) == first | {second}
    assert ids_where(received_by(LOCAL, start, end, third + 99)) == first | {second, third}
    assert ids_where(received_by(LOCAL, "", end, second)) == first | {second}


@on_postgres
def test_what_was_in_progress_when_a_window_began_is_not_received_by_it():
    ids = log_of(5, 10, 15, 20)

    received = ids_where(received_by(LOCAL, f"10:12:10#{highest_id(LOCAL)}", "10:18:10", ids[20]))

    assert received == {ids[5], ids[15]}


# Windows ------------------------------------------------------------------------------------------


def test_window_says_how_many_rows_there_are_and_from_where_to_where():
    start = current_position(LOCAL)
    first, _, last = log(1), log(2), log(1)

    window = open_window(LOCAL, start)

    assert (window.first, window.last, window.rows) == (first, last, 3)
    assert (window.start, window.after, window.since) == (start, 0, None)
    assert new(window.start, window.end) == [1, 2]


def test_rest_of_a_window_leaves_out_what_was_applied():
    start = current_position(LOCAL)
    _, second, third = log(1), log(2), log(3)
    end = current_position(LOCAL)
    log(4)

    window = open_window(LOCAL, start, end=end, after=second)

    assert (window.first, window.last, window.rows, window.after) == (third, third, 1, second)
    assert [change.key for change in read_page(LOCAL, window, 0, 100).changes] == ["3"]
    assert pending_objects(LOCAL, window) == {"shop.Order": 1}


def test_window_since_a_time_holds_what_was_logged_then_and_later():
    log(1, logged_at=NOON - MOMENT)
    second = log(2, logged_at=NOON)
    third = log(3, logged_at=NOON + MOMENT)

    window = open_window(LOCAL, "", since=NOON)

    assert (window.first, window.last, window.rows, window.since) == (second, third, 2, NOON)
    assert [change.key for change in read_page(LOCAL, window, 0, 100).changes] == ["2", "3"]
    assert pending_objects(LOCAL, window) == {"shop.Order": 2}


def test_what_was_logged_before_a_time_is_left_out_wherever_it_stands():
    """Times are not in the order of ids: clocks are set back, and transactions are long."""
    log(1, logged_at=NOON)
    log(2, logged_at=NOON - MOMENT, model_label="shop.Article")
    log(3, logged_at=NOON)

    window = open_window(LOCAL, "", since=NOON)

    assert window.rows == 2
    assert [change.key for change in read_page(LOCAL, window, 0, 100).changes] == ["1", "3"]
    assert labels_of(LOCAL, window) == {"shop.Order"}
    assert pending_objects(LOCAL, window) == {"shop.Order": 2}


def test_rather_one_row_too_many_than_one_too_few_where_times_are_cut():
    """Triggers log milliseconds on SQLite."""
    log(1, logged_at=NOON)

    window = open_window(LOCAL, "", since=NOON + datetime.timedelta(microseconds=999))

    assert window.rows == (1 if connection.vendor == "sqlite" else 0)


def test_time_of_another_zone_means_the_same_moment():
    log(1, logged_at=NOON - MOMENT)
    log(2, logged_at=NOON)
    elsewhere = NOON.astimezone(datetime.timezone(datetime.timedelta(hours=5)))

    assert open_window(LOCAL, "", since=elsewhere).rows == 1


def test_what_came_from_the_remote_does_not_go_back():
    start = current_position(LOCAL)
    log(2, origin="somebody else")
    log(1, origin="the remote", model_label="shop.Article")
    log(3)

    window = open_window(LOCAL, start, without_origin="the remote")

    assert window.rows == 2
    page = read_page(LOCAL, window, 0, 100, without_origin="the remote")
    assert [change.key for change in page.changes] == ["2", "3"]
    assert labels_of(LOCAL, window, without_origin="the remote") == {"shop.Order"}
    assert pending_objects(LOCAL, window, without_origin="the remote") == {"shop.Order": 2}


def test_without_a_name_nothing_is_left_out():
    start = current_position(LOCAL)
    log(1, origin="the remote")
    log(2)

    assert open_window(LOCAL, start).rows == 2
    assert new(start) == [1, 2]


def test_models_and_their_objects_are_counted_once():
    log(9, model_label="shop.Before")
    start = current_position(LOCAL)
    for key, label in [(1, "shop.Order"), (1, "shop.Order"), (2, "shop.Order"), (1, "shop.Article")]:
        log(key, model_label=label)
    window = open_window(LOCAL, start)
    log(9, model_label="shop.Later")

    assert labels_of(LOCAL, window) == {"shop.Article", "shop.Order"}
    assert pending_objects(LOCAL, window) == {"shop.Article": 1, "shop.Order": 2}
    assert list(pending_objects(LOCAL, window)) == ["shop.Article", "shop.Order"]


def test_model_of_the_last_row_that_was_applied_is_no_model_of_the_rest():
    start = current_position(LOCAL)
    first = log(1, model_label="shop.Article")
    log(2)

    window = open_window(LOCAL, start, after=first)

    assert labels_of(LOCAL, window) == {"shop.Order"}


@contextmanager
def standby() -> Iterator[None]:
    """Let the server answer as one that replays another one's log."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA pretended")
        cursor.execute("CREATE FUNCTION pretended.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'")
        cursor.execute("SET search_path = pretended, pg_catalog, public")
        try:
            yield
        finally:
            cursor.execute("RESET search_path")


@on_postgres
def test_standby_which_does_not_know_what_is_under_way_is_not_read():
    start = current_position(LOCAL)

    with standby():
        assert era_suffix(LOCAL) == "@"
        with pytest.raises(Refused) as refused:
            open_window(LOCAL, start)

    assert "'default' is a standby" in str(refused.value) and "target_session_attrs=read-write" in str(refused.value)


# Pages --------------------------------------------------------------------------------------------


def test_pages_hold_as_many_rows_as_they_may_and_follow_one_another():
    start = current_position(LOCAL)
    ids = [log(key) for key in (1, 2, 1, 3, 1)]
    window = open_window(LOCAL, start)

    pages, after = [], 0
    while (page := read_page(LOCAL, window, after, 2)).changes:
        pages.append(page)
        after = page.last

    assert [{change.key for change in page.changes} for page in pages] == [{"1", "2"}, {"1", "3"}, {"1"}]
    assert [page.last for page in pages] == [ids[1], ids[3], ids[4]]
    assert [page.rows for page in pages] == [2, 2, 1]
    assert (page.changes, page.last, page.rows) == ((), ids[4], 0)


def test_rows_of_one_object_are_one_change():
    start = current_position(LOCAL)
    ids = [log(1, logged_at=NOON + MOMENT), log(2, logged_at=NOON), log(1, logged_at=NOON)]
    page = read_page(LOCAL, open_window(LOCAL, start), 0, 100)

    found = {change.key: change for change in page.changes}

    assert found.keys() == {"1", "2"} and page.rows == 3 and page.last == ids[2]
    one = found["1"]
    assert (one.label, one.first, one.last, one.logged_at) == ("shop.Order", ids[0], ids[2], NOON + MOMENT)
    assert one.logged is True and one.attempts == 0 and one.old_values == ()
    assert one.created is False and one.deleted is False and one.certain is False
    assert (one.ended, one.begun) == (0, 0)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_time_is_read_as_it_was_logged_whatever_the_zone_of_the_project(zone, settings):
    settings.TIME_ZONE = zone
    start = current_position(LOCAL)
    at = NOON + datetime.timedelta(microseconds=1)
    log(1, logged_at=at)

    [change] = read_page(LOCAL, open_window(LOCAL, start), 0, 100).changes

    assert change.logged_at == at and change.logged_at.utcoffset() == datetime.timedelta(0)


def test_only_rows_of_the_models_that_are_asked_for_are_read():
    start = current_position(LOCAL)
    for label in ("shop.Order", "shop.Article", "shop.Customer"):
        log(1, model_label=label)
    window = open_window(LOCAL, start)

    def read(*labels: str) -> set[str]:
        return {change.label for change in read_page(LOCAL, window, 0, 100, labels=labels).changes}

    assert read("shop.Article", "shop.Order") == {"shop.Article", "shop.Order"}
    assert read("shop.Customer") == {"shop.Customer"}
    assert read() == set()


def story(*operations: str) -> tuple[Any, list[int]]:
    """Log operations on one key, ``d`` being a delete that SQLite announces; return what a page says, and the ids."""
    start = current_position(LOCAL)
    ids = [
        log(1, operation.upper(), changed_fields="may be" if operation == "d" else "name" if operation == "U" else "")
        for operation in operations
    ]
    [change] = read_page(LOCAL, open_window(LOCAL, start), 0, 100).changes
    return change, ids


@pytest.mark.parametrize(
    ("operations", "created", "deleted", "certain"),
    [
        ("I", True, False, False),
        ("IU", True, False, False),
        ("U", False, False, False),
        ("UD", False, True, True),
        ("Ud", False, True, False),
        ("dU", False, False, False),
        ("ID", True, True, True),
        ("DI", False, False, False),
        ("IDI", True, False, False),
        ("IDID", True, True, True),
        ("DId", False, True, False),
    ],
)
def test_what_became_of_an_object_say_its_first_and_its_last_row(operations, created, deleted, certain):
    change, _ = story(*operations)

    assert (change.created, change.deleted, change.certain) == (created, deleted, certain)


@pytest.mark.parametrize(
    ("operations", "ended", "begun"),
    [
        ("I", None, 0),
        ("UD", None, None),
        ("DI", 0, 1),
        ("IDI", 1, 2),
        ("IDIU", 1, 2),
        ("DIDI", 2, 3),
        ("ID", None, 0),
        ("UdI", 1, 2),  # what is inserted was not there
        ("DIUd", 0, 1),
        ("DId", 0, 1),
    ],
)
def test_key_that_was_given_out_again_is_noticed(operations, ended, begun):
    change, ids = story(*operations)

    assert change.begun == (0 if begun is None else ids[begun])
    assert change.ended == (0 if ended is None else ids[ended])


def test_old_values_come_oldest_first():
    start = current_position(LOCAL)
    for number in (3, 1, None, 2):
        log(1, old_values=None if number is None else json.dumps({"name": number}))

    [change] = read_page(LOCAL, open_window(LOCAL, start), 0, 100).changes

    assert [json.loads(old)["name"] for old in change.old_values] == [3, 1, 2]


# Histories ----------------------------------------------------------------------------------------


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
        pruned_to,
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


@pytest.mark.parametrize("field", [{"logged_at": NOON}, {"model_label": "shop.Other"}, {"object_pk": "another"}])
def test_last_row_that_is_another_one_now_does_not_agree(field):
    window = received(1, 2)

    ChangeLog.objects.filter(pk=window.last).update(**field)

    assert not agrees(window)


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

    assert ids_where(logged_no_later(LOCAL, row_mark(LOCAL, same))) == {older, same}


# The highest id, and what is deleted ---------------------------------------------------------------


def test_highest_id_is_remembered_when_its_row_is_gone():
    last = log(1)
    ChangeLog.objects.all().delete()

    assert highest_id(LOCAL) == last


def test_only_what_was_received_is_deleted_and_how_far_is_noted():
    Node.objects.create(node_id="me", pruned_to=0)
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
    Node.objects.create(node_id="me", pruned_to=10**9)

    delete_received(LOCAL, current_position(LOCAL))

    assert Node.objects.get().pruned_to == 10**9


@on_postgres
def test_what_was_in_progress_is_not_deleted():
    Node.objects.create(node_id="me")
    ChangeLog.objects.all().delete()
    ids = log_of(5, 10, 15, 20)

    assert delete_received(LOCAL, f"10:20:10#{highest_id(LOCAL)}") == 2

    assert everything() == {ids[10], ids[20]}
    assert Node.objects.get().pruned_to == ids[15]


# Places -------------------------------------------------------------------------------------------


def test_two_databases_are_at_two_places_and_each_stays_at_its_own():
    assert place(LOCAL) == place(LOCAL) != place("remote")
    assert fingerprint(LOCAL) == fingerprint(LOCAL) != fingerprint("remote")


@on_postgres
def test_database_under_another_name_is_at_one_place(monkeypatch):
    """A pooler may have names of its own for hosts and databases."""
    before = place(LOCAL)

    for setting in ("HOST", "NAME"):
        monkeypatch.setitem(connection.settings_dict, setting, "another")

    assert place(LOCAL) == before


@contextmanager
def sqlite_at(name: object, engine: type[DatabaseWrapper] = DatabaseWrapper) -> Iterator[str]:
    """Yield an alias of a SQLite database of this name."""
    alias = f"other {next(_numbers)}"
    opened = engine({**connection.settings_dict, "NAME": str(name)}, alias)
    connections[alias] = opened
    try:
        yield alias
    finally:
        BaseDatabaseWrapper.close(opened)  # SQLite's own leaves what is in memory open
        del connections[alias]


_numbers = itertools.count()


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize("form", ["{}", "file:{}?cache=private", "file://{}", "link"])
def test_file_is_one_place_under_any_name(form, tmp_path):
    path = tmp_path / "one.sqlite3"
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "another").touch()

    with (
        sqlite_at(path) as one,
        sqlite_at(tmp_path / "link" if form == "link" else form.format(path)) as same,
        sqlite_at(tmp_path / "another") as another,
    ):
        assert place(one) == place(same) != place(another)
        assert fingerprint(one) == fingerprint(same) != fingerprint(another) != ""


@pytest.mark.vendor("sqlite")
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (":memory:", ":memory:", False),
        ("file:a?mode=memory", "file:a?mode=memory", False),
        ("file:a?mode=memory&cache=shared", "file:a?cache=shared&mode=memory", True),
        ("file::memory:?cache=shared", "file::memory:?cache=shared", True),
        ("file:a?mode=memory&cache=shared", "file:b?mode=memory&cache=shared", False),
    ],
)
def test_databases_in_memory_are_one_if_they_share_a_name(one, other, expected):
    with sqlite_at(one) as first, sqlite_at(other) as second:
        with connections[first].cursor() as cursor:
            cursor.execute("CREATE TABLE told (told)")
        shared = "told" in connections[second].introspection.table_names()

        assert (place(first) == place(second)) is shared is expected
        assert fingerprint(first) == "", "nothing tells it from a copy"


@pytest.mark.vendor("sqlite")
def test_file_that_was_taken_away_is_not_taken_for_another_one(tmp_path):
    with sqlite_at(tmp_path / "one.sqlite3") as one, sqlite_at(tmp_path / "two.sqlite3") as two:
        assert place(one) != place(two)
        (tmp_path / "one.sqlite3").unlink()

        assert fingerprint(one) == "" and place(one) != place(two)


@pytest.mark.vendor("sqlite")
def test_remote_without_capture_is_never_where_local_is(tmp_path):
    with sqlite_at(tmp_path / "one", OtherEngine) as one, sqlite_at(tmp_path / "two", OtherEngine) as two:
        assert place(one) == place(one) != place(two)
        assert place(one) != place(LOCAL)
        assert fingerprint(one) == "", "nothing tells it from a copy"


# Marks of commits -----------------------------------------------------------------------------------


def elsewhere(work: Callable[[], object]) -> None:
    """Do it by another connection, and let it commit."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


@both_committed
def test_mark_of_commits_is_another_one_after_somebody_has_committed():
    before = commit_mark(LOCAL)
    elsewhere(lambda: log(1))
    after = commit_mark(LOCAL)

    assert after != before
    if connection.vendor == "sqlite":  # PostgreSQL counts what is done in other databases too
        assert commit_mark(LOCAL) == after


@both_committed
def test_position_of_a_mark_holds_what_was_committed_before_it_and_not_what_came_after():
    start = current_position(LOCAL)
    elsewhere(lambda: log(1))
    mark = commit_mark(LOCAL)
    position = position_since(LOCAL, mark)
    elsewhere(lambda: log(2))

    assert new(start, position) == [1] and new(position) == [2]
    assert history_agrees(LOCAL, position, "", "", 0)


@both_committed
@on_postgres
def test_position_of_a_mark_does_not_hold_what_was_committed_after_the_mark():
    """What was committed between the two is not skipped."""
    mark = commit_mark(LOCAL)
    elsewhere(lambda: log(1))

    position = position_since(LOCAL, mark)

    assert new(position) == [1] and era_suffix(LOCAL).count(":") == 3
    assert position.partition("@")[2].count(":") == 3, "by it a recovery is noticed"


def test_position_of_a_mark_within_a_transaction_holds_its_own_rows():
    mark = commit_mark(LOCAL)
    log(1)
    position = position_since(LOCAL, mark)
    log(2)

    assert new(position) == [2]


@on_postgres
def test_server_that_does_not_say_how_far_its_log_is_spoils_no_transaction():
    role = "synchro_test_nobody"
    with connection.cursor() as cursor:
        cursor.execute("REVOKE EXECUTE ON FUNCTION pg_postmaster_start_time() FROM PUBLIC")
        cursor.execute(f"CREATE ROLE {role} NOSUPERUSER")
        cursor.execute(f"SET ROLE {role}")
        try:
            with transaction.atomic():
                assert era_suffix(LOCAL) == "@"
            cursor.execute("SELECT 1")
        finally:
            cursor.execute("RESET ROLE")
