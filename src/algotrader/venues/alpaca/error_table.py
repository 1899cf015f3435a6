"""What Alpaca's errors mean, as one table: HTTP status, code and words on one side, our errors on the other.

The first row that fits counts. Codes are stable, messages are not, and one code covers many matters: so rows with words come before
the row of their code, and every status has a last row of its own. Only an explicit refusal is one; whatever leaves open whether the
request was carried out is ``Unanswered``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from algotrader.core.commands import (
    REFUSED_BUYING_POWER,
    REFUSED_CLOSED,
    REFUSED_DUPLICATE,
    REFUSED_HALTED,
    REFUSED_INSUFFICIENT_QUANTITY,
    REFUSED_NOT_FOUND,
    REFUSED_OPPOSING_ORDER,
    REFUSED_SHORT,
    REFUSED_THROUGH_MARKET,
    REFUSED_TOO_LATE,
    REFUSED_UNSUPPORTED,
)

REFUSED: Final = "refused"
ALREADY_THERE: Final = "already_there"
NOT_ALLOWED: Final = "not_allowed"
THROTTLED: Final = "throttled"
UNANSWERED: Final = "unanswered"
STREAM_CLOSED: Final = "stream_closed"
"""What an answer is to us."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: of which answers it speaks, what they are to us, and what that means in plain words.

    It speaks of HTTP statuses from ``lowest`` to ``highest``. With ``words``, one of them has to be in the message (written small)
    and ``code`` is the one that such a message usually comes with; without, the code has to be the same, or is None for every code.
    ``refusal`` is one of ``commands.REFUSALS``, or empty.
    """

    lowest: int
    highest: int
    code: int | None
    words: tuple[str, ...]
    answer: str
    refusal: str
    meaning: str

    def fits(self, status: int, code: int | None, message: str) -> bool:
        """Whether an error, its message written small, is of this kind."""
        if not self.lowest <= status <= self.highest:
            return False
        if self.words:
            return any(word in message for word in self.words)
        return self.code is None or self.code == code


def _refusal(code: int, words: tuple[str, ...], refusal: str, meaning: str, answer: str = REFUSED) -> Rule:
    return Rule(400, 499, code, words, answer, refusal, meaning)


TABLE: Final[tuple[Rule, ...]] = (
    Rule(408, 408, None, (), UNANSWERED, "", "the request took too long; whether it was carried out has to be asked"),
    Rule(429, 429, None, (), THROTTLED, "", "too many requests (42910000): the same may be sent after Retry-After"),
    Rule(401, 401, None, (), NOT_ALLOWED, "", "the keys are wrong, or are not those of this address (40110000)"),
    _refusal(
        40010001,
        ("client_order_id must be unique", "client order id must be unique", "client_order_id already exists"),
        REFUSED_DUPLICATE,
        "an order with this id is there already: the first sending arrived",
        ALREADY_THERE,
    ),
    _refusal(
        40310000,
        ("buying power", "insufficient cash", "insufficient balance for usd", "insufficient funds"),
        REFUSED_BUYING_POWER,
        "the account cannot pay for it; working orders count as spent",
    ),
    _refusal(
        40310000,
        ("insufficient qty", "insufficient quantity", "insufficient balance", "insufficient underlying"),
        REFUSED_INSUFFICIENT_QUANTITY,
        "the holding is too small, or reserved by an order that rests",
    ),
    _refusal(
        40310000,
        ("wash trade", "opposite side", "opposing order"),
        REFUSED_OPPOSING_ORDER,
        "an order of ours works on the other side in the same symbol",
    ),
    _refusal(
        40310100,
        ("pattern day trad", "day trade", "day-trade"),
        "",
        "the rules for pattern day traders forbid it",
    ),
    _refusal(
        40310000,
        ("liquidation only", "liquidate only", "close only", "closing transactions"),
        "",
        "the account may only close positions",
    ),
    _refusal(
        40310000,
        (
            "trading is blocked",
            "trading blocked",
            "account is blocked",
            "account blocked",
            "account is not active",
            "account is not allowed to trade",
            "restricted from trading",
            "account not authorized",
            "not allowed for account",
            "rejected by user request",
            "trade suspended",
            "trading suspended",
        ),
        "",
        "the account takes no orders, or none of this kind, until a person changes that",
        NOT_ALLOWED,
    ),
    _refusal(
        40310000,
        ("shortable", "sold short", "sell short", "shorting", "short selling", "to short", "to borrow"),
        REFUSED_SHORT,
        "it cannot be sold short, by this account or at all",
    ),
    _refusal(42210000, ("halt",), REFUSED_HALTED, "trading in it is halted"),
    _refusal(
        42210000,
        ("market is closed", "market hours", "market is not open", "trading hours", "after market close", "before market open"),
        REFUSED_CLOSED,
        "the market is closed for such an order",
    ),
    _refusal(
        42210000,
        (
            "stop_loss.stop_price must be",
            "through the market",
            "stop price must be less",
            "stop price must be greater",
            "stop price must be <",
            "stop price must be >",
            "stop price must not be",
            "stop_price must be less",
            "stop_price must be greater",
            "trigger immediately",
        ),
        REFUSED_THROUGH_MARKET,
        "the stop lies at the market or beyond it",
    ),
    _refusal(
        42210000,
        ("sent to exchange yet", "chain not fully replaced", "replace order in pending", "replace order in accepted"),
        "",
        "the order is still on its way to the exchange; it can be changed once it is there",
    ),
    _refusal(
        42210000,
        (
            "order is already in",
            "order is not open",
            "already filled",
            "already canceled",
            "already replaced",
            "not cancelable",
            "cannot replace order in",
            "cannot be canceled",
            "filled_qty",
        ),
        REFUSED_TOO_LATE,
        "the order is filled that far already, or has ended",
    ),
    _refusal(
        42210000,
        ("parameters are not changed", "parameters not changed"),
        "",
        "the order is as asked for already",
    ),
    _refusal(
        40310000,
        ("cost basis must be", "minimal amount", "notional must be"),
        REFUSED_UNSUPPORTED,
        "its value is below the smallest that the venue takes",
    ),
    _refusal(
        42210000,
        ("subscription does not permit", "recent sip data"),
        REFUSED_UNSUPPORTED,
        "the data plan does not hold these prices, or not of the last 15 minutes",
    ),
    Rule(
        422,
        422,
        42210000,
        ("not tradable", "is not active", "could not find asset", "not found", "invalid symbol"),
        REFUSED,
        REFUSED_UNSUPPORTED,
        "the symbol is not known, or not traded there",
    ),
    _refusal(
        42210000,
        ("fractional", "not fractionable"),
        REFUSED_UNSUPPORTED,
        "fractions are taken only as simple orders for the day, and not in every asset",
    ),
    _refusal(
        42210000,
        ("sub-penny", "minimum pricing criteria"),
        REFUSED_UNSUPPORTED,
        "prices have two decimals from one dollar on, and four below",
    ),
    _refusal(40410000, (), REFUSED_NOT_FOUND, "there is no such order, position or asset"),
    Rule(404, 404, None, (), REFUSED, REFUSED_NOT_FOUND, "there is no such thing, or no such address"),
    _refusal(40010000, (), REFUSED_UNSUPPORTED, "the request is not written as the venue wants it"),
    _refusal(40010001, (), REFUSED_UNSUPPORTED, "a field of the request is missing or has a value that the venue does not take"),
    _refusal(42210000, (), REFUSED_UNSUPPORTED, "the venue does not take such an order, or not now"),
    _refusal(40310000, (), "", "the venue forbids it for this account; its message says why"),
    _refusal(40310100, (), "", "the rules for pattern day traders forbid it"),
    _refusal(40010002, (), REFUSED_UNSUPPORTED, "a parameter of the question is out of bounds"),
    Rule(403, 403, None, (), NOT_ALLOWED, "", "the keys lack the right (40300000)"),
    Rule(400, 400, None, (), REFUSED, REFUSED_UNSUPPORTED, "the request is not written as the venue wants it"),
    Rule(422, 422, None, (), REFUSED, REFUSED_UNSUPPORTED, "the venue does not take such a request"),
    Rule(400, 499, None, (), REFUSED, "", "the venue refuses the request"),
    Rule(504, 504, None, (), UNANSWERED, "", "the gateway gave up waiting; the order may have been taken"),
    Rule(500, 599, None, (), UNANSWERED, "", "the venue failed (50010000); whether the request was carried out has to be asked"),
    Rule(0, 999, None, (), UNANSWERED, "", "no answer that could be understood"),
)
"""Every error of the REST interfaces, the first row that fits counts."""

_NAMED: Final = [int(code) for rule in TABLE for code in re.findall("[0-9]{8}", rule.meaning)]
CODES: Final[tuple[int, ...]] = tuple(sorted({rule.code for rule in TABLE if rule.code is not None} | set(_NAMED)))
"""Alpaca's codes that the table speaks of."""


