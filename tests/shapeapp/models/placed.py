"""A many-to-many field whose automatic table holds more than its links, as some that keep them in an order."""

from __future__ import annotations

from typing import Any

from django.db import models

from .relations import Named, Paper


class PlacedManyToManyField(models.ManyToManyField):
    """Keeps a place for each link, in an automatic table that it makes itself."""

    def contribute_to_class(self, cls: Any, name: str, **kwargs: Any) -> None:
        if not cls._meta.abstract and not self.remote_field.through:
            self.remote_field.through = self._table(cls, name)
        super().contribute_to_class(cls, name, **kwargs)

    def _table(self, cls: Any, name: str) -> type[models.Model]:
        target: Any = self.remote_field.model
        ends = (
            cls._meta.model_name,
            target.rpartition(".")[2].lower() if isinstance(target, str) else target._meta.model_name,
        )
        options = {
            "auto_created": cls,
            "app_label": cls._meta.app_label,
            "apps": cls._meta.apps,
            "db_table": self._get_m2m_db_table(cls._meta),
            "unique_together": ends,
        }
        keys = {
            end: models.ForeignKey(model, models.CASCADE, related_name=f"{cls.__name__}_{name}+")
            for end, model in zip(ends, (cls, target), strict=True)
        }
        values = {
            "place": models.IntegerField(default=0),
            "Meta": type("Meta", (), options),
            "__module__": cls.__module__,
        }
        return type(f"{cls.__name__}_{name}", (models.Model,), {**keys, **values})


class Anthology(Named):
    papers = PlacedManyToManyField(Paper)

    def arrange(self, *papers: Paper) -> None:
        """Hold these papers, in this order."""
        table: Any = type(self).papers.through
        table.objects.using(self._state.db).filter(anthology=self).delete()
        table.objects.using(self._state.db).bulk_create(
            table(anthology=self, paper=paper, place=place) for place, paper in enumerate(papers)
        )

    def in_order(self) -> list[str]:
        """Return the names of its papers."""
        table: Any = type(self).papers.through
        rows = table.objects.using(self._state.db).filter(anthology=self).order_by("place")
        return [row.paper.name for row in rows.select_related("paper")]
