"""The sections of the configuration: every setting with its type, its bounds, its default and what it means.

Fractions are of one (0.05 is five per cent) and may be written ``5%``; what the Velez rules call percent is percent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from algotrader.config.forms import (
    Capital,
    Fraction,
    Host,
    Level,
    Minutes,
    Model,
    Number,
    Pairs,
    Urls,
    VolumeLimit,
    Watchlist,
    is_loopback,
)

NO_SECRET = SecretStr("")


class Section(BaseModel):
    """Base of all sections: nothing unknown is taken, nothing changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class BrokerSection(Section):
    """Where orders go, and with which keys."""

    provider: Literal["alpaca", "simulated"] = Field(default="alpaca", description="the venue; simulated is the built-in market")
    paper: bool = Field(default=True, description="trade with play money; false asks for consent in words at every start")
    feed: Literal["iex", "sip"] = Field(default="iex", description="which of Alpaca's market-data feeds")
    api_key: SecretStr = Field(default=NO_SECRET, description="key of the account; Alpaca shows it once, with its secret")
    secret_key: SecretStr = Field(default=NO_SECRET, description="secret that belongs to the key")
    host: str = Field(default="", description="address of the venue, or of its gateway; empty for the venue's usual one")
    port: int = Field(default=0, ge=0, le=65535, description="port of the gateway; 0 for the venue's usual one")
    settled_cash: bool = Field(default=False, description="count only settled cash as buying power, as a cash account has to")
    fractional: bool = Field(default=False, description="trade fractions of shares where the venue has them; by DAY orders")
    timeout: float = Field(default=30.0, ge=1, le=300, description="seconds that a request may take")


class RiskSection(Section):
    """The limits of the account; fractions are of the current equity."""

    profile: Literal["none", "conservative", "moderate", "aggressive"] = Field(
        default="none", description="named set of limits; limits that are set besides it win"
    )
    max_risk_per_trade_pct: Fraction = Field(
        default=Decimal("0.01"), ge=Decimal("0.001"), le=Decimal("0.05"), description="what an entry may lose at its stop"
    )
    max_risk_per_trade_abs: Number = Field(default=Decimal(500), ge=10, le=5000, description="the same as an amount of money")
    max_position_pct: Fraction = Field(
        default=Decimal("0.05"), ge=Decimal("0.01"), le=Decimal("0.25"), description="size of a position"
    )
    max_daily_loss_pct: Fraction = Field(
        default=Decimal("0.03"), ge=Decimal("0.01"), le=Decimal("0.10"), description="loss of a day that halts entries"
    )
    max_open_positions: int = Field(default=5, ge=1, le=20, description="positions and waiting entries at a time")
    consecutive_loss_pause: int = Field(default=3, ge=2, le=10, description="losses in a row that halt entries for the day")
    emergency_stop_pct: Fraction = Field(
        default=Decimal("0.02"), ge=Decimal("0.005"), le=Decimal("0.10"), description="distance of a stop where no plan is known"
    )
    max_leverage: Number = Field(default=Decimal(1), ge=Decimal("0.1"), le=10, description="gross exposure by equity; 1: cash only")
    break_even_is_loss: bool = Field(default=True, description="whether a trade without profit or loss counts as a loss in a row")
    breaker_for_all: bool = Field(default=False, description="halt strategies with their own quantities too")


class VelezSection(Section):
    """Parameters of the strategy velez, unless its entry in strategies has its own; percentages are per cent."""

    enabled: bool = Field(default=True, description="false switches the strategy off")
    sma_fast: int = Field(default=20, ge=5, le=50, description="period of the fast average, candles")
    sma_slow: int = Field(default=200, ge=100, le=500, description="period of the slow average, candles")
    candle_interval_minutes: Minutes = Field(default=2, description="length of a candle, minutes")
    tightness_threshold_pct: Number = Field(
        default=Decimal("2.0"), ge=Decimal("0.5"), le=5, description="largest gap, % of the close"
    )
    strong_candle_body_pct: Number = Field(default=Decimal(50), ge=30, le=80, description="body of a strong candle, % of its range")
    stop_buffer_pct: Number = Field(
        default=Decimal("0.1"), ge=Decimal("0.05"), le=1, description="stop below the low, % of the low"
    )
    stop_buffer_min: Number = Field(
        default=Decimal("0.02"), ge=Decimal("0.01"), le=Decimal("0.10"), description="least buffer, dollars"
    )
    buy_stop_expiry_candles: int = Field(default=1, ge=1, le=5, description="candles that an entry may wait")
    max_run_candles: int = Field(default=3, ge=2, le=10, description="strong candles in a row that end a trail")
    doji_threshold_pct: Number = Field(default=Decimal(10), ge=0, le=30, description="a body below this is a doji, % of the range")
    allow_short: bool = Field(default=False, description="trade the mirror image too")

    @model_validator(mode="after")
    def _doji_is_weak(self) -> Self:
        if self.doji_threshold_pct >= self.strong_candle_body_pct:
            raise ValueError("doji_threshold_pct must be below strong_candle_body_pct")
        return self


_TOKEN_LENGTH: Final = 16
"""At least, where other machines may guess."""


