"""Backtests and sweeps: what can be asked for, with its bounds, and what comes of them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from algotrader.server.models.jobs import JobModel, Plain, Said, no_endless_number

Name = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z][A-Za-z0-9_\-]{0,63}$")]
"""Of a strategy or a parameter; no path has this form."""

Symbol = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9./\-]{0,19}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Amount = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9_]{1,15}(\.[0-9]{1,8})?$")]
Day = Annotated[date, Field(ge=date(1970, 1, 1), le=date(2200, 1, 1))]
Interval = Literal["1m", "2m", "5m", "10m", "15m", "30m", "1h", "1d"]
Values = (
    Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(no_endless_number)]
    | Annotated[list[Plain], Field(min_length=1, max_length=200)]
)

_NUMBER = r"[0-9]{1,12}(\.[0-9]{1,12})?"
CostModel = Annotated[str, StringConstraints(strip_whitespace=True, pattern=rf"^([a-z\-]{{1,20}}|{_NUMBER})(:{_NUMBER}){{0,3}}$")]
Share = Annotated[str, StringConstraints(strip_whitespace=True, pattern=rf"^(none|{_NUMBER}%?)$")]
ScannerText = Annotated[str, StringConstraints(strip_whitespace=True, pattern=rf"^[a-z_]{{1,20}}(:{_NUMBER}){{0,3}}$")]
"""Numbers are plain, without exponents: they are read in the session's own process."""

MOST_SYMBOLS = 50


class Assumptions(BaseModel):
    """What a run assumes; what is left out is as the settings have it. docs/backtest-assumptions.md explains each."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    strategy: Name = Field(description="a strategy by its registered name", examples=["sma_cross"])
    symbols: list[Symbol] = Field(min_length=1, max_length=MOST_SYMBOLS, description="what to trade", examples=[["AAPL", "TSLA"]])
    interval: Interval | None = Field(default=None, description="length of the bars; null for the strategy's own")
    start: Day | None = Field(default=None, description="first day; null for the first there is", examples=["2024-01-02"])
    end: Day | None = Field(default=None, description="last day, included; null for the last there is", examples=["2024-03-28"])
    capital: Amount | None = Field(default=None, description="capital at the start", examples=["25000"])
    slippage: CostModel | None = Field(
        default=None, description="model of slippage: none, 0.01 (a share), bps:5 …", examples=["bps:5"]
    )
    commission: CostModel | None = Field(default=None, description="model of commission", examples=["per-share:0.005:1"])
    volume_limit: Share | None = Field(default=None, description="share of a bar's volume we may take, or none", examples=["0.025"])
    ideal: bool = Field(default=False, description="no costs, no volume limit, no latency")
    latency_ms: float = Field(default=0, ge=0, le=60_000, description="milliseconds an order needs to the venue")
    fill: Literal["next_open", "close"] = Field(default="next_open", description="where market orders fill")
    entry_bar_stop: Literal["assume", "ignore"] = Field(default="assume", description="a stop on its entry's own bar")
    venue: Literal["generic", "alpaca-like"] = Field(default="generic", description="whose rules the venue has")
    extended_hours: bool = Field(default=False, description="trade before the open and after the close too")
    scanner: ScannerText | None = Field(default=None, description="which symbols may be traded each day", examples=["gap_up:2"])
    benchmark: Symbol | None = Field(default=None, description="compare with holding this symbol; null for the first traded")
    seed: int = Field(default=0, ge=0, lt=2**63, description="start of what is random")


class BacktestRequest(Assumptions):
    """One strategy over past bars."""

    parameters: dict[Name, Plain] = Field(
        default_factory=dict,
        max_length=50,
        description="the strategy's parameters, within its own bounds",
        examples=[{"fast": 10}],
    )


class WalkForwardRequest(BaseModel):
    """Choose on one stretch of time, try on the next."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["rolling", "anchored"] = Field(description="the training moves along, or it grows", examples=["rolling"])
    train: Text = Field(description="length of each training: days or sessions", examples=["60d"])
    test: Text = Field(description="length of each test, in the same unit", examples=["20d"])


