"""How two values that differ are shown: short, printable, and no secret."""

from __future__ import annotations

import pytest
from django.db import models

from synchro_triggers.replay.rows.json_text import JsonText
from synchro_triggers.replay.rows.shown_values import difference_of


def shown(local, remote, name="note"):
    found = difference_of(models.TextField(name=name), local, remote)
    return found.local, found.remote


@pytest.mark.parametrize(
    ("local", "remote", "expected"),
    [
        ("a", None, ("a", None)),
        ("", None, ("", None)),
        (1, 1.0, ("1", "1.0")),
        (b"\0a", memoryview(b"b"), ("0061", "62")),
        (JsonText('{"a": 1}'), JsonText('{"a": 1.0}'), ('{"a": 1}', '{"a": 1.0}')),
        ("bytes \udcff", "", ("bytes \\xff", "")),
        ("x" * 200, "x" * 199, ("x" * 200, "x" * 199)),
        ("x" * 201, None, ("x" * 200 + "… (201 characters)", None)),
        ("x" * 300, "x" * 299, (f"…{'x' * 41} (300 characters)", f"…{'x' * 40} (299 characters)")),
    ],
)
def test_values_as_texts(local, remote, expected):
    assert shown(local, remote) == expected


@pytest.mark.parametrize(
    "name", ["password", "PasswordHash", "api_key", "apikey", "auth_token", "client_secret", "session_data", "passwd"]
)
def test_what_may_be_a_secret_is_masked(name):
    assert shown("hunter2", "hunter3", name) == ("***", "***")
    assert shown("hunter2", None, name) == ("***", None)


@pytest.mark.parametrize("name", ["key", "note", "passage", "compass"])
def test_what_is_none_is_shown(name):
    assert shown("a", "b", name) == ("a", "b")
