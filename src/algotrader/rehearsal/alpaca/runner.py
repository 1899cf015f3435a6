"""Runs the rehearsal of one seed at Alpaca's server, in a folder of its own that is gone afterwards."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from algotrader.live.launch_settings import StrategyChoice
from algotrader.rehearsal import restless
from algotrader.rehearsal.alpaca.play import AlpacaOptions, AlpacaOutcome, Play
from algotrader.rehearsal.runner import quiet

RESTLESS: Final = f"{restless.__file__}:Restless"


def restless_choice(symbols: tuple[str, ...], parameters: tuple[tuple[str, object], ...] = ()) -> StrategyChoice:
    """The restless strategy, more restless still: a run is short."""
    usual: dict[str, object] = {"enter_every": 2, "leave_every": 4, "trail_every": 2}
    return StrategyChoice(RESTLESS, symbols, tuple({**usual, **dict(parameters)}.items()), "1m")


def rehearse_at_alpaca(options: AlpacaOptions, seed: int) -> AlpacaOutcome:
    """Play the rehearsal of one seed, in seconds of life."""
    # Workers have no terminal of their own, and what goes wrong here goes wrong on purpose.
    with quiet(logging.CRITICAL), TemporaryDirectory(prefix="rehearsal-") as folder:
        return asyncio.run(Play(options, seed, Path(folder)).play())
