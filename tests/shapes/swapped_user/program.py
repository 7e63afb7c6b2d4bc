"""Makes the project's databases, synchronises twice and compares; run as a process, see ``test_swapped_user``."""

from __future__ import annotations

import django

django.setup()

from django.contrib.auth.models import Group, Permission  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from synchro_triggers import synchronize  # noqa: E402
from tests.comparing import assert_same  # noqa: E402
from tests.shapes.swapped_user.people.models import Person, Task  # noqa: E402


def synchronize_and_compare() -> None:
    report = synchronize()
    assert report.failures == [], report.failures
    assert report.changed
    assert_same("people", Group)


def run() -> None:
    boss = Person.objects.create_user("boss", email="boss@example.com", password="secret")
    ann = Person.objects.create_user("ann", manager=boss)
    staff = Group.objects.create(name="staff")
    staff.permissions.add(Permission.objects.get(codename="add_task"))
    ann.groups.add(staff)
    ann.user_permissions.add(Permission.objects.get(codename="change_person"))
    task = Task.objects.create(name="task", owner=ann)
    task.watchers.set([ann, boss])
    synchronize_and_compare()

    Person.objects.filter(pk=ann.pk).update(is_staff=True, manager=None)
    task.watchers.remove(ann)
    boss.delete()
    synchronize_and_compare()

    ann.delete()
    synchronize_and_compare()
    assert not Task.objects.using("remote").exists()


def main() -> None:
    created = setup_databases(verbosity=0, interactive=False)
    try:
        call_command("synchro_install_triggers", "--database", "default", "--database", "remote", verbosity=0)
        run()
    finally:
        teardown_databases(created, verbosity=0)


main()
