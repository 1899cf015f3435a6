"""W1 and W2 by this package: ``sma_cross``, asked on each bar, or only where it says that it could act (``candidates``).

The run is all that a user waits for: it reads the stored bars and makes the whole result, equity curve and round trips included.
"""

from __future__ import annotations

from benchmarks.ours.common import run
from benchmarks.protocol import read_task, report, timed


def main() -> None:
    """Run the task once."""
    task = read_task()
    result, seconds = timed(lambda: run(task, "sma_cross", task.pairs[0]))
    report(seconds, task.bars, len(result.fills), float(result.final_equity))


if __name__ == "__main__":
    main()
