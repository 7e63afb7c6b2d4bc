"""Whatever a Django model can be, both sides end up equal."""

import pytest

pytest.register_assert_rewrite("tests.comparing", "tests.fuzzing", "tests.shapes.sides")
