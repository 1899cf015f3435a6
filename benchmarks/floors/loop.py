"""The floor: the rule of W1 as a person would write it in a bare loop, with running sums over a list. No engine at all."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.protocol import Task, read_task, report, timed


def trade(task: Task, opens: Sequence[float], closes: Sequence[float]) -> tuple[int, float]:
    """Fills and final equity: orders of one bar fill at the next open."""
    fast, slow, quantity = task.fast, task.slow, task.quantity
    fee = quantity * task.commission
    cash = task.capital
    held = wanted = fills = 0
    fast_sum = slow_sum = before = 0.0
    for i, close in enumerate(closes):
        if wanted != held:
            cash -= (wanted - held) * opens[i] + fee
            held = wanted
            fills += 1
        fast_sum += close
        slow_sum += close
        if i >= fast:
            fast_sum -= closes[i - fast]
        if i >= slow:
            slow_sum -= closes[i - slow]
            gap = fast_sum * slow - slow_sum * fast
            if not held and before <= 0 < gap:
                wanted = quantity
            elif held and gap < 0 <= before:
                wanted = 0
            before = gap
        elif i == slow - 1:
            before = fast_sum * slow - slow_sum * fast
    return fills, cash + held * closes[-1]


def main() -> None:
    """Run the task once."""
    task = read_task()
    columns = task.columns(task.symbols[0])
    opens, closes = columns.open.tolist(), columns.close.tolist()
    (fills, equity), seconds = timed(lambda: trade(task, opens, closes))
    report(seconds, task.bars, fills, equity)


if __name__ == "__main__":
    main()
