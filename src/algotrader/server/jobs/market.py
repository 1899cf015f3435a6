"""Where the bars of a session's backtests come from: its catalogue, or the made-up market."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from algotrader.config import cache_folder
from algotrader.server.documents import Document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algotrader.config.schema import Config

MADE_UP: Final = "made_up"
CATALOGUE: Final = "catalogue"


@dataclass(frozen=True, slots=True)
class Market:
    """A folder of bars; ``kind`` is ``made_up`` or ``catalogue``."""

    kind: str
    folder: Path

    def document(self) -> Document:
        """For people and programs; of the folder its own name only."""
        return {"kind": self.kind, "name": "the made-up market" if self.kind == MADE_UP else f"the catalogue {self.folder.name}"}


def market_of(data: Path | None, config: Config | None, environ: Mapping[str, str] = os.environ) -> Market:
    """The market that a session's settings name.

    Args:
        data: the folder whose bars the session itself trades; None for none.
        config: its settings; None for the defaults.
        environ: says where the made-up bars are kept.
    """
    made_up = cache_folder(environ) / "demo-data"
    folder = data or Path(config.data if config is not None and config.data else made_up)
    return Market(MADE_UP if folder == made_up else CATALOGUE, folder.absolute())
