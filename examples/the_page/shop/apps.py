from django.apps import AppConfig
from django.db.models.signals import pre_save


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self) -> None:
        from .rules import require_phone

        pre_save.connect(require_phone, sender=self.get_model("Customer"))
