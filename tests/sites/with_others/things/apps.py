from django.apps import AppConfig


class ThingsConfig(AppConfig):
    name = "tests.sites.with_others.things"
    label = "things"
