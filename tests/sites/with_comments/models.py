from django.db import models


class Entry(models.Model):
    title = models.CharField(max_length=50)

    def get_absolute_url(self) -> str:
        return f"/entries/{self.title}/"
