"""django-celery-beat: tasks that validate themselves in ``save()``, and a scheduler on each side."""

from __future__ import annotations

from collections.abc import Callable

from tests.sites.agreed import assert_equal, assert_nothing_to_do, differences, start_office, synchronize
from tests.sites.trial import Trial

Begin = Callable[[str], Trial]


def test_tasks_of_the_office_run_on_main(begin: Begin) -> None:
    trial = begin("with_celery_beat")
    start_office(trial)
    for work in ("add_tasks", "change_tasks"):
        trial.main.do("main_goes_on", work)
        of_main = differences(trial)
        before = trial.main.do("last_change")
        trial.office.do(work)
        synchronize(trial)

        assert_equal(trial, but=of_main)
        assert trial.main.do("tasks").items() >= trial.office.do("tasks").items()
        assert trial.main.do("last_change") > before, "main's scheduler was not told"
        assert_nothing_to_do(trial)


def test_what_a_scheduler_notes_stays_on_its_side(begin: Begin) -> None:
    trial = begin("with_celery_beat")
    start_office(trial)
    trial.main.do("scheduler_runs", "import")
    trial.main.do("describe", "import", "by main")
    trial.office.do("scheduler_runs", "import")
    trial.office.do("scheduler_runs", "import")
    synchronize(trial)

    assert trial.main.do("state_of_scheduler", "import") == [1, True, "by main"]
    assert trial.office.do("state_of_scheduler", "import") == [2, True, ""]