class SweepRequest(Assumptions):
    """One strategy with many combinations of its parameters."""

    grid: dict[Name, Values] = Field(
        min_length=1,
        max_length=10,
        description="values of each parameter: 5:50:5 for a range, 10,20,50 for a list, or a list",
        examples=[{"fast": "5:20:5", "slow": [30, 50]}],
    )
    metric: Text = Field(default="sharpe", description="the figure that ranks the trials")
    search: Literal["grid", "random", "optuna"] = Field(default="grid", description="all combinations, or some of them")
    trials: int | None = Field(default=None, ge=1, le=2_000, description="trials of a random or Optuna search; null for 100")
    walk_forward: WalkForwardRequest | None = Field(default=None, description="null for one period")


class Asked(Said):
    """What was asked for, as it is remembered; null where nobody noted it."""

    strategy: str = Field(description="the strategy's name", examples=["sma_cross"])
    symbols: list[str] = Field(description="what was traded", examples=[["AAPL"]])
    interval: str | None = Field(default=None, description="length of the bars; null for the strategy's own", examples=["5m"])
    start: str | None = Field(default=None, description="first day; null for the first there is", examples=["2024-01-02"])
    end: str | None = Field(default=None, description="last day; null for the last there is", examples=["2024-03-28"])
    capital: str | None = Field(default=None, description="capital at the start", examples=["25000"])
    slippage: str | None = Field(default=None, description="model of slippage; null for the strategy's own", examples=["bps:5"])
    commission: str | None = Field(default=None, description="model of commission; null for the strategy's own", examples=["none"])
    volume_limit: str | None = Field(default=None, description="share of a bar's volume that could be taken", examples=["0.025"])
    ideal: bool | None = Field(default=None, description="no costs, no volume limit, no latency", examples=[False])
    latency_ms: float | None = Field(default=None, description="milliseconds an order needed to the venue", examples=[0])
    fill: str | None = Field(default=None, description="where market orders filled", examples=["next_open"])
    entry_bar_stop: str | None = Field(default=None, description="a stop on its entry's own bar", examples=["assume"])
    venue: str | None = Field(default=None, description="whose rules the venue had", examples=["generic"])
    extended_hours: bool | None = Field(
        default=None, description="whether it traded before the open and after the close", examples=[False]
    )
    scanner: str | None = Field(default=None, description="which symbols could be traded each day", examples=["gap_up:2"])
    benchmark: str | None = Field(default=None, description="what holding was compared with", examples=["AAPL"])
    seed: int | None = Field(default=None, description="start of what was random", examples=[0])
    parameters: dict[str, Plain] = Field(default_factory=dict, description="the strategy's parameters", examples=[{"fast": 10}])
    grid: dict[str, list[Plain]] = Field(
        default_factory=dict, description="of a sweep: the values of each parameter", examples=[{"fast": [5, 10]}]
    )
    metric: str | None = Field(default=None, description="of a sweep: the figure that ranks", examples=["sharpe"])
    search: str | None = Field(default=None, description="of a sweep: how trials were chosen", examples=["grid"])
    trials: int | None = Field(default=None, description="of a sweep: how many were wanted", examples=[100])
    walk_forward: WalkForwardRequest | None = Field(default=None, description="of a sweep: how it walked")


class Figure(Said):
    """One figure of a run."""

    name: str = Field(description="for programs", examples=["total_return"])
    label: str = Field(description="for people", examples=["Total return"])
    kind: Literal["percent", "money", "whole", "seconds", "number"] = Field(description="how it is written; percent are fractions")
    value: str | None = Field(description="exact decimal text; null where it is not defined", examples=["0.0213"])
    text: str = Field(description="as people read it", examples=["2.13 %"])


class Trip(Said):
    """One round trip."""

    symbol: str = Field(description="what was held", examples=["AAPL"])
    side: str = Field(description="long or short", examples=["long"])
    qty: str = Field(description="how much", examples=["10"])
    entry_price: str = Field(description="average price of the entry", examples=["185.02"])
    exit_price: str = Field(description="average price of the exit", examples=["186.10"])
    entry_at: str | None = Field(description="when it began", examples=["2024-01-02T14:35:00Z"])
    exit_at: str | None = Field(description="when it ended", examples=["2024-01-02T15:05:00Z"])
    pnl: str = Field(description="profit after commission", examples=["10.80"])
    duration_seconds: int = Field(description="how long it lasted", examples=[1800])
    exit_reason: str = Field(default="", description="why it ended; may be empty", examples=["stop"])


