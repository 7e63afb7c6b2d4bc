"""A project that has put its own user model in the place of ``auth.User``; a process, for it needs its own settings."""

from __future__ import annotations

import subprocess
import sys

from tests.databases import both_committed

pytestmark = both_committed


def test_users_of_the_projects_own_model_arrive_with_groups_and_permissions(process_env):
    environment = {**process_env, "DJANGO_SETTINGS_MODULE": "tests.shapes.swapped_user.settings"}

    process = subprocess.run(
        [sys.executable, "-m", "tests.shapes.swapped_user.program"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert process.returncode == 0, process.stderr
