"""The files of jobs: a folder for each, with what is known of it, its result and its tear sheet. Never called from an event loop.

No path is ever made from what a request says: whoever asks has looked the job up by its id first, and ids are drawn here.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from algotrader.server.jobs.records import Job, read_job

RESULT: Final = "result.json"
TEARSHEET: Final = "tearsheet.html"
SCRATCH: Final = "tmp"
_JOB: Final = "job.json"
_ID: Final = re.compile(r"[a-z][0-9a-f]{10}")


def new_id(kind: str) -> str:
    """A name for a new job."""
    return f"{kind[0]}{secrets.token_hex(5)}"


class JobFolder:
    """Where jobs are kept.

    Args:
        path: the folder; it is made with the first job, and nobody else can read it.
    """

    def __init__(self, path: Path) -> None:
        self._path: Final = path

    def of(self, job_id: str) -> Path:
        """The folder of one job.

        Raises:
            ValueError: this is not the name of a job.
        """
        if _ID.fullmatch(job_id) is None:
            raise ValueError(f"{job_id!r} names no job")
        return self._path / job_id

    def prepare(self, job: Job) -> Path:
        """Make the folder of a job that begins, with room for what it needs only while it runs.

        Raises:
            OSError: the disk refuses.
        """
        folder = self.of(job.id)
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / SCRATCH).mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def save(self, job: Job) -> None:
        """Write what is known of a job, whole or not at all.

        Raises:
            OSError: the disk refuses.
        """
        folder = self.of(job.id)
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True, mode=0o700)
        draft = folder / f"{_JOB}.new"
        draft.write_text(json.dumps(job.kept(), ensure_ascii=True), encoding="ascii")
        draft.replace(folder / _JOB)

    def load(self) -> list[Job]:
        """Every job that can be read, oldest first; what cannot is left alone."""
        found: list[Job] = []
        for folder in self._path.iterdir() if self._path.is_dir() else ():
            if _ID.fullmatch(folder.name) is None:
                continue
            with suppress(OSError, ValueError, TypeError):
                job = read_job(json.loads((folder / _JOB).read_text(encoding="ascii")))
                if job.id == folder.name:
                    found.append(job)
        return sorted(found, key=lambda job: (job.created, job.id))

    def result(self, job_id: str) -> bytes | None:
        """The result as it was written; None where there is none."""
        try:
            return (self.of(job_id) / RESULT).read_bytes()
        except FileNotFoundError:
            return None

    def tearsheet(self, job_id: str) -> bytes | None:
        """The tear sheet; None where there is none."""
        try:
            return (self.of(job_id) / TEARSHEET).read_bytes()
        except FileNotFoundError:
            return None

    def tidy(self, job_id: str) -> None:
        """Remove what a job needed only while it ran."""
        shutil.rmtree(self.of(job_id) / SCRATCH, ignore_errors=True)

    def remove(self, job_id: str) -> None:
        """Remove everything of a job."""
        shutil.rmtree(self.of(job_id), ignore_errors=True)
