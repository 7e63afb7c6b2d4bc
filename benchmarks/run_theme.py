"""One theme in a process of its own: ``python -m benchmarks.run_theme THEME SIZE RESULT_FILE``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(theme: str, size: str, result_file: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()

    from django.conf import settings
    from django.core.management import call_command

    from .sizes import SIZES
    from .themes import runner

    for alias in settings.DATABASES:
        call_command("migrate", database=alias, verbosity=0)
        # Tables without migrations come second: some refer to tables that migrations make.
        call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
    call_command("synchro_install_triggers", verbosity=0)
    if settings.VENDOR == "postgres":
        import pgtrigger

        pgtrigger.install()
    results = runner(theme)(settings.VENDOR, SIZES[size])
    Path(result_file).write_text(json.dumps(results.as_dict()))


if __name__ == "__main__":
    main(*sys.argv[1:])
