"""With django-simple-history, as its documentation shows."""

from simple_history.models import HistoricalRecords

from benchmarks.apps.columns import Columns


class Row(Columns):
    history = HistoricalRecords()
