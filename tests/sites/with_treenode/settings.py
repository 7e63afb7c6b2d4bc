"""A site with django-treenode: each row holds the keys of all its relatives, as text."""

from tests.sites import project

globals().update(
    project.settings(
        __name__,
        apps=["treenode", "tests.sites.with_treenode"],
        ROOT_URLCONF="tests.sites.urls",
        SYNCHRO_MODELS=("auth", "with_treenode"),
    )
)
