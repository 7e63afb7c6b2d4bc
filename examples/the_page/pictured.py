"""Settings of the demo, but that everybody is its admin: for pictures alone."""

from settings import *  # noqa: F403
from settings import MIDDLEWARE as OF_THE_DEMO

MIDDLEWARE = [*OF_THE_DEMO, "pictures.let_in"]
