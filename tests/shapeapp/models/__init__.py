"""Models of every shape that a relation, an inheritance or a constraint can have; each has a ``name``.

A test gives its objects unique names: by them ``tests.comparing`` tells which object is which on the
other side.
"""

from .deletes import *  # noqa: F403
from .inheritance import *  # noqa: F403
from .methods import *  # noqa: F403
from .order import *  # noqa: F403
from .placed import *  # noqa: F403
from .relations import *  # noqa: F403
