from django.apps import AppConfig


class TextsConfig(AppConfig):
    name = "tests.sites.with_cms.texts"
    label = "texts"
