"""Models of every field and of every key. They are captured only by the tests that ask for them."""

from __future__ import annotations

from .cascading import *  # noqa: F403
from .fields import *  # noqa: F403
from .keys import *  # noqa: F403
from .postgres import *  # noqa: F403
from .unnamed import *  # noqa: F403
