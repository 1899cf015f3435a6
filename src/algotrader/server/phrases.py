"""What has to be typed before something is done that must not happen by mistake."""

from __future__ import annotations

from typing import Final

RESUME: Final = "resume trading"
FLATTEN: Final = "flatten"


def same(typed: str, phrase: str) -> bool:
    """Whether a phrase was typed; case and blanks do not matter."""
    return " ".join(typed.lower().split()) == phrase.lower()
