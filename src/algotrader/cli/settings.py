"""Settings for commands: resolved from files, the environment and the database, and the catalogue they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from algotrader.config import DATA, ConfigError
from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.config import Settings
    from algotrader.history.catalogue import Catalogue


def settings_of_process(
    environ: Mapping[str, str], file: Path | None = None, overrides: Mapping[str, str] | None = None, *, strict: bool = False
) -> Settings:
    """Resolve the settings.

    Args:
        environ: such as ``os.environ``.
        file: a YAML file; None takes the one that ``ALGO_CONFIG`` names, or ``algo-trader.yaml`` where it lies in this folder.
        overrides: what the database has.
        strict: refuse variables with our prefix that name no setting, for one of them may be a limit with a slip in its name.

    Raises:
        UserError: something is set to what is impossible, or a file cannot be read.
    """
    from algotrader.config.layers import CONFIG_FILE, CONFIG_VARIABLE, ENV_FILE, ENV_FILE_VARIABLE
    from algotrader.config.loading import load_settings

    try:
        settings = load_settings(
            environ,
            file=file or _named(environ, CONFIG_VARIABLE, CONFIG_FILE),
            env_file=_named(environ, ENV_FILE_VARIABLE, ENV_FILE),
            overrides=overrides,
        )
        if strict:
            settings.refuse_unknown()
    except ConfigError as error:
        raise UserError(error.message, error.hint) from None
    return settings


def _named(environ: Mapping[str, str], variable: str, usual: str) -> Path | None:
    """The file that a variable names, or the usual one where there is one."""
    if environ.get(variable, "").strip():
        return Path(environ[variable])
    return Path(usual) if Path(usual).is_file() else None


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
