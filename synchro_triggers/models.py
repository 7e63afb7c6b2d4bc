"""The tables of this package: the changelog, and what a database has received from others.

Every database with this app has all of them. The *outbound* side of a database is its changelog. The
*inbound* side (checkpoint, references, failures) is stored per source in the database that received,
and is written in the same transaction as the data it describes.
"""

# Long: the tables of this package are one schema, and are read as a whole.

from __future__ import annotations

from bisect import bisect_right
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Func
from django.utils.translation import gettext_lazy as _

from .exact_text import ExactCharField, ExactTextField
from .key_texts import KEY_LENGTH, printable_key, read_full_key
from .moment import Moment, UtcNow
from .option_rules import COUNTER_LENGTH
from .vendors.vendor import database_of

if TYPE_CHECKING:
    from .api import options as options

NODE_LENGTH = 36
LABEL_LENGTH = 200


class CurrentTransaction(Func):
    """The id of the writing transaction; 0 where writers are serialised anyway."""

    arity = 0
    output_field = models.BigIntegerField()  # pyright: ignore[reportAssignmentType]  # stubs have the property alone

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **context: Any) -> tuple[str, tuple[()]]:
        return database_of(connection).TRANSACTION, ()


class Operation(models.TextChoices):
    INSERT = "I", _("insert")
    UPDATE = "U", _("update")
    DELETE = "D", _("delete")


