"""How symbols are written, by asset class. The engine has the same rule; a test holds the two against each other."""

from __future__ import annotations

import re
from typing import Final

PATTERNS: Final = {
    "equity": re.compile(r"[A-Z]{1,5}(\.[A-Z])?"),
    "crypto": re.compile(r"[A-Z0-9]{1,12}/[A-Z0-9]{2,8}"),
    "option": re.compile(r"[A-Z]{1,6} {0,5}[0-9]{6}[CP][0-9]{8}"),
    "forex": re.compile(r"[A-Z]{3}\.[A-Z]{3}"),
    "future": re.compile(r"[A-Z0-9]{1,4}[FGHJKMNQUVXZ][0-9]{1,2}"),
}


def read_symbol(value: object) -> str:
    """Check how a symbol is written.

    Raises:
        ValueError: it is of no asset class that we know.
    """
    if isinstance(value, bool):
        # YAML takes ON, NO and Y, all three of them shares, for true and false.
        raise ValueError("a symbol was read as true or false; write symbols such as ON, NO and Y in quotes")
    text = str(value).strip()
    if any(pattern.fullmatch(text) for pattern in PATTERNS.values()):
        return text
    raise ValueError(f"{text!r} is not a symbol; write shares like AAPL or BRK.B, crypto like BTC/USDT")


def read_symbols(value: object) -> tuple[str, ...]:
    """Check a list of symbols, or symbols separated by commas; each may be there once.

    Raises:
        ValueError: one is not a symbol, or is there twice.
    """
    items = value if isinstance(value, list | tuple) else str(value).split(",") if str(value).strip() else []
    symbols = [read_symbol(item) for item in items if isinstance(item, bool) or str(item).strip()]
    for symbol in symbols:
        if symbols.count(symbol) > 1:
            raise ValueError(f"{symbol} is there twice")
    return tuple(symbols)


def read_watchlist(value: object) -> tuple[str, ...]:
    """Check the watchlist, which names one symbol at least.

    Raises:
        ValueError: it is empty, or one of its symbols is none.
    """
    symbols = read_symbols(value)
    if not symbols:
        raise ValueError("the watchlist is empty; name one symbol at least, such as AAPL")
    return symbols
