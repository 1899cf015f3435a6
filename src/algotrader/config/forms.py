"""Forms that a value may be written in, as types of the sections: fractions, lists, addresses, times of day."""

from __future__ import annotations

import ipaddress
import json
from decimal import Decimal
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, PlainValidator, SecretStr

from algotrader.config.symbols import read_symbols, read_watchlist
from algotrader.config.values import NONE, read_capital, read_decimal, read_volume_limit

PAIR: Final = 2


def _number(value: object) -> Decimal:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    return read_decimal(str(value))


def _fraction(value: object) -> Decimal:
    """0.05 and ``5%`` are the same."""
    text = str(value).strip()
    return read_decimal(text[:-1]) / 100 if text.endswith("%") else _number(value)


def _whole(value: object) -> object:
    """A choice among numbers may come as text."""
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() else value


def _volume_limit(value: object) -> str:
    limit = read_volume_limit(NONE if value is None else str(value))
    return NONE if limit is None else format(limit, "f")


def _model(value: object) -> str:
    """A cost model's name, or a number, which is an amount a share."""
    text = str(value).strip()
    if not text:
        raise ValueError("name a model, or give an amount a share")
    return text


def _read_json(value: object) -> object:
    """Text that holds a list or a mapping, as environment variables do, is read."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"is not JSON: {error.msg} at character {error.pos + 1}") from None
    return value


def _symbols(value: object) -> object:
    return read_symbols(_read_json(value))


def _watchlist(value: object) -> object:
    return read_watchlist(_read_json(value))


def _entries(value: object) -> object:
    """A list of mappings; one mapping alone and bare names count as well."""
    value = _read_json(value)
    if isinstance(value, str):
        value = [item.strip() for item in value.split(",") if item.strip()]
    return [value] if isinstance(value, dict) else value


def _urls(value: object) -> tuple[SecretStr, ...]:
    """Addresses of webhooks; they often carry a key of their own, so they are secrets."""
    value = _read_json(value)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    items = value if isinstance(value, list | tuple) else str(value).split(",")
    found = [item.get_secret_value() if isinstance(item, SecretStr) else str(item).strip() for item in items]
    for place, text in enumerate([text for text in found if text], start=1):
        # What is wrong with it is told without the address itself.
        try:
            parts = urlsplit(text)
        except ValueError:
            raise ValueError(f"address {place} is not a URL") from None
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"address {place} does not begin with https://, and alerts go to such addresses only")
    return tuple(SecretStr(text) for text in found if text)


def _pairs(value: object) -> object:
    """``AAPL=protect,TSLA=manage`` is a mapping too."""
    value = _read_json(value)
    if not isinstance(value, str):
        return value
    pairs = [item.split("=") for item in value.split(",") if item.strip()]
    if any(len(pair) != PAIR for pair in pairs):
        raise ValueError(f"{value!r} is not of the form SYMBOL=MODE,SYMBOL=MODE")
    return {name.strip(): mode.strip() for name, mode in pairs}


def _host(value: object) -> str:
    text = str(value).strip()
    if not text or any(character.isspace() or character in "/@" for character in text):
        raise ValueError(f"{text!r} is not the name or number of a host")
    return text


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


Number = Annotated[Decimal, BeforeValidator(_number)]
Fraction = Annotated[Decimal, BeforeValidator(_fraction)]
Capital = Annotated[Decimal, BeforeValidator(lambda value: read_capital(str(value)))]
VolumeLimit = Annotated[str, BeforeValidator(_volume_limit)]
Model = Annotated[str, BeforeValidator(_model)]
Symbols = Annotated[tuple[str, ...], BeforeValidator(_symbols)]
Watchlist = Annotated[tuple[str, ...], BeforeValidator(_watchlist)]
Urls = Annotated[tuple[SecretStr, ...], PlainValidator(_urls)]
Host = Annotated[str, BeforeValidator(_host)]
Minutes = Annotated[Literal[1, 2, 5, 10], BeforeValidator(_whole)]
Entries = BeforeValidator(_entries)
Pairs = BeforeValidator(_pairs)
Level = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(lambda value: str(value).strip().upper())
]
