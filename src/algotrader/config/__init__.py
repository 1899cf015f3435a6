"""All settings: their defaults, their bounds, and where each value came from.

The order of precedence is default, profile, YAML file, ``.env`` file, environment variable, override in the database, the later the
stronger; options of the command line win over all of them. Nothing acts unseen: ``algo-trader config`` shows every value with its
source, and what is set and is no setting is told. What needs pydantic-settings is loaded when it is used, for that takes its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from algotrader.config.values import CACHE_VARIABLE as CACHE_VARIABLE
from algotrader.config.values import CAPITAL as CAPITAL
from algotrader.config.values import COMMISSION as COMMISSION
from algotrader.config.values import DATA as DATA
from algotrader.config.values import DEFAULT as DEFAULT
from algotrader.config.values import PREFIX as PREFIX
from algotrader.config.values import SLIPPAGE as SLIPPAGE
from algotrader.config.values import VOLUME_LIMIT as VOLUME_LIMIT
from algotrader.config.values import ConfigError as ConfigError
from algotrader.config.values import cache_folder as cache_folder
from algotrader.config.values import read_capital as read_capital
from algotrader.config.values import read_decimal as read_decimal
from algotrader.config.values import read_volume_limit as read_volume_limit

if TYPE_CHECKING:
    from algotrader.config.loading import Settings as Settings
