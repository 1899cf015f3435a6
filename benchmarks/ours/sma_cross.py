"""W1 and W2 by this package: ``sma_cross``, asked on each bar, or only where it says that it could act (``candidates``).

The run is all that a user waits for: it reads the stored bars, unless they are in memory, and makes the whole result, equity curve
and round trips included.
"""

from __future__ import annotations

from benchmarks.ours.common import measured
from benchmarks.protocol import read_task


def main() -> None:
    """Run the task once."""
    measured(read_task(), "sma_cross")


if __name__ == "__main__":
    main()
