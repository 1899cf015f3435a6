"""The floor below the floor: one method call a bar that does nothing but count."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.protocol import read_task, report, timed


class Counter:
    """As little as a callback can do."""

    def __init__(self) -> None:
        self.bars = 0

    def on_bar(self, close: float) -> None:
        """Count."""
        self.bars += 1


def call(closes: Sequence[float]) -> Counter:
    """Call for every bar."""
    counter = Counter()
    for close in closes:
        counter.on_bar(close)
    return counter


def main() -> None:
    """Run the task once."""
    task = read_task()
    closes = task.columns(task.symbols[0]).close.tolist()
    counter, seconds = timed(lambda: call(closes))
    report(seconds, counter.bars, 0, task.capital)


if __name__ == "__main__":
    main()
