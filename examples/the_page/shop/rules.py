"""What the main server asks of what it gets."""

from __future__ import annotations

from typing import Any


def require_phone(*, instance: Any, using: str, **kwargs: Any) -> None:
    """Receiver of ``pre_save``: bookkeeping, which is on the main server, calls those who do not pay."""
    if using == "main" and not instance.phone:
        raise ValueError("bookkeeping wants a phone number")
