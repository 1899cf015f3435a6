"""A job's process, seen from the session: a thread starts it, reads what it tells and waits for its end.

The event loop never waits: it is called back. The thread holds Python's lock for moments only, for it does nothing but wait.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from algotrader.server.documents import Document
from algotrader.server.jobs.folder import SCRATCH

_MODULE: Final = "algotrader.server.jobs.worker"
_LONGEST_LINE: Final = 1 << 20
_PASSED_ON: Final = ("PATH", "HOME", "USER", "LANG", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT")
_PREFIXES: Final = ("LC_", "PYTHON", "XDG_", "ALGOTRADER_", "COVERAGE_")
_ONE_THREAD: Final = ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def environment(given: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """What the process is told of ours: no setting, so no key either; and one thread a library, for the cores are the session's."""
    passed = {name: value for name, value in given.items() if name in _PASSED_ON or name.startswith(_PREFIXES)}
    return {**passed, **dict.fromkeys(_ONE_THREAD, "1"), "TMPDIR": str(scratch)}


class WorkerProcess:
    """One process for one job.

    Args:
        order: what is to be done, in values of JSON.
        prepare: makes the job's folders; called in the thread.
        heard: called in the thread with everything that the process tells.
        ended: called in the thread once, with the exit code (negative: a signal) or what kept the process from starting.
    """

    def __init__(
        self,
        order: Document,
        prepare: Callable[[], Path],
        heard: Callable[[Document], None],
        ended: Callable[[int | str], None],
    ) -> None:
        self._order: Final = order
        self._prepare: Final = prepare
        self._heard: Final = heard
        self._ended: Final = ended
        self._lock: Final = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_killed = False
        self._thread: Final = threading.Thread(target=self._run, name=f"job {order['id']}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Of the process; None before it is there."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def kill(self) -> None:
        """End the process at once; it holds nothing that must be put in order."""
        with self._lock:
            self._is_killed = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()

    def join(self, seconds: float) -> None:
        """Wait until the thread is done; not from an event loop."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            folder = self._prepare()
            process = self._launch(folder)
        except OSError as error:
            self._ended(f"the worker process could not be started: {error.strerror or error}")
            return
        if process is None:
            self._ended("it was cancelled before it began")
            return
        try:
            self._talk(process, folder)
        finally:
            self._ended(process.wait())

    def _launch(self, folder: Path) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._is_killed:
                return None
            # -P: what lies in the current folder is not ours to import. A session of its own: Ctrl+C is for us.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(os.environ, folder / SCRATCH),
                start_new_session=True,
            )
            return self._process

    def _talk(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        """Say what is to be done, then listen; standard input stays open, for its end is the end of the process."""
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdout as told:
            try:
                process.stdin.write(json.dumps({**self._order, "folder": str(folder)}).encode() + b"\n")
                process.stdin.flush()
                while line := told.readline(_LONGEST_LINE):
                    document: Any = json.loads(line)
                    if isinstance(document, dict):
                        self._heard(document)
            except (OSError, ValueError):
                # It died while it spoke or was spoken to; how, its exit code tells.
                process.kill()
            finally:
                process.wait()
                with suppress(OSError):
                    process.stdin.close()
