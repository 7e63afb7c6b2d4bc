"""Lists of songs and concerts, in which the order matters."""

from __future__ import annotations

from typing import Any

from tests.sites.with_ordered.models import Concert, Playlist, Song

OTHER = {"office": "main", "main": "office"}


def main_begins() -> None:
    """A list of five songs, a concert of three."""
    _list("old", 5)


def _list(name: str, number: int) -> None:
    playlist = Playlist.objects.create(name=name)
    songs = [Song.objects.create(playlist=playlist, title=f"{name} {n}") for n in range(number)]
    Concert.objects.create(name=name).songs.add(*songs[2::-1])


def create(who: str) -> None:
    """A list and a concert of its own."""
    _list(who, 6)


def change(who: str) -> None:
    """Songs of the other side are moved, in its list and in its concert."""
    other = OTHER[who]
    Song.objects.get(title=f"{other} 5").to(1)
    Song.objects.get(title=f"{other} 0").down()
    Song.objects.get(title=f"{other} 3").bottom()
    songs = [Song.objects.get(title=f"{other} {n}") for n in (0, 1, 2, 5)]
    Concert.objects.get(name=other).songs.set(songs)


def remove(who: str) -> None:
    """Songs of the other side are deleted, one by one and in bulk, and one goes out of its concert."""
    other = OTHER[who]
    Song.objects.get(title=f"{other} 0").delete()
    Song.objects.filter(title=f"{other} 4").delete()
    Concert.objects.get(name=other).songs.remove(Song.objects.get(title=f"{other} 5"))


def told() -> dict[str, Any]:
    """Return the songs of each list and concert, in their order."""
    lists = {
        each.name: [f"{song.order} {song.title}" for song in each.song_set.all()] for each in Playlist.objects.all()
    }
    concerts = {f"concert {each.name}": [song.title for song in each.songs.all()] for each in Concert.objects.all()}
    return {**lists, **concerts}
