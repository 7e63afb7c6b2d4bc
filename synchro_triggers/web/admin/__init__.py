"""The tables of this package in Django's admin: read only but for actions, and as fast on a long log as on a short one.

Nothing here is imported without ``django.contrib.admin``: it is that which looks for ``synchro_triggers.admin``.
"""
