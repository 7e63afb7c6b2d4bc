"""SQLite in disguise."""

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    vendor = "other"
    display_name = "MySQL"