class Problem(Said):
    """Something to know about a run: a strategy error, a gap in the data, a denied order."""

    time: str | None = Field(description="when; null where it concerns the whole run", examples=["2024-01-02T14:35:00Z"])
    kind: str = Field(description="for programs", examples=["signal_denied"])
    symbol: str = Field(description="may be empty", examples=["AAPL"])
    message: str = Field(description="for people", examples=["max_open_positions: five are open"])


Point = tuple[str, str]
"""A time and an amount."""


class BacktestResultModel(Said):
    """What came of a backtest."""

    start: str | None = Field(description="the first moment of the run")
    end: str | None = Field(description="the moment after its last")
    interval: str = Field(description="of the strategy's bars", examples=["5m"])
    capital: str = Field(description="cash at the start", examples=["25000"])
    final_equity: str | None = Field(description="equity at the end; null where nobody noted it", examples=["25310.40"])
    figures: list[Figure] = Field(description="every figure")
    equity: list[Point] = Field(description="equity by time, thinned to what shows its shape")
    benchmark_symbol: str = Field(default="", description="what holding is compared with")
    benchmark: list[Point] = Field(default_factory=list, description="holding it with the same capital, at the same times")
    round_trips: list[Trip] = Field(description="the first of them, in order")
    more_round_trips: int = Field(default=0, description="how many more there were")
    problems: list[Problem] = Field(description="the first of them, in order")
    more_problems: int = Field(default=0, description="how many more there were", examples=[0])
    counts: dict[str, int] = Field(description="how often what happened", examples=[{"signal": 12}])
    assumptions: dict[str, str] = Field(description="what was assumed, in words", examples=[{"fill": "next open"}])
    strategy_errors: int = Field(default=0, description="how often the strategy raised or answered what cannot be used")
    fingerprint: str = Field(description="equal for runs with the same fills")


class BacktestJob(JobModel):
    """A backtest; the result is there only where one backtest is asked for."""

    request: Asked = Field(description="what was asked for")
    figures: list[Figure] = Field(description="the most wanted figures; empty before its end")
    result: BacktestResultModel | None = Field(default=None, description="what came of it; null in lists and before its end")


class BacktestPage(Said):
    """Backtests, newest first; those that the command line stored among them."""

    items: list[BacktestJob] = Field(description="the backtests")
    more: bool = Field(description="whether there is more after these")
    limit: int = Field(description="how many were asked for at most")
    offset: int = Field(description="how many of the newest were left out")


class ComparedFigure(Said):
    """One figure of several runs."""

    name: str = Field(description="for programs", examples=["sharpe"])
    label: str = Field(description="for people", examples=["Sharpe"])
    kind: str = Field(description="percent, money, whole, seconds or number", examples=["number"])
    lower_is_better: bool = Field(description="less of it is better")
    values: list[str | None] = Field(description="one for each run, as exact text")
    texts: list[str] = Field(description="one for each run, as people read it")
    best: int | None = Field(description="place of the best; null where they are equal or not defined")


class ComparedParameter(Said):
    """What was asked for, where it differs."""

    name: str = Field(description="parameters.fast, or a field of the request", examples=["parameters.fast"])
    values: list[str | None] = Field(description="one for each run; null where it is not known")


class ComparedCurve(Said):
    """Growth of 100 by time."""

    id: str = Field(description="of the run")
    points: list[Point] = Field(description="times and what 100 at the start had become")


class Comparison(Said):
    """Two or more runs beside each other, in the order in which they were asked for."""

    items: list[BacktestJob] = Field(description="the runs")
    figures: list[ComparedFigure] = Field(description="every figure that one of them has")
    differences: list[ComparedParameter] = Field(description="what was asked for differently")
    curves: list[ComparedCurve] = Field(description="their growth")


