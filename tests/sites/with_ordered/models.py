from django.db import models
from ordered_model.models import OrderedModel
from sortedm2m.fields import SortedManyToManyField


class Playlist(models.Model):
    name = models.CharField(max_length=50)


class Song(OrderedModel):
    playlist = models.ForeignKey(Playlist, models.CASCADE)
    title = models.CharField(max_length=50)
    order_with_respect_to = "playlist"

    class Meta(OrderedModel.Meta):
        pass


class Concert(models.Model):
    name = models.CharField(max_length=50)
    songs = SortedManyToManyField(Song)
