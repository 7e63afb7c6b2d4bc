"""Keys inside of what other people's apps serialise; the apps themselves are tried by ``make sites``."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from synchro_triggers.keys_inside.audit import keys_in_changed_fields, keys_in_changes, keys_in_one_object
from synchro_triggers.keys_inside.serialized import keys_in_serialized
from synchro_triggers.keys_inside.wagtail import keys_in_log, keys_in_rich_text, keys_in_stream
from synchro_triggers.keys_inside.wiki import keys_in_article
from tests.shapeapp.models import Article, Branch
from tests.testapp.models import Item


@pytest.fixture(autouse=True)
def linked_models(settings):
    settings.WAGTAILCORE_PAGE_MODEL = settings.WAGTAILIMAGES_IMAGE_MODEL = "testapp.Item"
    settings.WAGTAILDOCS_DOCUMENT_MODEL = "documents.NotInstalled"


def a_hundred_more(model, key):
    return type(key)(int(key) + 100)


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ('<a linktype="page" id="5">x</a>', '<a linktype="page" id="105">x</a>'),
        ("<a id='5' linktype='page'>x</a>", "<a id='105' linktype='page'>x</a>"),
        ('<embed embedtype="image" id="7" alt="id=7"/>', '<embed embedtype="image" id="107" alt="id=7"/>'),
        ('<a linktype="page" id="None">x</a>', '<a linktype="page" id="None">x</a>'),
        ('<a linktype="document" id="5">x</a>', '<a linktype="document" id="5">x</a>'),
        ('<a href="/?linktype=page" data-id="5">x</a>', '<a href="/?linktype=page" data-id="5">x</a>'),
        ('<embed embedtype="media" url="/5/"/>', '<embed embedtype="media" url="/5/"/>'),
        ("", ""),
    ],
)
def test_links_and_images_in_rich_text(text, translated):
    assert keys_in_rich_text(text, a_hundred_more) == translated


def block(kind, **attributes):
    """Return what looks like a block of Wagtail's."""
    return type(kind, (), {"__module__": "wagtail.blocks.some", **attributes})()


CHOOSER, TEXT, CHARS = block("ChooserBlock", target_model=Item), block("RichTextBlock"), block("CharBlock")
STRUCT = block("BaseStructBlock", child_blocks={"image": CHOOSER, "caption": CHARS})
TABLE = block("BaseTypedTableBlock", child_blocks={"page": CHOOSER, "text": CHARS})
STREAM = block(
    "BaseStreamBlock",
    child_blocks={
        "page": CHOOSER,
        "text": TEXT,
        "chars": CHARS,
        "struct": STRUCT,
        "list": block("ListBlock", child_block=STRUCT),
        "table": TABLE,
    },
)
RICH = '<a linktype="page" id="{}">x</a>'


@pytest.mark.parametrize(
    ("kind", "value", "translated"),
    [
        ("page", 5, 105),
        ("page", None, None),
        ("chars", "5", "5"),
        ("text", RICH.format(5), RICH.format(105)),
        ("struct", {"image": 5, "caption": "5", "gone": 5}, {"image": 105, "caption": "5", "gone": 5}),
        (
            "list",
            [{"type": "item", "value": {"image": 5, "caption": ""}, "id": "a"}],
            [{"type": "item", "value": {"image": 105, "caption": ""}, "id": "a"}],
        ),
        ("list", [{"image": 5, "caption": ""}], [{"image": 105, "caption": ""}]),  # as lists were stored once
        (
            "table",
            {"columns": [{"type": "page"}, {"type": "text"}], "rows": [{"values": [5, "5"]}], "caption": ""},
            {"columns": [{"type": "page"}, {"type": "text"}], "rows": [{"values": [105, "5"]}], "caption": ""},
        ),
        ("a block that is gone", 5, 5),
    ],
)
@pytest.mark.parametrize("is_text", [False, True])
def test_blocks_of_a_stream(kind, value, translated, is_text):
    field = SimpleNamespace(stream_block=STREAM, get_prep_value=lambda value: value)
    stream = [{"type": kind, "value": value, "id": "b"}]

    found = keys_in_stream(field, json.dumps(stream) if is_text else stream, a_hundred_more)

    assert (json.loads(found) if is_text else found) == [{"type": kind, "value": translated, "id": "b"}]


