from django.apps import AppConfig


class PollsConfig(AppConfig):
    name = "tests.sites.with_simple_history.polls"
    label = "polls"
