"""The tables of synchro_triggers, and the BRIN index of its changelog on PostgreSQL."""

from django.db import migrations, models

import synchro_triggers.exact_text
import synchro_triggers.models
import synchro_triggers.moment

from ._postgres_brin import create_brin_index, drop_brin_index


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ChangeLog",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("model_label", models.CharField(max_length=200, verbose_name="model")),
                ("object_pk", models.TextField(verbose_name="primary key")),
                (
                    "operation",
                    models.CharField(
                        choices=[("I", "insert"), ("U", "update"), ("D", "delete")],
                        max_length=1,
                        verbose_name="operation",
                    ),
                ),
                ("changed_fields", models.TextField(blank=True, default="", verbose_name="changed fields")),
                ("old_values", models.TextField(blank=True, null=True, verbose_name="old values")),
                ("origin", models.CharField(blank=True, default="", max_length=36, verbose_name="origin")),
                (
                    "logged_at",
                    synchro_triggers.moment.Moment(
                        db_default=synchro_triggers.moment.UtcNow(), verbose_name="logged at"
                    ),
                ),
                (
                    "txid",
                    models.BigIntegerField(
                        db_default=synchro_triggers.models.CurrentTransaction(), verbose_name="transaction"
                    ),
                ),
            ],
            options={
                "verbose_name": "change",
                "verbose_name_plural": "changelog",
                "ordering": ("id",),
                "permissions": (("synchronize", "Can synchronize"), ("reset", "Can reset the synchronization")),
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=36, unique=True)),
                ("position", models.TextField(blank=True, default="")),
                ("window_end", models.TextField(blank=True, default="")),
                ("window_after", models.BigIntegerField(default=0)),
                ("came_with", models.BigIntegerField(null=True)),
                ("since", synchro_triggers.moment.Moment(blank=True, null=True)),
                ("last_check", synchro_triggers.moment.Moment(blank=True, null=True)),
                ("last_row", synchro_triggers.exact_text.ExactTextField(blank=True, default="")),
                ("last_window", synchro_triggers.exact_text.ExactTextField(blank=True, default="")),
                ("place", synchro_triggers.exact_text.ExactTextField(blank=True, default="")),
                ("number", models.BigIntegerField(default=0)),
                ("passed", models.BigIntegerField(default=0)),
                ("lacks", synchro_triggers.exact_text.ExactTextField(blank=True, default="")),
                ("unlogged", synchro_triggers.exact_text.ExactTextField(blank=True, default="")),
                ("whole", synchro_triggers.exact_text.ExactTextField(blank=True, default="")),
                ("left_out", synchro_triggers.exact_text.ExactTextField(blank=True, default="")),
                ("looked", synchro_triggers.exact_text.ExactTextField(blank=True, default="")),
                ("run_id", models.CharField(blank=True, default="", max_length=36)),
                ("run_host", models.CharField(blank=True, default="", max_length=255)),
                ("run_pid", models.BigIntegerField(blank=True, null=True)),
                ("run_started", synchro_triggers.moment.Moment(blank=True, null=True)),
                ("run_seen", synchro_triggers.moment.Moment(blank=True, null=True)),
            ],
            options={
                "verbose_name": "checkpoint",
                "verbose_name_plural": "checkpoints",
            },
        ),
        migrations.CreateModel(
            name="Node",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("node_id", models.CharField(max_length=36, unique=True)),
                ("fingerprint", models.TextField(blank=True, default="")),
                ("copied_from", models.TextField(blank=True, default="")),
                ("succeeds", models.TextField(blank=True, default="")),
                ("pruned_to", models.BigIntegerField(default=0)),
                ("forgotten", models.TextField(blank=True, default="")),
                ("counting", models.CharField(blank=True, default="", max_length=36)),
                ("adopted", models.TextField(blank=True, default="")),
                ("created_at", synchro_triggers.moment.Moment(db_default=synchro_triggers.moment.UtcNow())),
            ],
            options={
                "verbose_name": "node",
                "verbose_name_plural": "nodes",
            },
        ),
        migrations.CreateModel(
            name="MetNode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("alias", models.CharField(max_length=255)),
                ("node_id", models.CharField(max_length=36)),
                ("position", models.TextField(blank=True, default="")),
            ],
            options={
                "verbose_name": "node that was met",
                "verbose_name_plural": "nodes that were met",
                "constraints": [models.UniqueConstraint(fields=("alias", "node_id"), name="synchro_triggers_met_node")],
            },
        ),
        migrations.CreateModel(
            name="SessionValue",
            fields=[
                ("key", models.CharField(max_length=30, primary_key=True, serialize=False)),
                ("value", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="Window",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("position", models.TextField()),
                ("closed_at", synchro_triggers.moment.Moment(db_default=synchro_triggers.moment.UtcNow())),
            ],
            options={
                "verbose_name": "window",
                "verbose_name_plural": "windows",
            },
        ),
        migrations.CreateModel(
            name="Knowledge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("author", models.CharField(max_length=36)),
                ("model_label", synchro_triggers.exact_text.ExactCharField(blank=True, default="", max_length=200)),
                ("number", models.BigIntegerField()),
                ("came_with", models.BigIntegerField(db_default=0)),
            ],
            options={
                "verbose_name": "knowledge",
                "verbose_name_plural": "knowledge",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("author", "model_label", "came_with"), name="synchro_triggers_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Arrival",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=36)),
                ("seen", models.BigIntegerField()),
                ("brought", synchro_triggers.exact_text.ExactTextField()),
                ("gone", synchro_triggers.exact_text.ExactTextField()),
            ],
            options={
                "verbose_name": "arrival",
                "verbose_name_plural": "arrivals",
            },
        ),
        migrations.CreateModel(
            name="Contribution",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("author", models.CharField(max_length=36)),
                ("counter", synchro_triggers.exact_text.ExactCharField(max_length=200)),
                ("object_pk", synchro_triggers.exact_text.ExactCharField(max_length=500)),
                ("amount", synchro_triggers.exact_text.ExactTextField()),
                ("number", models.BigIntegerField()),
                ("row", models.BigIntegerField()),
                ("seen", models.BigIntegerField(db_default=0)),
            ],
            options={
                "verbose_name": "contribution",
                "verbose_name_plural": "contributions",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("object_pk", "counter", "author"), name="synchro_triggers_contributed"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="UsersChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("model_label", synchro_triggers.exact_text.ExactCharField(max_length=200)),
                ("object_pk", synchro_triggers.exact_text.ExactCharField(max_length=500)),
                ("row", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "change by users",
                "verbose_name_plural": "changes by users",
                "constraints": [
                    models.UniqueConstraint(fields=("object_pk", "model_label"), name="synchro_triggers_users_change")
                ],
            },
        ),
        migrations.CreateModel(
            name="Failure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=36)),
                ("model_label", synchro_triggers.exact_text.ExactCharField(max_length=200)),
                ("object_pk", synchro_triggers.exact_text.ExactCharField(max_length=500)),
                ("object_text", models.TextField(blank=True, null=True)),
                (
                    "operation",
                    models.CharField(
                        choices=[("I", "insert"), ("U", "update"), ("D", "delete")],
                        max_length=1,
                        verbose_name="operation",
                    ),
                ),
                ("old_values", synchro_triggers.exact_text.ExactTextField(blank=True, null=True)),
                ("other_rows", synchro_triggers.exact_text.ExactTextField(blank=True, null=True)),
                ("logged_at", synchro_triggers.moment.Moment()),
                ("error", synchro_triggers.exact_text.ExactTextField()),
                ("attempts", models.PositiveIntegerField(default=1, verbose_name="attempts")),
                (
                    "first_at",
                    synchro_triggers.moment.Moment(
                        db_default=synchro_triggers.moment.UtcNow(), verbose_name="first tried"
                    ),
                ),
                ("last_at", synchro_triggers.moment.Moment(db_default=synchro_triggers.moment.UtcNow())),
                ("runs", models.PositiveIntegerField(default=1, verbose_name="in how many runs")),
                ("next_at", synchro_triggers.moment.Moment(blank=True, null=True)),
                ("waits_label", synchro_triggers.exact_text.ExactCharField(blank=True, default="", max_length=200)),
                ("waits_pk", synchro_triggers.exact_text.ExactCharField(blank=True, default="", max_length=500)),
            ],
            options={
                "verbose_name": "failure",
                "verbose_name_plural": "failures",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source", "model_label", "object_pk"), name="synchro_triggers_failure_object"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Introduction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=36)),
                ("model_label", synchro_triggers.exact_text.ExactCharField(max_length=200)),
                (
                    "word",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("unclaimed", "all objects here were known"),
                            ("logged", "all objects there were known, or had been made under the log"),
                            ("linked", "linked"),
                            ("strangers", "nothing in common"),
                            ("", "nobody has said so"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("up_to", models.BigIntegerField(default=0)),
                ("keys", models.TextField(blank=True, default="")),
            ],
            options={
                "verbose_name": "introduction",
                "verbose_name_plural": "introductions",
                "constraints": [
                    models.UniqueConstraint(fields=("source", "model_label"), name="synchro_triggers_introduced")
                ],
            },
        ),
        migrations.CreateModel(
            name="Reference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=36)),
                ("model_label", synchro_triggers.exact_text.ExactCharField(max_length=200)),
                ("local_pk", synchro_triggers.exact_text.ExactCharField(max_length=500)),
                ("ended", models.BigIntegerField(db_default=0)),
                ("remote_pk", synchro_triggers.exact_text.ExactCharField(max_length=500)),
                ("gone", models.BigIntegerField(null=True)),
                ("local_text", models.TextField(blank=True, null=True)),
                ("remote_text", models.TextField(blank=True, null=True)),
                ("logged", models.BigIntegerField(null=True, verbose_name="log row")),
                (
                    "met_at",
                    synchro_triggers.moment.Moment(db_default=synchro_triggers.moment.UtcNow(), verbose_name="met at"),
                ),
                (
                    "remote_won",
                    models.BooleanField(db_default=False, verbose_name="a conflict has kept this database's version"),
                ),
                ("replaced_at", synchro_triggers.moment.Moment(null=True, verbose_name="replaced at")),
                ("author", models.CharField(max_length=36, null=True)),
                ("number", models.BigIntegerField(null=True, verbose_name="window of the version")),
                ("time", models.BigIntegerField(null=True)),
                ("seen", models.BigIntegerField(null=True)),
                ("fields", synchro_triggers.exact_text.ExactTextField(null=True)),
                ("came_with", models.BigIntegerField(null=True, verbose_name="came with")),
                ("upon", synchro_triggers.exact_text.ExactTextField(null=True)),
            ],
            options={
                "verbose_name": "reference",
                "verbose_name_plural": "references",
                "indexes": [
                    models.Index(fields=["remote_pk", "model_label", "source"], name="synchro_triggers_ref_remote")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("local_pk", "model_label", "source", "ended"), name="synchro_triggers_ref_local"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Conflict",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=36)),
                ("model_label", synchro_triggers.exact_text.ExactCharField(max_length=200, verbose_name="model")),
                ("local_pk", synchro_triggers.exact_text.ExactCharField(max_length=500)),
                ("local_text", models.TextField(blank=True, null=True)),
                ("remote_pk", synchro_triggers.exact_text.ExactCharField(max_length=500)),
                ("remote_text", models.TextField(blank=True, null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("update/update", "changed on both sides"),
                            ("update/delete", "changed by the sender, deleted here"),
                            ("delete/update", "deleted by the sender, changed here"),
                            ("create/create", "made on both sides"),
                            ("delete/child", "deleted by the sender, which had not seen what hangs on it here"),
                            ("child/delete", "deleted here, where nobody had seen what hangs on it at the sender"),
                            ("unique", "two objects that want the same unique values"),
                            ("links", "a link: made on one side, removed on the other"),
                        ],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                ("local_values", synchro_triggers.exact_text.ExactTextField(blank=True, null=True)),
                ("remote_values", synchro_triggers.exact_text.ExactTextField(blank=True, null=True)),
                ("merged_values", synchro_triggers.exact_text.ExactTextField(blank=True, null=True)),
                ("local_author", models.CharField(blank=True, default="", max_length=36)),
                ("remote_author", models.CharField(blank=True, default="", max_length=36)),
                ("local_at", synchro_triggers.moment.Moment(blank=True, null=True)),
                ("remote_at", synchro_triggers.moment.Moment(blank=True, null=True)),
                ("rule", synchro_triggers.exact_text.ExactTextField(verbose_name="rule")),
                (
                    "result",
                    models.CharField(
                        choices=[
                            ("local", "the sender's"),
                            ("remote", "this database's"),
                            ("merged", "merged"),
                        ],
                        max_length=10,
                        verbose_name="result",
                    ),
                ),
                (
                    "decided_at",
                    synchro_triggers.moment.Moment(
                        db_default=synchro_triggers.moment.UtcNow(), verbose_name="decided at"
                    ),
                ),
                (
                    "taken",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("local", "the sender's"),
                            ("remote", "this database's"),
                            ("merged", "merged"),
                            ("renamed", "one of two objects was given other values"),
                            ("settled", "both objects are here"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="taken afterwards",
                    ),
                ),
                ("taken_at", synchro_triggers.moment.Moment(blank=True, null=True, verbose_name="taken at")),
            ],
            options={
                "verbose_name": "conflict",
                "verbose_name_plural": "conflicts",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("remote", models.CharField(max_length=255, verbose_name="remote")),
                (
                    "remote_node",
                    models.CharField(blank=True, default="", max_length=36, verbose_name="node of the remote"),
                ),
                (
                    "direction",
                    models.CharField(
                        choices=[("push", "from here to the remote"), ("pull", "from the remote to here")],
                        max_length=4,
                        verbose_name="direction",
                    ),
                ),
                ("begun_at", synchro_triggers.moment.Moment(verbose_name="begun at")),
                ("ended_at", synchro_triggers.moment.Moment(blank=True, null=True, verbose_name="ended at")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("done", "done"),
                            ("nothing to do", "there was nothing to do"),
                            ("failed", "an error has ended it"),
                            ("refused", "it was refused, or its settings were wrong: nothing was changed"),
                            ("busy", "another run was under way"),
                            ("unreachable", "a database could not be reached"),
                            ("paused", "it has done a part, and goes on when it is asked to"),
                            ("", "it is under way, or was killed"),
                        ],
                        default="",
                        max_length=20,
                        verbose_name="outcome",
                    ),
                ),
                ("error", synchro_triggers.exact_text.ExactTextField(blank=True, default="", verbose_name="error")),
                ("written", models.BigIntegerField(default=0, verbose_name="written")),
                ("deleted", models.BigIntegerField(default=0, verbose_name="deleted")),
                ("links", models.BigIntegerField(default=0, verbose_name="links")),
                ("kept", models.BigIntegerField(default=0, verbose_name="kept as failures")),
                ("conflicts", models.BigIntegerField(default=0, verbose_name="in conflict")),
                (
                    "begun_by",
                    synchro_triggers.exact_text.ExactCharField(
                        blank=True, default="", max_length=255, verbose_name="begun by"
                    ),
                ),
                ("host", models.CharField(blank=True, default="", max_length=255, verbose_name="host")),
                ("pid", models.BigIntegerField(default=0, verbose_name="process")),
            ],
            options={
                "verbose_name": "run",
                "verbose_name_plural": "runs",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["remote", "direction", "ended_at"], name="synchro_triggers_run_ended")
                ],
            },
        ),
        migrations.CreateModel(
            name="AppliedTotal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("remote", models.CharField(max_length=255)),
                (
                    "direction",
                    models.CharField(
                        choices=[("push", "from here to the remote"), ("pull", "from the remote to here")],
                        max_length=4,
                    ),
                ),
                ("model_label", synchro_triggers.exact_text.ExactCharField(max_length=200)),
                ("operation", models.CharField(max_length=10)),
                ("number", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "total of applied objects",
                "verbose_name_plural": "totals of applied objects",
            },
        ),
        migrations.CreateModel(
            name="ConflictTotal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=36)),
                ("rule", synchro_triggers.exact_text.ExactTextField(verbose_name="rule")),
                ("number", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "total of conflicts",
                "verbose_name_plural": "totals of conflicts",
            },
        ),
        migrations.RunPython(create_brin_index, drop_brin_index),
    ]
