"""Benchmarks: ``python -m benchmarks --help``. A small Django project of its own, no part of the package."""
