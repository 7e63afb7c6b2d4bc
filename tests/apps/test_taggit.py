"""Tags of django-taggit: a generic through table, one for UUIDs, and one with a foreign key and a field of its own."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from taggit.models import Tag, TaggedItem

from synchro_triggers import synchro_paused, synchronize
from tests.databases import both, install_triggers
from tests.shapes.sides import REMOTE, on_remote, synchronize_and_compare
from tests.usingapp.models import Leaflet, Movie, MovieTagging, Recipe, UuidTagging

pytestmark = [both, pytest.mark.usefixtures("migrated_apart")]

CAPTURED = ("taggit", "usingapp")
COMPARED = ("taggit", Recipe, Leaflet, UuidTagging, Movie, MovieTagging)


def tags(model, name: str) -> set[str]:
    """Return the tags of a remote object, past taggit's managers."""
    instance = on_remote(model, name=name)
    through = model.tags.through._base_manager.using(REMOTE)
    ends = {"content_object": instance}
    if hasattr(model.tags.through, "object_id"):
        content_type = ContentType.objects.using(REMOTE).get(app_label="usingapp", model=model._meta.model_name)
        ends = {"object_id": instance.pk, "content_type": content_type}
    return set(through.filter(**ends).values_list("tag__name", flat=True))


@pytest.mark.parametrize("model", [Recipe, Leaflet, Movie])
def test_tags_are_added_removed_set_and_cleared(model):
    soup, cake, stew = (model.objects.create(name=name) for name in ("soup", "cake", "stew"))
    soup.tags.add("hot", "Süß & salty", "red")
    cake.tags.add("sweet", "red")
    stew.tags.set(["hot", "brown"])
    synchronize_and_compare(*COMPARED)
    assert tags(model, "soup") == {"hot", "Süß & salty", "red"} and tags(model, "stew") == {"hot", "brown"}

    soup.tags.remove("red")
    cake.tags.set(["red", "hot"])
    stew.tags.clear()
    synchronize_and_compare(*COMPARED)
    assert tags(model, "soup") == {"hot", "Süß & salty"} and tags(model, "cake") == {"red", "hot"}

    soup.delete()
    Tag.objects.filter(name="red").delete()
    stew.tags.set(["hot"], clear=True)
    synchronize_and_compare(*COMPARED)
    assert tags(model, "cake") == {"hot"} and tags(model, "stew") == {"hot"}


def test_tag_that_both_sides_have_is_one_and_keeps_the_links_of_the_other_side():
    with synchro_paused(using=REMOTE):
        Tag.objects.using(REMOTE).create(name="other", slug="other")
        hot = Tag.objects.using(REMOTE).create(name="hot", slug="hot")
        theirs = Movie.objects.using(REMOTE).create(name="theirs")
        MovieTagging.objects.using(REMOTE).create(content_object=theirs, tag=hot)
    Movie.objects.create(name="ours").tags.add("hot")

    report = synchronize()

    assert report.failures == [] and report.models["taggit.Tag"].created == 0
    assert tags(Movie, "ours") == tags(Movie, "theirs") == {"hot"}


def test_tagging_of_another_object_with_the_same_number_is_not_taken_for_it():
    """Taggit calls the object id of a tagging its natural key: a number that means another object on the other side."""
    ours = Recipe.objects.create(name="ours")
    with synchro_paused(using=REMOTE):
        theirs = Recipe.objects.using(REMOTE).create(pk=ours.pk, name="theirs")
        tag = Tag.objects.using(REMOTE).create(name="made there", slug="made-there")
        content_type = ContentType.objects.db_manager(REMOTE).get_for_model(Recipe)
        TaggedItem.objects.using(REMOTE).create(tag=tag, content_type=content_type, object_id=theirs.pk)
    ours.tags.add("hot")

    assert synchronize().failures == []

    assert tags(Recipe, "theirs") == {"made there"} and tags(Recipe, "ours") == {"hot"}


def test_natural_key_that_a_project_gives_to_taggings_finds_them(monkeypatch):
    """Content type, object id and tag are other numbers on the other side, each of them."""
    monkeypatch.setattr(TaggedItem, "natural_key_fields", ["content_type", "object_id", "tag"])
    install_triggers()  # they keep the values of a deleted tagging now
    recipe = Recipe.objects.create(name="recipe")
    synchronize_and_compare(Recipe)
    with synchro_paused(using=REMOTE):
        tag = Tag.objects.using(REMOTE).create(name="hot", slug="hot")
        content_type = ContentType.objects.db_manager(REMOTE).get_for_model(Recipe)
        there = TaggedItem(tag=tag, content_type=content_type, object_id=on_remote(Recipe, name="recipe").pk)
        there.save(using=REMOTE)
    recipe.tags.add("hot", "cold")

    report = synchronize_and_compare(*COMPARED)

    assert report.models["taggit.TaggedItem"].created == 1
    assert on_remote(TaggedItem, tag__name="hot").pk == there.pk


def test_renamed_tags_keep_their_links():
    soup = Recipe.objects.create(name="soup")
    soup.tags.add("hot", "cold")
    synchronize_and_compare(*COMPARED)

    Tag.objects.filter(name="hot").update(name="tmp", slug="tmp")
    Tag.objects.filter(name="cold").update(name="hot", slug="hot")
    Tag.objects.filter(name="tmp").update(name="cold", slug="cold")
    report = synchronize_and_compare(*COMPARED)

    assert report.updated == 2 and report.created == report.deleted == 0


def test_fields_of_the_through_model_are_kept():
    movie = Movie.objects.create(name="movie")
    movie.tags.add("long", "loud", through_defaults={"weight": 3})
    synchronize_and_compare(*COMPARED)

    MovieTagging.objects.filter(tag__name="loud").update(weight=5)
    synchronize_and_compare(*COMPARED)

    rows = MovieTagging.objects.using(REMOTE).values_list("tag__name", "weight")
    assert set(rows) == {("long", 3), ("loud", 5)}


def test_objects_of_several_models_with_one_key_keep_their_own_tags():
    """The generic table tells them apart by content type alone, and both sides number those differently."""
    recipe = Recipe.objects.create(pk=7, name="seven")
    tag = Tag.objects.create(name="tag", slug="tag")
    recipe.tags.add(tag)
    movie = Movie.objects.create(pk=7, name="seven")
    TaggedItem.objects.create(tag=tag, content_object=movie)
    TaggedItem.objects.create(tag=tag, content_object=tag)
    synchronize_and_compare(*COMPARED)

    recipe.delete()
    TaggedItem.objects.filter(content_type__model="movie").delete()
    synchronize_and_compare(*COMPARED)

    assert TaggedItem.objects.using(REMOTE).get().content_object == on_remote(Tag, name="tag")
