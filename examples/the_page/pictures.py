"""Takes the pictures of the README and the docs, from the demo's data: ``make pictures``. Needs Chromium.

Nobody logs in for that: whoever asks this server is its admin.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"

#: Colours, as Chromium numbers what somebody prefers.
THEMES = {"dark": 0, "light": 1}

#: Names of pictures: the addresses of pages, and the heights of windows.
PICTURES = {
    "page": ("synchro/", 1010),
    "explanation": ("admin/synchro_triggers/changelog/explain/?model=shop.Customer&key=zoe%40example.com", 960),
    "conflict": ("admin/synchro_triggers/conflict/main_3A1/change/", 960),
}
WIDTH = 1100

#: Bytes that a picture may have: a README is read on telephones, too.
MOST = 150_000


def name_of(picture: str, theme: str) -> str:
    """Return the name of a picture's file."""
    return f"{picture}-{theme}.png"


def let_in(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Middleware that takes everybody for the admin."""
    from django.contrib.auth.models import User

    def respond(request: Any) -> Any:
        request.user = User.objects.get(username="admin")
        return get_response(request)

    return respond


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("Chromium takes the pictures, and is not here. On Debian: apt-get install chromium")
    import demo
    import django
    from prepare import prepare

    django.setup()
    prepare()
    server = demo.bound_server(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    IMAGES.mkdir(parents=True, exist_ok=True)
    for picture, (address, height) in PICTURES.items():
        for theme in THEMES:
            take(chromium, f"http://127.0.0.1:{server.server_port}/{address}", height, theme, name_of(picture, theme))
    server.shutdown()


def take(chromium: str, address: str, height: int, theme: str, name: str) -> None:
    """Take a picture.

    Raises:
        SystemExit: there is none, or it is too large.
    """
    path = IMAGES / name
    path.unlink(missing_ok=True)
    options = [
        "--headless=new",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={os.environ['SYNCHRO_DEMO_FOLDER']}/chromium",
        f"--window-size={WIDTH},{height}",
        f"--blink-settings=preferredColorScheme={THEMES[theme]}",
        f"--screenshot={path}",
    ]
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium refuses to have one as root
    done = subprocess.run([chromium, *options, address], capture_output=True, text=True, timeout=120)
    size = path.stat().st_size if path.exists() else 0
    if not 0 < size <= MOST:
        sys.exit(f"{name} has {size:,} bytes, and 1 to {MOST:,} are wanted.\n{done.stderr[-1000:]}")
    print(f"{path}: {size:,} bytes", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    os.environ["DJANGO_SETTINGS_MODULE"] = "pictured"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["SYNCHRO_DEMO_FOLDER"] = folder
        main()
