"""Migrations of the app ``shop``."""

from importlib import import_module


def import_migration(name):
    return import_module(f"shop_migrations.{name}").Migration
