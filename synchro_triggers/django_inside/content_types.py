"""Content types, of which Django keeps in memory those that it has read or made, whatever becomes of the transaction.

Who asks for one that is not there makes it. Where that is rolled back, the database may give its number to another
model, and what asks next would take that one's for it: a generic key would lead to an object of another model.
"""

from __future__ import annotations

from django.apps import apps


def forget_content_types() -> None:
    """Let Django read content types again, after a rollback."""
    if apps.is_installed("django.contrib.contenttypes"):
        from django.contrib.contenttypes.models import ContentType

        ContentType.objects.clear_cache()
