"""A site with django-cms, and files in django-filer."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=[
            "django.contrib.sites",
            "cms",
            "menus",
            "treebeard",
            "sekizai",
            "easy_thumbnails",
            "filer",
            "polymorphic",
            "tests.sites.with_cms.texts",
        ],
        MIDDLEWARE=[
            *project.MIDDLEWARE,
            "django.middleware.locale.LocaleMiddleware",
            "cms.middleware.user.CurrentUserMiddleware",
            "cms.middleware.page.CurrentPageMiddleware",
            "cms.middleware.toolbar.ToolbarMiddleware",
            "cms.middleware.language.LanguageCookieMiddleware",
        ],
        TEMPLATES=[
            project.templates(
                project.HERE / "with_cms" / "templates",
                "django.template.context_processors.i18n",
                "sekizai.context_processors.sekizai",
                "cms.context_processors.cms_settings",
            )
        ],
        LANGUAGES=[("en", "English"), ("de", "German")],
        LANGUAGE_CODE="en",
        CMS_TEMPLATES=[("page.html", "a page")],
        CMS_CONFIRM_VERSION4=True,
        CMS_PERMISSION=True,
        FILER_IMAGE_MODEL="filer.Image",
        X_FRAME_OPTIONS="SAMEORIGIN",
        THUMBNAIL_HIGH_RESOLUTION=True,
        SYNCHRO_MODELS=("auth", "sites", "cms", "filer", "easy_thumbnails", "texts"),
    )
)
