"""Which rows of the changelog are new: neither missed nor taken twice, whoever committed them when."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection

from synchro_triggers.exceptions import Refused
from synchro_triggers.models import ChangeLog
from synchro_triggers.replay.log.history import history_agrees
from synchro_triggers.replay.log.pages import read_page
from synchro_triggers.replay.log.postgres import era_of, parse_snapshot
from synchro_triggers.replay.log.window import (
    commit_mark,
    current_position,
    highest_id,
    not_made,
    open_window,
    pending_objects,
    position_since,
    received_by,
)
from tests.databases import both, both_committed
from tests.replay.logs import MOMENT, NOON, everything, ids_where, log, log_of, new, on_postgres
from tests.safety.story import LOCAL

pytestmark = both

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
def test_position_of_an_empty_log_counts_no_id_as_received():
    log(1)
    ChangeLog.objects.all().delete()

    then = parse_snapshot(current_position(LOCAL))

    assert then.highest == 0 and then.own is not None and then.own[1] == 0


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
    assert not_made(LOCAL, window).keys() == {"shop.Order"}
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
    assert not_made(LOCAL, window).keys() == {"shop.Order"}
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
    assert not_made(LOCAL, window, without_origin="the remote").keys() == {"shop.Order"}
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

    assert not_made(LOCAL, window).keys() == {"shop.Article", "shop.Order"}
    assert pending_objects(LOCAL, window) == {"shop.Article": 1, "shop.Order": 2}
    assert list(pending_objects(LOCAL, window)) == ["shop.Article", "shop.Order"]


def test_models_come_with_the_keys_that_are_not_seen_being_made():
    start = current_position(LOCAL)
    for key, operation in [(1, "I"), (1, "U"), (2, "U"), (2, "D"), (3, "D"), (3, "I"), (4, "D")]:
        log(key, operation)
    log(1, "I", model_label="shop.Article")
    log(2, model_label="shop.Customer")

    found = not_made(LOCAL, open_window(LOCAL, start))

    assert {label: sorted(keys) for label, keys in found.items()} == {
        "shop.Order": ["2", "4"],
        "shop.Article": [],
        "shop.Customer": ["2"],
    }


def test_model_of_the_last_row_that_was_applied_is_no_model_of_the_rest():
    start = current_position(LOCAL)
    first = log(1, model_label="shop.Article")
    log(2)

    window = open_window(LOCAL, start, after=first)

    assert not_made(LOCAL, window).keys() == {"shop.Order"}


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
        assert era_of(connection) == ""
        with pytest.raises(Refused) as refused:
            open_window(LOCAL, start)

    assert "'default' is a standby" in str(refused.value) and "target_session_attrs=read-write" in str(refused.value)


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
    assert history_agrees(LOCAL, position, "", "", lambda: 0)


@both_committed
@on_postgres
def test_position_of_a_mark_does_not_hold_what_was_committed_after_the_mark():
    """What was committed between the two is not skipped."""
    mark = commit_mark(LOCAL)
    elsewhere(lambda: log(1))

    position = position_since(LOCAL, mark)

    assert new(position) == [1] and era_of(connection).count(":") == 3
    assert position.partition("@")[2].count(":") == 3, "by it a recovery is noticed"


def test_position_of_a_mark_within_a_transaction_holds_its_own_rows():
    mark = commit_mark(LOCAL)
    log(1)
    position = position_since(LOCAL, mark)
    log(2)

    assert new(position) == [2]
