from django.apps import AppConfig


class ActivityConfig(AppConfig):
    name = "tests.sites.with_activity"

    def ready(self) -> None:
        from actstream import registry
        from django.contrib.auth.models import User

        registry.register(self.get_model("Note"), User)
