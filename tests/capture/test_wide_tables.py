"""Tables with as many columns as their vendor takes are captured like any other."""

from __future__ import annotations

import pytest
from django.db import connections, models

from synchro_triggers.capture.install import compare, install
from synchro_triggers.models import ChangeLog
from tests.capture.changing_app import LABEL

pytestmark = pytest.mark.usefixtures("vendor")


def wide_model(columns: int, natural: bool = False) -> type[models.Model]:
    names = [f"column_{number}" for number in range(columns)]
    fields = {name: models.IntegerField(default=0) for name in names}
    meta = type("Meta", (), {"app_label": LABEL})
    body = {**fields, "Meta": meta, "__module__": __name__}
    if natural:  # of the user's own, so that every old value is kept
        body["natural_key"] = lambda self: (self.column_1,)
    return type("Wide", (models.Model,), body)


@pytest.mark.parametrize("natural", [False, True], ids=["plain", "every value kept"])
@pytest.mark.parametrize("columns", [130, 900, 1500])
def test_every_write_of_a_wide_table_is_logged(app, columns, natural):
    model = wide_model(columns, natural)
    with connections[app.alias].schema_editor() as editor:
        editor.create_model(model)
    install(app.alias)
    last = f"column_{columns - 1}"
    names = ", ".join(f"column_{number}" for number in range(columns))
    app.execute(f"INSERT INTO migapp_wide (id, {names}) VALUES (1{', 0' * columns})")
    app.execute(f"UPDATE migapp_wide SET {last} = 7, column_0 = 1")
    app.execute("DELETE FROM migapp_wide")

    rows = ChangeLog.objects.using(app.alias).order_by("id").values_list("operation", "changed_fields")
    assert list(rows) == [("I", ""), ("U", f"column_0,{last}"), ("D", "")]
    assert compare(app.alias).fits