class Node(models.Model):
    """This database's own identity: one row, made by ``migrate``, and made anew when it is missing.

    Attributes:
        fingerprint: names the place where the identity was made, so that a copy of the database, which
            carries a copy of this row, is told from the original.
        copied_from: of a copy that has become a node of its own: the identities that it had, the last one first,
            separated by commas.
        succeeds: of one that was put back, and goes on as a node of its own: the identities that it had, the last one
            first, separated by commas. Nobody has them any more.
        pruned_to: the highest changelog id that was ever pruned. A received row that is missing beyond it was lost.
        forgotten: identities of nodes for which pruning has not kept what they had not passed, separated by commas.
        counting: as whom its users add to counters: another one after each reset. Empty: as ``node_id``.
        adopted: up to which row of django-synchro's log that was taken over, and the identity of its remote, as
            ``ID NODE``. Empty: nothing was.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    node_id = models.CharField(max_length=NODE_LENGTH, unique=True)
    fingerprint = models.TextField(default="", blank=True)
    copied_from = models.TextField(default="", blank=True)
    succeeds = models.TextField(default="", blank=True)
    pruned_to = models.BigIntegerField(default=0)
    forgotten = models.TextField(default="", blank=True)
    counting = models.CharField(max_length=NODE_LENGTH, default="", blank=True)
    adopted = models.TextField(default="", blank=True)
    created_at = Moment(db_default=UtcNow())

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("nodes")

    def __str__(self) -> str:
        return self.node_id


class ChangeLog(models.Model):
    """One committed change of one row, written by a trigger."""

    id = models.BigAutoField(primary_key=True)
    model_label = models.CharField(_("model"), max_length=LABEL_LENGTH)
    object_pk = models.TextField(_("primary key"))
    operation = models.CharField(_("operation"), max_length=1, choices=Operation)
    changed_fields = models.TextField(_("changed fields"), default="", blank=True)
    old_values = models.TextField(_("old values"), null=True, blank=True)
    origin = models.CharField(_("origin"), max_length=NODE_LENGTH, default="", blank=True)
    logged_at = Moment(_("logged at"), db_default=UtcNow())
    txid = models.BigIntegerField(_("transaction"), db_default=CurrentTransaction())

    class Meta:
        ordering = ("id",)
        permissions = (("synchronize", "Can synchronize"), ("reset", "Can reset the synchronization"))
        verbose_name = _("change")
        verbose_name_plural = _("changelog")

    def __str__(self) -> str:
        name = self.get_operation_display()  # pyright: ignore[reportAttributeAccessIssue]  # Django makes it
        return f"{name} {self.model_label} {self.object_pk}"


class MetNode(models.Model):
    """A database to which this one has sent something: which identity was behind which alias.

    If another one is there later that knows nothing of this database, it was flushed, or made anew, and filled again:
    what this database had sent before may be in it.

    Attributes:
        position: where it fetches itself: up to where it has passed this database's log, which it may not be asked.
    """

    alias = models.CharField(max_length=255)
    node_id = models.CharField(max_length=NODE_LENGTH)
    position = models.TextField(default="", blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("alias", "node_id"), name="synchro_triggers_met_node"),)
        verbose_name = _("node that was met")
        verbose_name_plural = _("nodes that were met")

    def __str__(self) -> str:
        return f"{self.alias}: {self.node_id}"


class SessionValue(models.Model):
    """Stand-in for session variables where the database has none (SQLite).

    Rows live inside one write transaction only: nobody else ever sees one.
    """

    key = models.CharField(primary_key=True, max_length=30)
    value = models.TextField()

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class Checkpoint(models.Model):
    """How far this database has received the changelog of ``source``.

    Attributes:
        position: what lies before it has been received; its form is the source vendor's
            (see ``replay.log.vendor``). Empty: nothing yet.
        window_end, window_after: while a run is under way or was cut off: the end of its window, and
            the changelog id up to which it has been applied.
        came_with: the number of what the source had seen when that window was opened (see ``Knowledge``).
        since: rows logged earlier are left out of the next window (``options.last_check = ...``).
        last_check: the time of the last run, or what the user set it to.
        last_row: the last changelog row that was received, as ``id|logged_at|label|key``: it must still be what it
            was, or LOCAL has been put back to an older state.
        last_window: the same of all rows of the last window that had any (PostgreSQL, whose ids are not in the
            order of commits): see ``Window.witness``.
        place: the fingerprint that ``source`` had at its last run. A database that was flushed has a new identity,
            but is at the same place. Empty: it has not run since this database was put back.
        number: the last of the source's windows that lies before ``position``.
        passed: the last window of this database that the source knew in its last run: what its own users have changed
            before needs to be kept for the source no longer.
        lacks: models of which something that the source has logged was left out, because it did not list them, or had
            no table of them (see ``replay.state.gaps``). Empty: none.
        unlogged: models of which something has come that this database did not log, and when it did last.
        whole: what the source had in its own ``unlogged`` when all of its objects were last brought here.
        left_out: fields and models that runs have left out, because one of the two databases did not have their columns
            or tables, as JSON: by model label, column to why (see ``replay.state.left_out``). Empty: none.
        looked: the position in this database's own changelog up to which it was looked for numbers that its users have
            given out again (see ``replay.given_again``). Empty: not yet.
        run_id, run_host, run_pid, run_started, run_seen: the run that is under way, if any; ``run_seen`` moves on
            with each of its transactions, by this database's clock.
    """

    source = models.CharField(max_length=NODE_LENGTH, unique=True)
    position = models.TextField(default="", blank=True)
    window_end = models.TextField(default="", blank=True)
    window_after = models.BigIntegerField(default=0)
    came_with = models.BigIntegerField(null=True)
    since = Moment(null=True, blank=True)
    last_check = Moment(null=True, blank=True)
    last_row = ExactTextField(default="", blank=True)
    last_window = ExactTextField(default="", blank=True)
    place = ExactTextField(default="", blank=True)
    number = models.BigIntegerField(default=0)
    passed = models.BigIntegerField(default=0)
    lacks = ExactTextField(default="", blank=True)
    unlogged = ExactTextField(default="", blank=True)
    whole = ExactTextField(default="", blank=True)
    left_out = ExactTextField(default="", blank=True)
    looked = ExactTextField(default="", blank=True)
    run_id = models.CharField(max_length=NODE_LENGTH, default="", blank=True)
    run_host = models.CharField(max_length=255, default="", blank=True)
    run_pid = models.BigIntegerField(null=True, blank=True)
    run_started = Moment(null=True, blank=True)
    run_seen = Moment(null=True, blank=True)

    class Meta:
        verbose_name = _("checkpoint")
        verbose_name_plural = _("checkpoints")

    def __str__(self) -> str:
        return f"{self.source}: {self.last_check}"


class Window(models.Model):
    """A window of this database's own log: what its own users changed since the one before it is of that number.

    So all nodes can say what they have seen of a node's changes by one number: its windows are complete and in order.
    ``position`` is where it ends (see ``replay.log.vendor``).
    """

    number = models.BigIntegerField(primary_key=True)
    position = models.TextField()
    closed_at = Moment(db_default=UtcNow())

    class Meta:
        verbose_name = _("window")
        verbose_name_plural = _("windows")

    def __str__(self) -> str:
        return f"{self.number}: {self.position}"


class Knowledge(models.Model):
    """This database has seen all changes of a node's users up to the window ``number``, whichever way they came.

    ``model_label``: of this model only; empty: of all. What it has received from the node itself stands in the
    checkpoint.

    ``came_with``: not all that this database has is of that state, but the objects whose references name this number:
    they have come by a run that has not ended, and this is what its sender had seen. 0: all is.
    """

    author = models.CharField(max_length=NODE_LENGTH)
    model_label = ExactCharField(max_length=LABEL_LENGTH, default="", blank=True)
    number = models.BigIntegerField()
    came_with = models.BigIntegerField(db_default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("author", "model_label", "came_with"), name="synchro_triggers_known"),
        )
        verbose_name = _("knowledge")
        verbose_name_plural = _("knowledge")

    def __str__(self) -> str:
        return f"{self.author} {self.model_label}: {self.number}"


class Reference(models.Model):
    """The object that the node ``source`` has made under ``local_pk`` is the row ``remote_pk`` of this database.

    However it has come here: an object has the names that its makers gave it, several where it was found to be one with
    another. Of what this database has made itself, the name is its key, and need not be written down.

    ``ended`` is the id of the row of ``source``'s log that says that ``local_pk`` was this object's no longer: it was
    deleted there. 0: nobody has told this database so. It is part of the name: what is inserted later under the key is
    another object, while this one may live on, here or, under another key, there again, and keeps its name.

    A row that is gone has ``gone:`` before its key, so that no look-up of a row finds it: whoever is told later that it
    is gone must learn which object that was. It is kept where this database sends to others. ``gone`` is then the id of
    the row of this database's log that says so; 0: not read yet; null: the row is there. An object that this database
    has never had, and whose deletion it hands on, has a text for a key that is none (``key_of_unseen``).

    ``author``, ``number`` and ``time`` (microseconds) are the version that was received: whose users changed the object
    last, in which of that node's windows, and when, by that node's clock. ``author`` is empty where it is ``source``.
    Null: none was received, or nobody would ask for it. ``seen`` is the highest id that this database's log had then:
    what its own users have changed is newer if it has a higher one. ``fields`` says so of single fields, where objects
    are merged by field and these have not all come with one version (``replay.log.field_versions``). ``came_with`` is
    the number of what its sender had seen of it (``Knowledge``), where this database has not seen all of that yet;
    ``upon`` are versions of it that its author had seen although no run had told its sender so of all objects.

    A key that does not fit is stored as its digest, and in full in ``local_text`` or ``remote_text`` (``key_texts``).
    ``met_at`` (this database's clock) is when the two met first, and since then whenever they were made equal, or
    compared and left alone, after this database's own users had changed the row. ``remote_won`` says that the row is
    not as the source has it since: in a conflict, the version of this database was kept.

    ``replaced_at`` is when this database's users were seen to have given the row's number to another object of theirs.

    ``logged`` is the id of the last log row of ``source`` that the two were made one by, whoever has handed that on.
    What is deleted later is this object; what is inserted later under ``local_pk`` is another one. Null: they were not
    made one by the log.
    """

    source = models.CharField(max_length=NODE_LENGTH)
    model_label = ExactCharField(max_length=LABEL_LENGTH)
    local_pk = ExactCharField(max_length=KEY_LENGTH)
    ended = models.BigIntegerField(db_default=0)
    remote_pk = ExactCharField(max_length=KEY_LENGTH)
    gone = models.BigIntegerField(null=True)
    local_text = models.TextField(null=True, blank=True)
    remote_text = models.TextField(null=True, blank=True)
    logged = models.BigIntegerField(_("log row"), null=True)
    met_at = Moment(_("met at"), db_default=UtcNow())
    remote_won = models.BooleanField(_("a conflict has kept this database's version"), db_default=False)
    replaced_at = Moment(_("replaced at"), null=True)
    author = models.CharField(max_length=NODE_LENGTH, null=True)
    number = models.BigIntegerField(_("window of the version"), null=True)
    time = models.BigIntegerField(null=True)
    seen = models.BigIntegerField(null=True)
    fields = ExactTextField(null=True)
    came_with = models.BigIntegerField(_("came with"), null=True)
    upon = ExactTextField(null=True)

    class Meta:
        # What differs most comes first: comparing costs a third of what an index costs otherwise.
        constraints = (
            models.UniqueConstraint(
                fields=("local_pk", "model_label", "source", "ended"), name="synchro_triggers_ref_local"
            ),
        )
        indexes = (models.Index(fields=("remote_pk", "model_label", "source"), name="synchro_triggers_ref_remote"),)
        verbose_name = _("reference")
        verbose_name_plural = _("references")

    def __str__(self) -> str:
        return f"{self.model_label} {self.local_pk} -> {self.remote_pk}"


class Arrival(models.Model):
    """What one transaction has brought from ``source``, in which versions, while nobody asks this database for them.

    That is so where changes go one way between two databases. Whoever asks for the first time, and pruning, writes the
    versions into the references (``replay.identity.arrivals``), which would double the price of an update otherwise.

    Attributes:
        seen: the highest id that this database's log had then.
        brought: as JSON, by model label and key, the versions of what has come: a time for one of the first window of
            ``source``, or author, number and time, and the versions of fields, if there are any.
        gone: the same of what was deleted, if it keeps its key.
    """

    source = models.CharField(max_length=NODE_LENGTH)
    seen = models.BigIntegerField()
    brought = ExactTextField()
    gone = ExactTextField()

    class Meta:
        verbose_name = _("arrival")
        verbose_name_plural = _("arrivals")

    def __str__(self) -> str:
        return f"{self.source}: {self.seen}"


class Contribution(models.Model):
    """What the users of one node, its ``author``, have added to a counter of a row of this database, all in all.

    What this database's own users have added is the row's value less the others' contributions, so that no write of
    theirs costs more. ``number`` and ``row`` tell which of two amounts is the newer one: the window of the author's log
    and the row in it by which its users have changed the counter last. ``seen`` is the highest id that this database's
    log had when the contribution came: if another object was made under the key since, it is not that one's.
    ``counter`` is ``app.Model.field``.

    A row whose author is this database itself has no amount: it says from when on its own contribution, which follows
    from the others', is another one than before.
    """

    author = models.CharField(max_length=NODE_LENGTH)
    counter = ExactCharField(max_length=COUNTER_LENGTH)
    object_pk = ExactCharField(max_length=KEY_LENGTH)
    amount = ExactTextField()
    number = models.BigIntegerField()
    row = models.BigIntegerField()
    seen = models.BigIntegerField(db_default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("object_pk", "counter", "author"), name="synchro_triggers_contributed"),
        )
        verbose_name = _("contribution")
        verbose_name_plural = _("contributions")

    def __str__(self) -> str:
        return f"{self.counter} of {self.object_pk}: {self.author} {self.amount}"


class UsersChange(models.Model):
    """The last log row by which this database's own users have changed an object, where the log is a long one.

    The log has no index on its objects, which would cost every writer. So each run that has a long one before it notes
    what has come since the one before (see ``replay.log.noted_changes``); a row that was pruned counts no longer.
    """

    model_label = ExactCharField(max_length=LABEL_LENGTH)
    object_pk = ExactCharField(max_length=KEY_LENGTH)
    row = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("object_pk", "model_label"), name="synchro_triggers_users_change"),
        )
        verbose_name = _("change by users")
        verbose_name_plural = _("changes by users")

    def __str__(self) -> str:
        return f"{self.model_label} {self.object_pk}: {self.row}"


class Word(models.TextChoices):
    """Why an object that has no reference cannot be one of those that this database has already."""

    UNCLAIMED = "unclaimed", _("all objects here were known")
    LOGGED = "logged", _("all objects there were known, or had been made under the log")
    LINKED = "linked", _("linked")
    STRANGERS = "strangers", _("nothing in common")
    NONE = "", _("nobody has said so")


class Introduction(models.Model):
    """What was said, or found out, when objects of one model of ``source`` met those of this database.

    It holds for the objects that ``source`` had then: ``keys`` are theirs (``1-500,700``), and ``up_to`` the highest.
    Later ones are made under its log, or nothing is known of them.
    """

    source = models.CharField(max_length=NODE_LENGTH)
    model_label = ExactCharField(max_length=LABEL_LENGTH)
    word = models.CharField(max_length=10, choices=Word, default=Word.NONE, blank=True)
    up_to = models.BigIntegerField(default=0)
    keys = models.TextField(default="", blank=True)
    _spans: list[tuple[int, int]] | None = None

    class Meta:
        constraints = (models.UniqueConstraint(fields=("source", "model_label"), name="synchro_triggers_introduced"),)
        verbose_name = _("introduction")
        verbose_name_plural = _("introductions")

    def __str__(self) -> str:
        return f"{self.model_label} up to {self.up_to}: {self.word}"

    def speaks_of(self, key: int) -> bool:
        """Tell whether ``source`` had an object with that key then."""
        if self._spans is None:
            ends = (span.partition("-") for span in self.keys.split(",") if span)
            self._spans = [(int(first), int(last or first)) for first, _, last in ends]
        at = bisect_right(self._spans, key, key=lambda span: span[0]) - 1
        return at >= 0 and key <= self._spans[at][1]


class Failure(models.Model):
    """A change of ``source`` that could not be applied here, and is tried again, with growing pauses.

    A key that does not fit is stored as its digest, and in full in ``object_text`` (``key_texts``); ``key`` is the key.

    Attributes:
        other_rows: labels and keys (JSON) of those rows of the object in other tables (multi-table inheritance) that
            were logged too, and that this one stands for.
        attempts: how often it was tried.
        runs: in how many runs.
        next_at: before that, no run tries it without a reason; ``None``: the next one does.
        waits_label, waits_pk: the object without which it cannot be applied, if one is known: when that arrives, it is
            tried. No key: any object of that model. No label, but ``*``: others that only together are right.
    """

    source = models.CharField(max_length=NODE_LENGTH)
    model_label = ExactCharField(max_length=LABEL_LENGTH)
    object_pk = ExactCharField(max_length=KEY_LENGTH)
    object_text = models.TextField(null=True, blank=True)
    operation = models.CharField(_("operation"), max_length=1, choices=Operation)
    old_values = ExactTextField(null=True, blank=True)
    other_rows = ExactTextField(null=True, blank=True)
    logged_at = Moment()
    error = ExactTextField()
    attempts = models.PositiveIntegerField(_("attempts"), default=1)
    first_at = Moment(_("first tried"), db_default=UtcNow())
    last_at = Moment(db_default=UtcNow())
    runs = models.PositiveIntegerField(_("in how many runs"), default=1)
    next_at = Moment(null=True, blank=True)
    waits_label = ExactCharField(max_length=LABEL_LENGTH, default="", blank=True)
    waits_pk = ExactCharField(max_length=KEY_LENGTH, default="", blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("source", "model_label", "object_pk"), name="synchro_triggers_failure_object"
            ),
        )
        verbose_name = _("failure")
        verbose_name_plural = _("failures")

    def __str__(self) -> str:
        return f"{self.model_label} {printable_key(self.key)}: {self.error}"

    @property
    def key(self) -> str:
        """The primary key as the trigger wrote it."""
        return read_full_key(self.object_pk, self.object_text)


class ConflictKind(models.TextChoices):
    """What the sender and this database, in this order, have done with an object since they last met."""

    UPDATE_UPDATE = "update/update", _("changed on both sides")
    UPDATE_DELETE = "update/delete", _("changed by the sender, deleted here")
    DELETE_UPDATE = "delete/update", _("deleted by the sender, changed here")
    CREATE_CREATE = "create/create", _("made on both sides")
    DELETE_CHILD = "delete/child", _("deleted by the sender, which had not seen what hangs on it here")
    CHILD_DELETE = "child/delete", _("deleted here, where nobody had seen what hangs on it at the sender")
    UNIQUE = "unique", _("two objects that want the same unique values")
    LINKS = "links", _("a link: made on one side, removed on the other")


class Winner(models.TextChoices):
    """Whose version of an object stands."""

    LOCAL = "local", _("the sender's")
    REMOTE = "remote", _("this database's")
    MERGED = "merged", _("merged")


class Afterwards(models.TextChoices):
    """What has become of a conflict since it was decided."""

    LOCAL = "local", _("the sender's")
    REMOTE = "remote", _("this database's")
    MERGED = "merged", _("merged")
    RENAMED = "renamed", _("one of two objects was given other values")
    SETTLED = "settled", _("both objects are here")


class Conflict(models.Model):
    """An object that was changed both by ``source`` and here, and what was decided; stored where it was decided.

    It is written in the transaction that carries the decision out. *Local* is ``source``, which was LOCAL in that run,
    and *remote* is this database.

    Keys that do not fit are stored as their digest, and in full in ``local_text`` or ``remote_text`` (``key_texts``);
    ``local_key`` and ``remote_key`` are the keys.

    Attributes:
        local_values, remote_values, merged_values: what a version held, as this database would hold it: a JSON object,
            names of fields to values (``replay.rows.value_texts``); ``None``: it was deleted, or nothing was merged.
        local_author, remote_author: the nodes whose users have made the versions; empty: not known.
        local_at, remote_at: when, by that node's clock; ``None``: not known.
        rule: ``newest``, ``local``, ``remote``, or the dotted path of the callable that has decided.
        result: whose version stands since then.
        taken, taken_at: whose version somebody has taken afterwards, and when; empty: nobody has. Of two objects that
            want the same unique values (``kind``): that one of them was given others, or that both are here since.
    """

    source = models.CharField(max_length=NODE_LENGTH)
    model_label = ExactCharField(_("model"), max_length=LABEL_LENGTH)
    local_pk = ExactCharField(max_length=KEY_LENGTH)
    local_text = models.TextField(null=True, blank=True)
    remote_pk = ExactCharField(max_length=KEY_LENGTH)
    remote_text = models.TextField(null=True, blank=True)
    kind = models.CharField(_("kind"), max_length=20, choices=ConflictKind)
    local_values = ExactTextField(null=True, blank=True)
    remote_values = ExactTextField(null=True, blank=True)
    merged_values = ExactTextField(null=True, blank=True)
    local_author = models.CharField(max_length=NODE_LENGTH, default="", blank=True)
    remote_author = models.CharField(max_length=NODE_LENGTH, default="", blank=True)
    local_at = Moment(null=True, blank=True)
    remote_at = Moment(null=True, blank=True)
    rule = ExactTextField(_("rule"))
    result = models.CharField(_("result"), max_length=10, choices=Winner)
    decided_at = Moment(_("decided at"), db_default=UtcNow())
    taken = models.CharField(_("taken afterwards"), max_length=10, choices=Afterwards, default="", blank=True)
    taken_at = Moment(_("taken at"), null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = _("conflict")
        verbose_name_plural = _("conflicts")

    def __str__(self) -> str:
        return f"{self.model_label} {printable_key(self.local_key)}: {self.kind}, {self.taken or self.result}"

    @property
    def local_key(self) -> str:
        """The primary key of the object in ``source``, as its trigger wrote it."""
        return read_full_key(self.local_pk, self.local_text)

    @property
    def remote_key(self) -> str:
        """The primary key of the object here."""
        return read_full_key(self.remote_pk, self.remote_text)


class Direction(models.TextChoices):
    """Which way the changes of a run go, as LOCAL sees it."""

    PUSH = "push", _("from here to the remote")
    PULL = "pull", _("from the remote to here")


class Outcome(models.TextChoices):
    """How a run has ended."""

    DONE = "done", _("done")
    NOTHING = "nothing to do", _("there was nothing to do")
    FAILED = "failed", _("an error has ended it")
    REFUSED = "refused", _("it was refused, or its settings were wrong: nothing was changed")
    BUSY = "busy", _("another run was under way")
    UNREACHABLE = "unreachable", _("a database could not be reached")
    PAUSED = "paused", _("it has done a part, and goes on when it is asked to")
    UNENDED = "", _("it is under way, or was killed")


class Run(models.Model):
    """A run to or from a remote, stored on LOCAL: when, how it has ended, what it did, and who began it.

    The row is written before the run applies anything, so that a run that is killed has left one; a run that cannot
    begin writes it at its end. Runs with nothing to do, one after the other, have one row: that of the last. All that
    a follower does in a minute is one row too.

    Attributes:
        remote: the alias.
        remote_node: its identity; empty: the run did not come so far.
        direction: which way the changes went.
        begun_at, ended_at: by the clock of the process; no end: it is under way, or was killed.
        outcome, error: how it has ended, and the error that has ended it.
        written, deleted: how many objects were created or updated, and deleted.
        links: how many links of many-to-many fields were added or removed.
        kept: how many objects were kept as failures at its end.
        conflicts: how many objects both sides had changed.
        begun_by: ``command``, ``page: <user>``, ``API``, ``follower``, or what a caller of the API says.
        host, pid: the process.
    """

    remote = models.CharField(_("remote"), max_length=255)
    remote_node = models.CharField(_("node of the remote"), max_length=NODE_LENGTH, default="", blank=True)
    direction = models.CharField(_("direction"), max_length=4, choices=Direction)
    begun_at = Moment(_("begun at"))
    ended_at = Moment(_("ended at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome, default=Outcome.UNENDED, blank=True)
    error = ExactTextField(_("error"), default="", blank=True)
    written = models.BigIntegerField(_("written"), default=0)
    deleted = models.BigIntegerField(_("deleted"), default=0)
    links = models.BigIntegerField(_("links"), default=0)
    kept = models.BigIntegerField(_("kept as failures"), default=0)
    conflicts = models.BigIntegerField(_("in conflict"), default=0)
    begun_by = ExactCharField(_("begun by"), max_length=255, default="", blank=True)
    host = models.CharField(_("host"), max_length=255, default="", blank=True)
    pid = models.BigIntegerField(_("process"), default=0)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("remote", "direction", "ended_at"), name="synchro_triggers_run_ended"),)
        verbose_name = _("run")
        verbose_name_plural = _("runs")

    def __str__(self) -> str:
        return f"{self.direction} {self.remote} {self.begun_at}: {self.outcome}"


class AppliedTotal(models.Model):
    """How many objects of a model the runs between LOCAL and a remote have created, updated or deleted, in all.

    Stored on LOCAL, and written with the record of the run. It stays when runs are pruned, so that it never falls. Two
    runs that end at one time may make two rows: what counts is their sum.

    Attributes:
        remote, direction: as a run has them.
        model_label: ``app.Model``; of an automatic many-to-many table links are counted.
        operation: ``created``, ``updated`` or ``deleted``.
    """

    remote = models.CharField(max_length=255)
    direction = models.CharField(max_length=4, choices=Direction)
    model_label = ExactCharField(max_length=LABEL_LENGTH)
    operation = models.CharField(max_length=10)
    number = models.BigIntegerField()

    class Meta:
        verbose_name = _("total of applied objects")
        verbose_name_plural = _("totals of applied objects")

    def __str__(self) -> str:
        return f"{self.direction} {self.remote}: {self.number} {self.model_label} {self.operation}"


class ConflictTotal(models.Model):
    """How many conflicts with ``source`` a rule has decided here that are not on record any more (see ``Conflict``)."""

    source = models.CharField(max_length=NODE_LENGTH)
    rule = ExactTextField(_("rule"))
    number = models.BigIntegerField()

    class Meta:
        verbose_name = _("total of conflicts")
        verbose_name_plural = _("totals of conflicts")

    def __str__(self) -> str:
        return f"{self.source}: {self.number} by {self.rule}"


def __getattr__(name: str) -> Any:
    """Return ``options``, which django-synchro's users import from here; it stands in ``api``."""
    if name != "options":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(".api", __package__).options
