"""What is known of a job from outside its process, and how it is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Final

from algotrader.server.documents import Document, iso

BACKTEST: Final = "backtest"
SWEEP: Final = "sweep"
KINDS: Final = (BACKTEST, SWEEP)

QUEUED: Final = "queued"
RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
ENDED: Final = (DONE, FAILED, CANCELLED)


@dataclass(slots=True)
class Job:
    """One job; times are nanoseconds UTC, 0 for not yet.

    ``request`` is what was asked for, ``market`` where its bars come from, ``figures`` the most wanted ones, ``run`` the number
    under which the database keeps it.
    """

    id: str
    kind: str
    title: str
    request: Document
    market: Document | None
    created: int
    state: str = QUEUED
    progress: float = 0.0
    message: str = "waiting for its turn"
    started: int = 0
    ended: int = 0
    error: dict[str, str] | None = None
    figures: list[Document] = field(default_factory=list)
    run: int | None = None
    has_tearsheet: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ENDED

    def end(self, state: str, now: int, message: str, hint: str = "") -> None:
        """Let it end; anything but ``done`` has a reason."""
        self.state, self.ended, self.message = state, now, message
        if state == DONE:
            self.progress, self.error = 1.0, None
        else:
            self.error = {"message": message, "hint": hint}

    def document(self) -> Document:
        """The job for people and programs."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "state": self.state,
            "progress": round(self.progress, 4),
            "message": self.message,
            "created_at": iso(self.created),
            "started_at": iso(self.started),
            "ended_at": iso(self.ended),
            "market": self.market,
            "error": self.error,
            "run": self.run,
            "has_tearsheet": self.has_tearsheet,
            "request": self.request,
            "figures": self.figures,
        }

    def news(self) -> Document:
        """What whoever looks on is told of a change."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "state": self.state,
            "progress": round(self.progress, 4),
            "message": self.message,
        }

    def kept(self) -> Document:
        """The job as it is written."""
        return asdict(self)


_KNOWN: Final = frozenset(item.name for item in fields(Job))


def read_job(values: object) -> Job:
    """The job that ``kept`` gave.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(values, dict) or not isinstance(values.get("created"), int):
        raise ValueError("no job")
    job = Job(**{name: value for name, value in values.items() if name in _KNOWN})
    if job.kind not in KINDS or job.state not in (QUEUED, RUNNING, *ENDED):
        raise ValueError(f"no job: {job.kind} {job.state}")
    return job
