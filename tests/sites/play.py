"""Does one step of a story: ``python -m tests.sites.play MODULE:FUNCTION [ARGUMENTS AS JSON]``.

What the function returns is printed as JSON, in a line of its own at the end.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module

import django

MARK = "\n=== returned "

if __name__ == "__main__":
    django.setup()
    module, function = sys.argv[1].split(":")
    returned = getattr(import_module(module), function)(*json.loads(sys.argv[2]))
    print(MARK + json.dumps(returned, default=str))
