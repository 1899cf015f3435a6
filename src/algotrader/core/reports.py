"""What is worth telling: the engine's reports. Observers outside log, show and count them; nothing inside reads them."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from algotrader.core.market import utc

SIGNAL: Final = "signal_detected"
SIGNAL_DENIED: Final = "signal_denied"
ORDER_DENIED: Final = "order_denied"
ORDER_SUBMITTED: Final = "order_submitted"
ORDER_ACCEPTED: Final = "order_accepted"
ORDER_FILLED: Final = "order_filled"
ORDER_CANCELED: Final = "order_canceled"
ORDER_REJECTED: Final = "order_rejected"
ORDER_EXPIRED: Final = "order_expired"
ORDER_UNKNOWN: Final = "order_unknown"
ORDER_REPLACED: Final = "order_replaced"
UNEXPECTED: Final = "unexpected_order_event"
UNKNOWN_ORDER: Final = "unknown_order_update"
LATE_FILL: Final = "late_fill"
FILL_BUSTED: Final = "fill_busted"
STOP_PLACED: Final = "stop_placed"
STOP_MOVED: Final = "stop_moved"
STOP_GONE: Final = "stop_gone"
STOP_BREACH: Final = "stop_guarantee_breach"
EXIT_REQUESTED: Final = "exit_requested"
STOP_FALLBACK: Final = "stop_fallback_market_sell"
TRADE_CLOSED: Final = "trade_closed"
TRADE_REVISED: Final = "trade_revised"
BREAKER_TRIPPED: Final = "circuit_breaker_tripped"
BREAKER_RESET: Final = "circuit_breaker_reset"
TRADING_STATE: Final = "trading_state"
STRATEGY_ERROR: Final = "strategy_error"
STRATEGY_VALUE: Final = "strategy_value_refused"
DATA_DROPPED: Final = "bar_dropped"
DATA_INCOMPLETE: Final = "bar_incomplete"
CASH_MOVED: Final = "cash_movement"
CORPORATE_ACTION: Final = "corporate_action"
SESSION: Final = "session"
NOT_FLAT: Final = "not_flat_after_close"
SYSTEM: Final = "system_error"
RECORD: Final = "record"
STRATEGY_NOTE: Final = "strategy_note"
STRATEGY_SWITCHED: Final = "strategy_switched"
ACCOUNT_STALE: Final = "account_stale"
RISK_CHANGED: Final = "risk_changed"
EXTERNAL_POSITION: Final = "external_position"
POSITION_GONE: Final = "position_gone"
FOREIGN_ORDER: Final = "foreign_order"
ADOPTED: Final = "adopted"
RELEASED: Final = "released"
REDUCTION_ASKED: Final = "reduction_asked"
POSITION_REFUSED: Final = "position_command_refused"
STOP_ASKED: Final = "stop_move_asked"
BREAKER_RESTORED: Final = "circuit_breaker_restored"
WARMUP: Final = "warm_up"

INFO: Final = "info"
WARNING: Final = "warning"
ERROR: Final = "error"
CRITICAL: Final = "critical"


@mypyc_attr(acyclic=True)
class Words:
    """What a report of an everyday event says: put into words when somebody reads it, which in a backtest is mostly nobody."""

    def text(self) -> str:
        """The sentence."""
        return ""


@mypyc_attr(acyclic=True)
class Report:
    """One thing the engine tells. ``correlation_id`` ties signal, orders and round trip."""

    def __init__(
        self,
        kind: str,
        time: int,
        level: str,
        owner: str,
        symbol: str,
        message: str,
        order_id: str = "",
        correlation_id: str = "",
        number: int = 0,
        words: Words | None = None,
    ) -> None:
        self.kind: Final = kind
        self.time: Final = time
        self.level: Final = level
        self.owner: Final = owner
        self.symbol: Final = symbol
        self._text: Final = message
        self.order_id: Final = order_id
        self.correlation_id: Final = correlation_id
        self.number: Final = number
        self._words: Final = words

    @property
    def message(self) -> str:
        """What happened, for people."""
        return self._text if self._words is None else self._words.text()

    @property
    def words(self) -> Words | None:
        """What the message is made of, with the numbers in it; None for a message that was text from the start."""
        return self._words

    def __repr__(self) -> str:
        who = f" {self.owner}" if self.owner else ""
        return f"{utc(self.time).isoformat()} {self.level} {self.kind}{who} {self.symbol} {self.message}".rstrip()

    @property
    def error(self) -> BaseException | None:
        """What a strategy raised, if that is what this is about."""
        return None


@final
class FaultReport(Report):
    """A strategy raised. The error's trace leads back to everything, so that only this kind of report keeps one."""

    def __init__(self, time: int, owner: str, symbol: str, message: str, raised: BaseException) -> None:
        super().__init__(STRATEGY_ERROR, time, ERROR, owner, symbol, message)
        self.raised: Final = raised

    @property
    def error(self) -> BaseException | None:
        """What was raised."""
        return self.raised
