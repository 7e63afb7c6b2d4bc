"""A site with small apps of other people's: taggit, guardian, polymorphic, parler, constance."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["taggit", "guardian", "polymorphic", "parler", "constance", "tests.sites.with_others.things"],
        AUTHENTICATION_BACKENDS=[
            "django.contrib.auth.backends.ModelBackend",
            "guardian.backends.ObjectPermissionBackend",
        ],
        LANGUAGES=[("en", "English"), ("de", "German")],
        PARLER_LANGUAGES={1: ({"code": "en"}, {"code": "de"}), "default": {"fallbacks": ["en"]}},
        CONSTANCE_BACKEND="constance.backends.database.DatabaseBackend",
        CONSTANCE_CONFIG={"GREETING": ("Hello", "what is said first"), "SIZE": (3, "how many")},
        SYNCHRO_MODELS=("auth", "taggit", "guardian", "constance", "things"),
    )
)