def test_text_from_before_it_was_a_stream_stays():
    assert keys_in_stream(SimpleNamespace(stream_block=STREAM), "<p>5</p>", a_hundred_more) == "<p>5</p>"


def test_data_of_a_log_entry_that_speaks_of_nothing_installed_stays():
    data = {"revision": {"id": 5}, "title": "5", "workflow": {"id": 1, "next": {"id": 2}}}
    assert keys_in_log(data, a_hundred_more) == data


def test_images_in_an_article_stay_where_the_plugin_is_not_installed():
    assert keys_in_article("[image:5 align:left] [image:x] image:5", a_hundred_more) == (
        "[image:5 align:left] [image:x] image:5"
    )


def test_objects_that_django_has_serialised():
    objects = [
        {"model": "testapp.entry", "pk": 1, "fields": {"account": 5, "amount": 3}},
        {"model": "auth.user", "pk": 2, "fields": {"groups": [7, ["by its name"]], "username": "5"}},
        {"model": "gone.model", "pk": 3, "fields": {"account": 5}},
    ]

    found = json.loads(keys_in_serialized(json.dumps(objects), a_hundred_more, None))

    assert found == [
        {"model": "testapp.entry", "pk": 101, "fields": {"account": 105, "amount": 3}},
        {"model": "auth.user", "pk": 102, "fields": {"groups": [107, ["by its name"]], "username": "5"}},
        {"model": "gone.model", "pk": 3, "fields": {"account": 5}},
    ]


def test_another_format_stays():
    assert keys_in_serialized("<xml/>", a_hundred_more, None) == "<xml/>"


# Logs of what was changed ---------------------------------------------------------------------------


@pytest.fixture
def about(monkeypatch):
    """Return what makes an entry that speaks of an object of a model, or of none that is installed."""

    def entry(model):
        monkeypatch.setattr("synchro_triggers.keys_inside.audit.model_of_type", lambda key: model)
        return SimpleNamespace(content_type_id=7)

    return entry


def test_changes_of_fields_that_hold_keys(about):
    changes = {
        "id": ["None", "5"],
        "name": ["5", "6"],
        "parent": ["None", "7"],
        "gone": ["1", "2"],
        "tags": {"objects": []},
    }

    made = keys_in_changes(changes, a_hundred_more, about(Branch))

    assert made == {**changes, "id": ["None", "105"], "parent": ["None", "107"]}


def test_object_that_is_serialised_alone(about):
    one = {"model": "shapeapp.branch", "pk": 5, "fields": {"parent": 7, "name": "7"}}

    made = keys_in_one_object(one, a_hundred_more, about(Branch))

    assert made == {"model": "shapeapp.branch", "pk": 105, "fields": {"parent": 107, "name": "7"}}


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ('{"topics": [1, 2], "name": ["1", "2"]}', '{"topics": [101, 102], "name": ["1", "2"]}'),
        ('{"name": ["1", "2"]}', '{"name": ["1", "2"]}'),
        ("null", "null"),
        ("", ""),
    ],
)
def test_links_among_changed_fields(about, text, translated):
    assert keys_in_changed_fields(text, a_hundred_more, about(Article)) == translated


@pytest.mark.parametrize("read", [keys_in_changes, keys_in_one_object])
def test_what_speaks_of_nothing_installed_stays(about, read):
    assert read({"id": ["1", "2"]}, a_hundred_more, about(None)) == {"id": ["1", "2"]}
    assert read(None, a_hundred_more, about(Branch)) is None
