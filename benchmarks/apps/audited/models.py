"""Registered with django-auditlog, as its documentation shows."""

from auditlog.registry import auditlog

from benchmarks.apps.columns import Columns


class Row(Columns):
    pass


auditlog.register(Row)
