"""A site with Wagtail, as `wagtail start` makes one, and a blog."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=[
            "wagtail.contrib.forms",
            "wagtail.contrib.redirects",
            "wagtail.contrib.settings",
            "wagtail.embeds",
            "wagtail.sites",
            "wagtail.users",
            "wagtail.snippets",
            "wagtail.documents",
            "wagtail.images",
            "wagtail.search",
            "wagtail.admin",
            "wagtail",
            "modelcluster",
            "taggit",
            "tests.sites.with_wagtail.blog",
        ],
        MIDDLEWARE=[*project.MIDDLEWARE, "wagtail.contrib.redirects.middleware.RedirectMiddleware"],
        WAGTAIL_SITE_NAME="The blog",
        WAGTAILADMIN_BASE_URL="http://localhost",
        WAGTAIL_I18N_ENABLED=False,
        SYNCHRO_MODELS=(
            "auth",
            "taggit",
            "wagtail",
            "wagtail.contrib.forms",
            "wagtail.contrib.redirects",
            "wagtail.documents",
            "wagtail.embeds",
            "wagtail.images",
            "wagtail.search",
            "wagtail.users",
            "blog",
            "-wagtail.search",
            "-wagtailimages.Rendition",
        ),
    )
)
