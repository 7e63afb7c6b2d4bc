"""``python manage.py synchro_status`` and the like, at the place of the demo that ``SYNCHRO_DEMO_PLACE`` names."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    execute_from_command_line(sys.argv)