@dataclass(frozen=True, slots=True)
class StreamRule:
    """One error of the market-data streams."""

    code: int
    answer: str
    meaning: str


STREAM_TABLE: Final[tuple[StreamRule, ...]] = (
    StreamRule(400, REFUSED, "the message was not understood"),
    StreamRule(401, STREAM_CLOSED, "the connection has not shown its keys yet"),
    StreamRule(402, NOT_ALLOWED, "the keys are wrong"),
    StreamRule(403, REFUSED, "the keys were shown before"),
    StreamRule(404, STREAM_CLOSED, "the keys were not shown in time"),
    StreamRule(405, REFUSED, "more symbols than the data plan allows"),
    StreamRule(406, STREAM_CLOSED, "another connection of the account is open; it takes a while until a lost one is forgotten"),
    StreamRule(407, STREAM_CLOSED, "we read too slowly"),
    StreamRule(408, NOT_ALLOWED, "the account may not use this version of the stream"),
    StreamRule(409, NOT_ALLOWED, "the data plan does not hold this feed"),
    StreamRule(410, REFUSED, "such data cannot be subscribed on this feed"),
    StreamRule(412, REFUSED, "the data plan or the feed does not take this subscription"),
    StreamRule(413, REFUSED, "too many subscriptions"),
    StreamRule(500, STREAM_CLOSED, "the venue failed"),
)
"""Every error of the market-data streams; one that is not here closes the stream."""
