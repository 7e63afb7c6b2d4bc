"""Wagtail (tried with 8.0): pages, their revisions and workflows, and what is found by indexes."""

from . import Known

_KEYS_INSIDE = "synchro_triggers.keys_inside.wagtail"

#: Their save() or delete() validates, logs, numbers or counts anew, or writes other rows, which come as data.
_PAST_SAVE = ("Collection", "Comment", "Page", "PageViewRestriction", "Workflow", "WorkflowState")

KNOWN = Known(
    "wagtail",
    "A page's row is its place in the tree, with numbers and dates that save() would make anew; keys stand in texts, "
    "streams and versions; indexes and renditions are made by each side.",
    left_out=(
        "wagtailadmin.EditingSession",
        "wagtailadmin.FormState",
        "wagtailcore.ReferenceIndex",
        "wagtailcore.UploadedFile",
        "wagtailimages.Rendition",
        "wagtailsearch.IndexEntry",
        "wagtailsearch.SQLiteFTSIndexEntry",
    ),
    options={
        **{f"wagtail.models.{name}": {"write": "signals"} for name in _PAST_SAVE},
        "wagtail.models.Revision": {
            "write": "signals",
            "references": {"content": f"{_KEYS_INSIDE}.keys_in_revision"},
        },
        "wagtail.models.ModelLogEntry": {
            "write": "signals",
            "references": {"object_id": ("content_type",), "data": f"{_KEYS_INSIDE}.keys_in_log"},
        },
        "wagtail.models.PageLogEntry": {
            "write": "signals",
            "references": {"data": f"{_KEYS_INSIDE}.keys_in_log"},
        },
        # A file goes with its object on the side where somebody deletes it; here another may have its name by now.
        "wagtail.images.models.AbstractImage": {"mute": ("wagtail.images.signal_handlers",)},
        "wagtail.documents.models.AbstractDocument": {"mute": ("wagtail.documents.signal_handlers",)},
    },
    find=f"{_KEYS_INSIDE}.options_of",
)
