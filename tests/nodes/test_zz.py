import os
from tests.nodes.histories import Player, Step, Wrong
from tests.nodes.nodes import NAMES, TOPOLOGIES
from synchro_triggers.models import Reference, Window, Checkpoint, ChangeLog, Knowledge


def test_zz(nodes):
    h = eval(os.environ["HIST"])
    p = Player(nodes, TOPOLOGIES[os.environ["TOPO"]])
    names = {nodes.identity(n): n for n in NAMES}
    orig = p._run

    def run(step):
        try:
            orig(step)
        finally:
            print("RUN", step.node, step.thing)
            for n in NAMES:
                print(
                    " ",
                    n,
                    [
                        (
                            names[r.source],
                            r.local_pk,
                            r.remote_pk,
                            r.logged,
                            names.get(r.author, r.author),
                            r.number,
                            r.time and r.time % 10**10,
                            r.seen,
                            r.remote_won,
                        )
                        for r in Reference.objects.using(n).order_by("id")
                        if "Item" in r.model_label
                    ],
                    "W",
                    [(w.number, w.position[-30:]) for w in Window.objects.using(n)],
                    "C",
                    [(names[c.source], c.number, c.position[-20:]) for c in Checkpoint.objects.using(n)],
                    "K",
                    [(names[k.author], k.model_label, k.number) for k in Knowledge.objects.using(n)],
                    "L",
                    [
                        (l.id, l.object_pk, l.operation, names.get(l.origin, ""))
                        for l in ChangeLog.objects.using(n).order_by("id")
                    ][-6:],
                )

    p._run = run
    p.play(h)
