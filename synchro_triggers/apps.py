"""The Django app: connects system checks and what has to be done around ``migrate``, and does nothing else."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.signals import setting_changed
from django.db import connections
from django.db.models import Model
from django.db.models.signals import post_migrate, post_save, pre_migrate
from django.utils.translation import gettext_lazy


class SynchroTriggersConfig(AppConfig):
    name = "synchro_triggers"
    label = "synchro_triggers"
    verbose_name = gettext_lazy("Records of synchronization")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, conf

        checks.register_checks()
        conf.warn_when_remote_is_missing()
        setting_changed.connect(conf.forget_settings, dispatch_uid="synchro_triggers.forget_settings")
        # By name, not by sender: a signal knows its sender by an address in memory only, and where the apps have been
        # set up anew, that of another app's configuration may be the same.
        pre_migrate.connect(before_migrate, dispatch_uid="synchro_triggers.before")
        post_migrate.connect(after_migrate, dispatch_uid="synchro_triggers.after")
        post_save.connect(pass_loaded_keys, sender=self.get_model("ChangeLog"), dispatch_uid="synchro_triggers.loaded")
        post_migrate.connect(give_identity, dispatch_uid="synchro_triggers.identity")


def before_migrate(*, app_config: AppConfig, **kwargs: Any) -> None:
    """Receiver of ``pre_migrate``: the triggers let the plan pass."""
    if app_config.name == SynchroTriggersConfig.name:
        from .capture import migrating  # not before models are there

        migrating.before_migrate(**kwargs)


def after_migrate(*, app_config: AppConfig, **kwargs: Any) -> None:
    """Receiver of ``post_migrate``: they are what the migrated tables need."""
    if app_config.name == SynchroTriggersConfig.name:
        from .capture import migrating

        migrating.after_migrate(**kwargs)


def give_identity(*, app_config: AppConfig, using: str, **kwargs: Any) -> None:
    """Receiver of ``post_migrate``: a database has its identity before anybody can copy it."""
    if app_config.name != SynchroTriggersConfig.name:
        return
    from .replay.state.node import node_id  # not before models are there

    if "synchro_triggers_node" in connections[using].introspection.table_names():
        node_id(using)


def pass_loaded_keys(*, sender: type[Model], instance: Model, raw: bool, using: str, **kwargs: Any) -> None:
    """Receiver of ``post_save``: the triggers go on behind the rows of the log that ``loaddata`` brings.

    It moves sequences at its end, but what comes between is logged, under numbers that are taken by then.
    """
    if raw:
        from .replay.rows.vendor import statements_of

        statements_of(connections[using]).move_sequences_on(connections[using], {sender: [instance.pk]})