class WebSection(Section):
    """The local server: health, status, the operator's actions, the page."""

    host: Host = Field(default="127.0.0.1", description="address to listen at")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen at; 0 for any that is free")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="a port of its own for metrics; 0 for none")
    token: SecretStr = Field(
        default=NO_SECRET, description="asked for by whatever changes something; empty makes a new one each start"
    )

    @model_validator(mode="after")
    def _not_open_to_all(self) -> Self:
        token = self.token.get_secret_value()
        if not is_loopback(self.host) and not token:
            raise ValueError(f"host {self.host} can be reached from other machines: set web.token, or take 127.0.0.1")
        if not is_loopback(self.host) and len(token) < _TOKEN_LENGTH:
            raise ValueError(f"host {self.host} can be reached from other machines: web.token needs {_TOKEN_LENGTH} characters")
        return self


class AppSection(Section):
    """What is traded, where things are kept, what is told."""

    watchlist: Watchlist = Field(
        default=("AAPL", "TSLA", "AMD", "NVDA", "META"), description="symbols to trade, separated by commas"
    )
    db_path: str = Field(default="data/trading.db", min_length=1, description="file of the database")
    database_url: SecretStr = Field(default=NO_SECRET, description="sqlite:/// or postgresql:// address instead of the file")
    db_busy_timeout_ms: int = Field(default=5000, ge=0, le=60_000, description="how long to wait for a database that is in use")
    snapshot_seconds: int = Field(default=60, ge=5, le=3600, description="time between snapshots of the whole state")
    extended_hours: bool = Field(default=False, description="give strategies that want them the bars outside the regular session")
    log_level: Level = Field(default="INFO", description="what is logged from")
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="lines for people or JSON; auto looks for a terminal"
    )
    log_file: str = Field(default="data/logs/algo-trader.jsonl", description="file for JSON lines; none: to standard error")
    log_max_mb: int = Field(default=20, ge=1, le=1000, description="size at which a new log file is begun, megabytes")
    log_files: int = Field(default=10, ge=1, le=1000, description="how many old log files are kept")

    @property
    def database(self) -> str:
        """The database's address."""
        given = self.database_url.get_secret_value() or self.db_path
        return given if "://" in given else f"sqlite:///{given}"


class PaperSection(Section):
    """The built-in market and the simulated account."""

    capital: Capital = Field(default=Decimal(100_000), le=1_000_000_000, description="money in the account at the start")
    speed: float = Field(default=1.0, gt=0, le=100_000, description="how many times faster than life the market runs")
    seed: int = Field(default=1, ge=0, lt=2**63, description="of the made-up prices; the same seed gives the same day")
    latency_ms: int = Field(default=100, ge=0, le=60_000, description="time that an order needs to reach the venue")


class ReconciliationSection(Section):
    """How our books are compared with the venue's, and what follows from a difference."""

    interval_seconds: int = Field(default=300, ge=10, le=86_400, description="time between comparisons")
    strategy: Literal["sync_to_broker", "warn_only", "sync_to_local", "halt_and_alert"] = Field(
        default="sync_to_broker", description="what is done about differences"
    )
    sync_to_local_consent: bool = Field(default=False, description="yes, orders may be sent to make the account equal to our books")
    warn_pct: Fraction = Field(default=Decimal("0.01"), gt=0, le=1, description="difference that is told as a warning")
    critical_pct: Fraction = Field(default=Decimal("0.05"), gt=0, le=1, description="difference that is critical")
    adopt: Annotated[dict[str, Literal["protect", "manage"]], Pairs] = Field(
        default={}, description="positions of others to look after: AAPL=protect,TSLA=manage"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.critical_pct < self.warn_pct:
            raise ValueError("critical_pct must not be below warn_pct")
        if self.strategy == "sync_to_local" and not self.sync_to_local_consent:
            raise ValueError("strategy sync_to_local sends orders on its own; set sync_to_local_consent to true if you want that")
        return self


class AlertsSection(Section):
    """Who is told when something is wrong."""

    urls: Urls = Field(default=(), description="addresses of webhooks, https only, separated by commas")
    hmac_secret: SecretStr = Field(default=NO_SECRET, description="alerts are signed with it")
    level: Level = Field(default="WARNING", description="what is sent from")
    rate_limit: int = Field(default=10, ge=1, le=1000, description="alerts of one kind in an hour at most")


class ShadowSection(Section):
    """When a shadow of the strategy, in a simulation beside it, counts as having parted from it."""

    enabled: bool = Field(default=False, description="run the same strategy in a simulation beside")
    match_rate_min: Fraction = Field(default=Decimal("0.95"), ge=0, le=1, description="signals that must be the same")
    slippage_error_bps_max: Number = Field(default=Decimal(50), ge=0, le=10_000, description="difference of slippage, basis points")
    fill_rate_error_pct_max: Number = Field(default=Decimal(20), ge=0, le=100, description="difference of fill rates, per cent")


class BacktestSection(Section):
    """What a backtest assumes unless its options say otherwise."""

    capital: Capital = Field(default=Decimal(25_000), description="capital at the start of a backtest")
    slippage: Model = Field(default="0.01", description="slippage model; a number is an amount a share")
    commission: Model = Field(default="none", description="commission model; a number is an amount a share")
    volume_limit: VolumeLimit = Field(default="0.025", description="share of a bar's volume that we may take")
