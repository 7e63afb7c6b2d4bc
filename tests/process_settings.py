"""Settings of a process that a test starts: those of the tests, on the databases of the running test.

The fixture ``process_env`` makes the environment that this module reads.
"""

import json
import os

from tests.settings import *  # noqa: F403

DATABASES = json.loads(os.environ["SYNCHRO_TEST_DATABASES"])
SYNCHRO_BATCH_SIZE = int(os.environ.get("SYNCHRO_TEST_BATCH_SIZE", "1000"))
globals().update(json.loads(os.environ.get("SYNCHRO_TEST_SETTINGS", "{}")))
