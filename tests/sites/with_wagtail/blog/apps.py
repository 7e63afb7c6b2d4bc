from django.apps import AppConfig


class BlogConfig(AppConfig):
    name = "tests.sites.with_wagtail.blog"
    label = "blog"