class SweepAxis(Said):
    """A parameter and the values that were tried."""

    name: str = Field(description="the parameter", examples=["fast"])
    values: list[str] = Field(description="in the order in which they were given", examples=[["5", "10"]])
    numeric: bool = Field(description="whether near values may be expected to do alike")


class SweepColumn(Said):
    """A figure of the table."""

    name: str = Field(description="for programs", examples=["sharpe"])
    label: str = Field(description="for people", examples=["Sharpe"])
    kind: str = Field(description="percent, money, whole, seconds or number", examples=["number"])
    lower_is_better: bool = Field(description="less of it is better")


class SweepRow(Said):
    """One run of a sweep."""

    window: int = Field(description="of a walk-forward; 0 without one", examples=[0])
    sample: Literal["all", "train", "test"] = Field(description="the whole period, a training or a test", examples=["all"])
    trial: int = Field(description="its number, from 1", examples=[1])
    parameters: dict[str, str] = Field(description="what was tried", examples=[{"fast": "5"}])
    status: Literal["ok", "failed"] = Field(description="whether it came to its end", examples=["ok"])
    error: str = Field(description="why it did not; may be empty", examples=[""])
    values: list[str | None] = Field(description="a value for each column")


class HeatLayer(Said):
    """The matrix of one window: lines of ``y``, in each a cell for every value of ``x``. Trials that share a cell: the best."""

    window: int = Field(description="of a walk-forward; 0 without one", examples=[0])
    cells: list[list[str | None]] = Field(description="values as exact text; null where there was no trial")
    trials: list[list[int | None]] = Field(description="the trial of each cell")


class HeatMap(Said):
    """The figure that a sweep is ranked by, over its first two parameters with several values."""

    x: SweepAxis = Field(description="across")
    y: SweepAxis | None = Field(description="down; null where only one parameter has several values")
    metric: str = Field(description="the figure", examples=["sharpe"])
    lower_is_better: bool = Field(description="less of it is better")
    layers: list[HeatLayer] = Field(description="one for each window")


class SweepStep(Said):
    """A window of a walk-forward: what was chosen, and what became of it."""

    window: int = Field(description="its number, from 1", examples=[1])
    train_start: str = Field(description="first day of the training", examples=["2024-01-02"])
    train_end: str = Field(description="last day of the training")
    test_start: str = Field(description="first day of the test")
    test_end: str = Field(description="last day of the test")
    trial: int | None = Field(description="what did best in training; null where nothing came to its end")
    parameters: dict[str, str] = Field(description="of this trial")
    trained: str | None = Field(description="the ranking figure in training")
    tested: str | None = Field(description="the ranking figure in the test")
    test_return: str | None = Field(description="what the test earned, as a fraction")


class SweepResultModel(Said):
    """What came of a sweep."""

    metric: str = Field(description="the figure that ranks", examples=["sharpe"])
    metric_label: str = Field(description="the same for people", examples=["Sharpe"])
    summary: str = Field(description="how many trials there were, in words", examples=["8 trials (grid)"])
    warning: list[str] = Field(description="what to think of the best trial")
    axes: list[SweepAxis] = Field(description="the parameters")
    columns: list[SweepColumn] = Field(description="the figures of the table")
    rows: list[SweepRow] = Field(description="runs from the best to the worst")
    best: int | None = Field(description="the best trial")
    heatmap: HeatMap | None = Field(description="null where every parameter has one value")
    steps: list[SweepStep] = Field(description="of a walk-forward")


class SweepJob(JobModel):
    """A sweep; the result is there only where one sweep is asked for."""

    request: Asked = Field(description="what was asked for")
    figures: list[Figure] = Field(description="figures of the best trial; empty before its end")
    result: SweepResultModel | None = Field(default=None, description="what came of it; null in lists and before its end")


class SweepPage(Said):
    """Sweeps, newest first."""

    items: list[SweepJob] = Field(description="the sweeps")
    more: bool = Field(description="whether there is more after these")
    limit: int = Field(description="how many were asked for at most")
    offset: int = Field(description="how many of the newest were left out")
