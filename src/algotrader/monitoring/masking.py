"""Keeping secrets out of what is written: known values are blotted out wherever they turn up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote

MASK: Final = "********"

SHORTEST: Final = 4
"""A shorter secret would blot out half of every line; whoever has one has none."""


class Masker:
    """Knows secrets and replaces them in texts and whatever holds texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[str] = []
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Know more of them; each also as it stands in an address or in JSON."""
        forms = [form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)]
        # Longer ones first: one may be a part of another.
        self._secrets = sorted({*self._secrets, *forms}, key=lambda text: (-len(text), text))

    def text(self, text: str) -> str:
        """A text without secrets."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        return text

    def value(self, value: object) -> object:
        """A value without secrets: texts, mappings and lists are looked into, other things are written out if need be."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool | int | float) or value is None:
            return value
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return self.text(str(value))


def _forms(secret: str) -> tuple[str, ...]:
    return secret, quote(secret, safe=""), secret.encode("unicode_escape").decode("ascii")
