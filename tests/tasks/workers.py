"""Workers as processes of their own, and how tests queue tasks for them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery import Celery
from celery.result import AsyncResult

#: Seconds after which something that should happen has not happened.
PATIENCE = 180


class Worker:
    """A worker with one process for tasks.

    Attributes:
        process: the one that hands out tasks.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log

    @property
    def said(self) -> str:
        """What it has logged."""
        return self._log.read_text(errors="replace")

    def children(self) -> list[int]:
        """Return the processes that carry tasks out."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(each) for each in found.split()]

    def kill(self) -> None:
        """Kill it with its children, as a machine that is lost."""
        for pid in [*self.children(), self.process.pid]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


class Queue:
    """A queue of the test's own.

    Attributes:
        app: that puts tasks into it.
        name: its name.
    """

    def __init__(self, url: str, env: Mapping[str, str], **config: Any) -> None:
        self.name = f"synchro-{uuid.uuid4()}"
        self._env = {**env, "SYNCHRO_TEST_BROKER_URL": url}
        self._config = {"task_default_queue": self.name, **config}
        self.app = Celery("asking", broker=url, backend=url, set_as_current=False)
        self.app.conf.update(self._config)

    def put(self, task: str, *arguments: Any, **options: Any) -> AsyncResult[Any]:
        """Queue one of this package's tasks."""
        return self.app.send_task(f"synchro_triggers.{task}", arguments, options, queue=self.name)

    def result_of(self, task_id: str, timeout: float = PATIENCE) -> Any:
        """Wait for a task; return its result."""
        return AsyncResult(task_id, app=self.app).get(timeout=timeout)

    @contextmanager
    def worker(self, *options: str, slow: float = 0, **env: str) -> Iterator[Worker]:
        """Start a worker, whose receivers take ``slow`` seconds for each object; it is ready."""
        folder = Path(tempfile.mkdtemp(prefix="synchro-worker-"))
        told = {"SYNCHRO_TEST_SLOW": str(slow), "SYNCHRO_TEST_CELERY": json.dumps(self._config), **env}
        command = [sys.executable, "-m", "celery", "-A", "tests.tasks.celery_app", "worker"]
        command += ["--concurrency", "1", "--loglevel", "INFO", "--without-mingle", "--without-gossip", *options]
        command += ["--hostname", f"{uuid.uuid4()}@here"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                command, env={**self._env, **told}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        worker = Worker(process, folder / "log")
        try:
            until(lambda: " ready." in worker.said or process.poll() is not None, lambda: worker.said)
            assert process.poll() is None, worker.said
            yield worker
        finally:
            if process.poll() is None:
                worker.kill()
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Leave nothing in a broker that others use, too."""
        with self.app.connection_for_write() as connection:
            connection.default_channel.queue_delete(self.name)
        self.app.close()


def until(condition: Any, said: Any = lambda: "", patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen {said()}"
        time.sleep(0.05)
