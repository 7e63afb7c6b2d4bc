"""django-wiki (tried with 0.13): articles, whose receivers number revisions, choose the current one, and notify."""

from . import Known

_RECEIVERS = {"mute": ("wiki.models", "wiki.plugins")}

KNOWN = Known(
    "wiki",
    "What its receivers number, choose and notify comes as data: made anew it would be another number, or twice.",
    options={
        "wiki.models.Article": _RECEIVERS,
        "wiki.models.ArticleForObject": _RECEIVERS,
        "wiki.models.ArticleRevision": {
            **_RECEIVERS,
            "references": {"content": "synchro_triggers.keys_inside.wiki.keys_in_article"},
        },
        "wiki.models.URLPath": {**_RECEIVERS, "write": "signals"},
        "wiki.models.pluginbase.ArticlePlugin": _RECEIVERS,
        "wiki.models.pluginbase.RevisionPluginRevision": _RECEIVERS,
        "wiki_attachments.AttachmentRevision": _RECEIVERS,
        "django_nyt.Notification": {"write": "signals"},
        "django_nyt.Settings": {"write": "signals"},
    },
)
