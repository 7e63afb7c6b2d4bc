import uuid

from auditlog.models import AuditlogHistoryField
from auditlog.registry import auditlog
from django.db import models


class Label(models.Model):
    text = models.CharField(max_length=50)


class Ticket(models.Model):
    title = models.CharField(max_length=50)
    after = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
    labels = models.ManyToManyField(Label)
    history = AuditlogHistoryField()


class Device(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=50)
    history = AuditlogHistoryField(pk_indexable=False, delete_related=True)


auditlog.register(Ticket, m2m_fields={"labels"}, serialize_data=True)
auditlog.register(Device)
