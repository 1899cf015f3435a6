"""How one class of records is written: its fields, read off its constructor, each with the form it has on the wire.

A field whose default is a whole number, a text, a yes or no, a float, a ``Decimal`` or an enum's member needs nothing; one without
a default, or with None or a tuple, is known by its name. So a new event mostly costs one line in ``codec``. A field whose form
cannot be told is refused when this package is imported, not when the first such event comes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from msgspec import UNSET, MsgspecError, UnsetType, defstruct, msgpack

from algotrader.core.instruments import Instrument

Instruments = Mapping[str, Instrument]
"""What the decoder finds instruments by: their symbols."""

VERSION: Final = 1
"""Of the records. A reader takes those of its own version and of older ones; of newer ones only what says that it may."""

_LARGEST: Final = 2**64
_SMALLEST: Final = -(2**63)


class DamagedRecord(ValueError):
    """A stored record cannot be read; the message names its kind and what is wrong."""


class Form:
    """What a field is on the wire, and the way there and back; without a way the value stands for itself."""

    def __init__(
        self, wire: Any, pack: Callable[[Any], Any] | None = None, unpack: Callable[[Any, Instruments], Any] | None = None
    ) -> None:
        self.wire: Final = wire
        self.pack: Final = pack
        self.unpack: Final = unpack


def pack_int(value: int) -> int | str:
    """A whole number, as text where 64 bits do not hold it; money is that large."""
    return value if _SMALLEST <= value < _LARGEST else str(value)


def unpack_int(value: int | str, _instruments: Instruments) -> int:
    """The whole number again."""
    return int(value)


def optional(form: Form) -> Form:
    """The form of a field that may be None."""
    pack, unpack = form.pack, form.unpack
    return Form(
        form.wire | None,
        None if pack is None else lambda value: None if value is None else pack(value),
        None if unpack is None else lambda value, instruments: None if value is None else unpack(value, instruments),
    )


def many(form: Form) -> Form:
    """The form of a field that holds a tuple of such things."""
    pack, unpack = form.pack, form.unpack
    tuples: Any = tuple
    return Form(
        tuples[form.wire, ...],
        None if pack is None else lambda values: tuple([pack(value) for value in values]),
        None if unpack is None else lambda values, instruments: tuple([unpack(value, instruments) for value in values]),
    )


def find_instrument(symbol: str, instruments: Instruments) -> Instrument:
    """The instrument of a symbol.

    Raises:
        DamagedRecord: it is none of ours.
    """
    found = instruments.get(symbol)
    if found is None:
        raise DamagedRecord(f"there is no instrument {symbol!r} in this session")
    return found


def enum_form(kind: type[Enum]) -> Form:
    """Members travel by their values."""
    return Form(str, lambda member: member.value, lambda value, _instruments: kind(value))


def arguments_of(kind: type[Any]) -> dict[str, object]:
    """The constructor's arguments with their defaults; those without one have ``inspect.Parameter.empty``."""
    found = {name: argument.default for name, argument in inspect.signature(kind).parameters.items()}
    # Compiled, a constructor with an enum's member as a default does not tell its arguments; its class tells the attributes.
    return found or dict.fromkeys(kind.__mypyc_attrs__, inspect.Parameter.empty)


def _form_of(kind: type, name: str, default: object, known: Mapping[str, Form]) -> Form:
    if name in known:
        return optional(known[name]) if default is None else known[name]
    if isinstance(default, bool):
        return Form(bool)
    if isinstance(default, int):
        return Form(int | str, pack_int, unpack_int)
    if isinstance(default, str):
        return Form(str)
    if isinstance(default, float):
        return Form(float)
    if isinstance(default, Decimal):
        return Form(str, str, lambda value, _instruments: Decimal(value))
    if isinstance(default, Enum):
        return enum_form(type(default))
    raise TypeError(f"how {kind.__name__}.{name} is stored cannot be told from its default; name it in storage.codec")


class Shape:
    """The wire form of a class of records.

    Args:
        kind: the class; its constructor's arguments are its attributes.
        known: forms of fields by name, for those that the default does not tell.
        compact: write values in the order of the fields, without names; fields may then only be added at the end.

    Raises:
        TypeError: a field's form is not known.
    """

    def __init__(self, kind: type[Any], known: Mapping[str, Form], compact: bool = False) -> None:
        self.kind: Final = kind
        arguments = arguments_of(kind)
        # In the order of the alphabet, the compiled class and the plain one write the same bytes.
        self.names: Final = list(arguments) if compact else sorted(arguments)
        forms = [_form_of(kind, name, arguments[name], known) for name in self.names]
        fields = [(name, form.wire | UnsetType, UNSET) for name, form in zip(self.names, forms, strict=True)]
        version = [] if compact else [("v", int, 0)]
        self.wire: Final[Any] = defstruct(kind.__name__, [*version, *fields], array_like=compact, gc=False)
        self._head: Final[tuple[int, ...]] = () if compact else (VERSION,)
        self._packers: Final = [form.pack for form in forms]
        self._unpackers: Final = [form.unpack for form in forms]
        self._decoder: Final = msgpack.Decoder(self.wire)

    @property
    def form(self) -> Form:
        """As a field of another record."""
        return Form(self.wire, self.pack, self.unpack)

    def pack(self, record: Any) -> Any:
        """A record's wire form."""
        values = [getattr(record, name) for name in self.names]
        for place, pack in enumerate(self._packers):
            if pack is not None:
                values[place] = pack(values[place])
        return self.wire(*self._head, *values)

    def unpack(self, wire: Any, instruments: Instruments) -> Any:
        """The record of a wire form. Its constructor checks it, and knows what a missing field is."""
        given: dict[str, Any] = {}
        for name, unpack in zip(self.names, self._unpackers, strict=True):
            value = getattr(wire, name)
            if value is not UNSET:
                given[name] = value if unpack is None else unpack(value, instruments)
        return self.kind(**given)

    def decode(self, payload: bytes, instruments: Instruments) -> Any:
        """Read a record.

        Raises:
            DamagedRecord: it cannot be one.
        """
        try:
            wire: Any = self._decoder.decode(payload)
            if wire.v > VERSION:
                raise DamagedRecord(f"it was written in version {wire.v}; this program reads up to version {VERSION}")
            return self.unpack(wire, instruments)
        except (MsgspecError, ValueError, TypeError, ArithmeticError) as error:
            raise DamagedRecord(f"a stored {self.kind.__name__} cannot be read: {error}") from error
