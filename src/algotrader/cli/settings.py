"""Settings for commands: resolved from the environment, and the catalogue they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from algotrader.config import DATA, ConfigError, Settings, load_settings
from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.history.catalogue import Catalogue


def settings_of_process(environ: Mapping[str, str]) -> Settings:
    """Resolve the settings.

    Raises:
        UserError: an environment variable holds an impossible value.
    """
    try:
        return load_settings(environ)
    except ConfigError as error:
        raise UserError(error.message, error.hint) from None


def open_catalogue(folder: Path | None, settings: Settings) -> Catalogue:
    """Open the catalogue that was asked for; where nobody asked for one, the made-up bars that come with the program.

    The made-up bars are generated on first use into the user's cache folder.

    Raises:
        UserError: the folder holds no catalogue.
        OSError: the cache folder cannot be written.
    """
    from algotrader.history.catalogue import Catalogue
    from algotrader.history.generator import ensure_demo_catalogue

    if folder is None and settings.is_default(DATA):
        return ensure_demo_catalogue(settings.text(DATA))
    path = folder or Path(settings.text(DATA))
    catalogue = Catalogue(path)
    if not catalogue.instruments():
        what = "holds no catalogue" if path.is_dir() else "does not exist" if not path.exists() else "is not a folder"
        raise UserError(f"{path} {what}", "make one with `algo-trader data import` or `algo-trader data generate`")
    return catalogue
