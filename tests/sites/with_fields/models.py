from django.db import models
from django_fsm import FSMField, transition
from django_lifecycle import AFTER_CREATE, AFTER_DELETE, AFTER_UPDATE, BEFORE_UPDATE, LifecycleModelMixin, hook
from djmoney.models.fields import MoneyField
from model_utils import Choices, FieldTracker
from model_utils.fields import MonitorField, SplitField, UUIDField
from model_utils.managers import InheritanceManager
from model_utils.models import SoftDeletableModel, StatusModel, TimeStampedModel


class Diary(models.Model):
    text = models.CharField(max_length=100)


class Parcel(LifecycleModelMixin, TimeStampedModel, StatusModel):
    STATUS = Choices("packed", "sent")

    name = models.CharField(max_length=50)
    price = MoneyField(max_digits=10, decimal_places=2, default_currency="EUR", null=True)
    state = FSMField(default="new", protected=True)
    sent_at = MonitorField(monitor="status", when=["sent"], null=True, default=None)
    moves = models.IntegerField(default=0)

    objects = InheritanceManager()
    tracker = FieldTracker()

    @transition(field=state, source="new", target="weighed")
    def weigh(self) -> None:
        self.status = "sent"

    @hook(AFTER_CREATE)
    def tell_of_it(self) -> None:
        Diary.objects.create(text=f"{self.name} was made")

    @hook(BEFORE_UPDATE, when="state", has_changed=True)
    def count(self) -> None:
        self.moves += 1

    @hook(AFTER_UPDATE, when="price", has_changed=True)
    def tell_of_its_price(self) -> None:
        Diary.objects.create(text=f"{self.name} costs {self.price}")

    @hook(AFTER_DELETE)
    def tell_that_it_is_gone(self) -> None:
        Diary.objects.create(text=f"{self.name} is gone")


class HeavyParcel(Parcel):
    weight = models.IntegerField(default=0)


class Label(SoftDeletableModel):
    id = UUIDField(primary_key=True)
    text = models.CharField(max_length=50)
    note = SplitField(default="")
    parcel = models.ForeignKey(Parcel, models.SET_NULL, null=True)
