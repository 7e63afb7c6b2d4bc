from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "tests.sites.with_reversion.library"
    label = "library"
