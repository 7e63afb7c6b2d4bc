"""``synchro_adopt``: taking over what django-synchro knew, and what it had not sent."""
