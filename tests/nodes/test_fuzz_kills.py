"""Random histories with runs at once, killed runs, and users beside them: nothing lost, nothing twice, all on record.

In a normal run a few histories are always the same ones. ``make fuzz-nodes`` plays new ones, as of the others
(``test_fuzz_nodes.py``).
"""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from django.db.models import QuerySet

from synchro_triggers.models import ChangeLog, Conflict
from tests.nodes.disturbed import SETTINGS, Act, Player, Step, random_history
from tests.nodes.histories import Wrong
from tests.nodes.hunting import play_or_fail, seeds
from tests.nodes.nodes import MESH, NAMES, STAR

LENGTH = 14


@pytest.mark.parametrize("pairs", [STAR, MESH], ids=["star", "mesh"])
def test_disturbed_histories_end_as_if_one_had_come_after_the_other(nodes, settings, pairs):
    for name, value in SETTINGS.items():
        setattr(settings, name, value)
    player = Player(nodes, pairs)
    for seed in seeds():
        play_or_fail(seed, random_history(seed, LENGTH, pairs), player.play, Wrong, settle=player.settle)
    done = f"{player.kills} runs killed, {player.acts_beside} acts beside runs, {player.conflicts} conflicts on record"
    print(done)
    assert player.kills and player.acts_beside and player.conflicts


class LosesALogRow(Player):
    """Plays histories in which a log row of A disappears before the end."""

    def _come_to_rest(self):
        ChangeLog.objects.using("a").latest("id").delete()
        super()._come_to_rest()


class LosesTheRecord(Player):
    """Plays histories at whose end no conflict is on record."""

    def problems(self):
        for name in NAMES:
            QuerySet(Conflict, using=name).all().delete()
        return super().problems()


CONCURRENT = [
    Step((Act("make", "a"),)),
    *(Step(runs=(pair,)) for pair in MESH),
    Step((Act("write", "b"), Act("write", "c"), Act("write", "a"))),
]


@pytest.mark.parametrize(
    ("kind", "noticed"), [(Player, None), (LosesALogRow, "lacks"), (LosesTheRecord, "not on record")]
)
@pytest.mark.parametrize("nodes", ["sqlite"], indirect=True)
def test_what_is_lost_behind_the_back_of_the_package_is_noticed(nodes, kind, noticed):
    player = kind(nodes, MESH)
    with pytest.raises(Wrong, match=noticed) if noticed else nullcontext():
        player.play(CONCURRENT)
