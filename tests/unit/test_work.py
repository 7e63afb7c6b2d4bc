"""What goes to the browser and back while something is done in parts."""

from __future__ import annotations

import pytest

from synchro_triggers.web.work import OutOfDate, begin, read_work


def test_it_comes_back_as_it_was():
    work = begin("compare", "7", ["a", "b"])
    work.leave(10)
    work.leave(4)
    work.say("error", "“boom” & <b>")
    work.found["a"] = {"rows": [["shop.Item", 1]]}

    assert read_work(work.as_text(), "7") == work


def test_remotes_count_alike():
    work = begin("synchro", "7", ["a", "b"])
    told = [work.part_done]
    for left in (8, 2, 0):
        work.leave(left)
        told.append(work.part_done)
    work.go_to_next()
    told.append(work.part_done)
    work.go_to_next()

    assert told == [0, 0, 0.375, 0.5, 0.5] and work.part_done == 1 and work.is_finished


def test_what_is_left_may_become_more():
    work = begin("synchro", "7", ["a"])
    for left in (4, 6, 3):
        work.leave(left)

    assert (work.done, work.total) == (3, 6)


@pytest.mark.parametrize("spoil", [lambda text: text[:-1], lambda text: "", lambda text: f"x{text}"])
def test_what_was_changed_on_the_way_is_not_read(spoil):
    with pytest.raises(OutOfDate):
        read_work(spoil(begin("synchro", "7", ["a"]).as_text()), "7")


def test_what_is_another_users_is_not_read():
    with pytest.raises(OutOfDate):
        read_work(begin("synchro", "7", ["a"]).as_text(), "8")


def test_warnings_of_many_parts_do_not_add_up_and_errors_stay():
    work = begin("synchro", "7", ["a"])
    for number in range(50):
        work.say("warning", f"{number}")
    work.say("error", "boom")
    work.say("error", "boom")

    assert len(work.said) == 21 and work.said[-1] == ("error", "boom")
