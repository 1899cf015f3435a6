"""The process that does one job: reads what is wanted from standard input, tells how it goes on standard output, and ends.

Started by ``process.py`` as ``python -m``. It steps back behind every other program before it imports anything large, and it dies
with the session: once its standard input ends, so does it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

NICE: Final = 10
"""How far it steps back."""

_BETWEEN: Final = 0.2
"""Seconds between two words on progress."""


class Teller:
    """Tells the session how the work goes, a line of JSON each.

    Args:
        out: what the session reads.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out: Final = out
        self._last = 0.0

    def progress(self, done: float, message: str) -> None:
        """How much is done, from 0 to 1; told a few times a second at most."""
        now = time.monotonic()
        if now - self._last >= _BETWEEN:
            self._last = now
            self.tell({"progress": min(max(done, 0.0), 1.0), "message": message})

    def tell(self, document: dict[str, Any]) -> None:
        """Tell anything."""
        self._out.write(json.dumps(document, ensure_ascii=True, allow_nan=False).encode() + b"\n")
        self._out.flush()


def _own_output() -> BinaryIO:
    """Keep standard output for ourselves; what a strategy prints goes nowhere."""
    kept = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    return kept


def _end_with_the_session(source: BinaryIO) -> None:
    """End at once when the session is gone, whatever it died of."""
    while source.read(1024):
        pass
    os._exit(0)


def main() -> int:
    """Do one job."""
    # Where a service may not even step back, it works all the same.
    with suppress(OSError, AttributeError):
        os.nice(NICE)
    teller = Teller(_own_output())
    source = sys.stdin.buffer
    order = json.loads(source.readline())
    teller.progress(0.0, "loading")
    threading.Thread(target=_end_with_the_session, args=(source,), daemon=True).start()
    from algotrader.errors import UserError

    try:
        teller.tell({"done": _work(order, teller)})
    except UserError as error:
        teller.tell({"error": {"message": error.message, "hint": error.hint}})
        return 1
    except MemoryError:
        teller.tell({"error": {"message": "there was not enough memory", "hint": "choose fewer symbols or a shorter period"}})
        return 1
    except Exception as error:
        # The end of a process: whatever a strategy or the disk did wrong is told, and the session does not hear a traceback.
        text = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        teller.tell({"error": {"message": text, "hint": "`algo-trader backtest --trace` shows where"}})
        return 1
    return 0


def _work(order: dict[str, Any], teller: Teller) -> dict[str, Any]:
    folder = Path(order["folder"])
    if order["kind"] == "sweep":
        from algotrader.server.jobs.sweep_work import run_sweep

        return run_sweep(order, folder, teller.progress)
    from algotrader.server.jobs.backtest_work import run_backtest

    return run_backtest(order, folder, teller.progress)


if __name__ == "__main__":
    sys.exit(main())
