"""What a story does to LOCAL's database, it may do any number of times."""

from __future__ import annotations

from random import Random

from django.core.management import call_command

from synchro_triggers import synchronize
from tests.shapefuzz.content import read
from tests.shapefuzz.foreign import back_up, move, restore
from tests.shapefuzz.plans import ModelPlan, Project
from tests.shapefuzz.test_found import both_vendors, marked
from tests.shapefuzz.world import opened


@both_vendors
def test_database_is_moved_backed_up_and_restored_again_and_again(databases, django_db_blocker, tmp_path, local):
    plan = ModelPlan("A", "models.Model", [marked("a")], [])
    project = Project(0, local, local, (plan,), settings=(("USE_TZ", True),))

    with django_db_blocker.unblock(), opened(project, databases, tmp_path) as world:
        [model] = world.models
        names = {world.names["default"]}
        for number in range(12):
            model.objects.create(mark_a=f"o{number}")
            assert move(world, Random(0)) == "LOCAL is moved"
            names.add(world.names["default"])
            back_up(world, Random(number))
        call_command("synchro_reset", keep_identity=True, interactive=False, verbosity=0)
        synchronize()
        last = world.backups.pop()
        world.backups[:] = [last]
        restore(world, Random(0))

        assert len({*names, last}) == 14
        assert model.objects.count() == 12
        assert len(read("remote").rows) == 12
