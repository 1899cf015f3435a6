"""Slippage and commission models: formulas, texts, and the boundary for models of a user."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from unit.simulation.support import AAPL, Desk

from algotrader.core.instruments import crypto, equity
from algotrader.core.scaled import from_money, money
from algotrader.simulation.costs import (
    BasisPointsSlippage,
    CommissionModel,
    CostFault,
    FixedSlippage,
    MakerTakerCommission,
    NoCommission,
    NoSlippage,
    PerDollarCommission,
    PerShareCommission,
    PerTradeCommission,
    SlippageModel,
    VolumeShareSlippage,
    charged,
    commission_from_text,
    slippage_from_text,
    slipped_price,
    volume_limit_of,
)
from algotrader.simulation.settings import SimulationSettings

PENNY_STOCK_PRICE = 5_001  # 0.5001


@pytest.mark.parametrize(
    ("model", "sign", "price", "quantity", "volume", "slipped"),
    [
        (NoSlippage(), 1, 1_000_000, 10, 1000, 1_000_000),
        pytest.param(FixedSlippage(Decimal("0.01")), 1, 1_000_000, 10, 1000, 1_000_100, marks=pytest.mark.covers("B186")),
        (FixedSlippage(Decimal("0.01")), -1, 1_000_000, 10, 1000, 999_900),
        (FixedSlippage(Decimal("0.00001")), 1, 1_000_000, 10, 1000, 1_000_001),  # rounded on the worse side
        (FixedSlippage(Decimal("0.00001")), -1, 1_000_000, 10, 1000, 999_999),
        pytest.param(BasisPointsSlippage(Decimal(5)), 1, 1_000_000, 10, 1000, 1_000_500, marks=pytest.mark.covers("B187")),
        (BasisPointsSlippage(Decimal(5)), -1, 1_000_000, 10, 1000, 999_500),
        (BasisPointsSlippage(Decimal(5)), 1, PENNY_STOCK_PRICE, 10, 1000, 5_004),  # 2.5005 above, rounded up
        (BasisPointsSlippage(Decimal(5)), -1, PENNY_STOCK_PRICE, 10, 1000, 4_998),
        # 0.025 of the volume: 100 × (1 + 0.1 × 0.000625) = 100.00625
        pytest.param(VolumeShareSlippage(), 1, 1_000_000, 25, 1000, 1_000_063, marks=pytest.mark.covers("B188")),
        (VolumeShareSlippage(), -1, 1_000_000, 25, 1000, 999_937),
        (VolumeShareSlippage(), 1, 1_000_000, 25, 0, 1_000_000),
    ],
)
def test_slippage_formulas(model: SlippageModel, sign: int, price: int, quantity: int, volume: int, slipped: int) -> None:
    assert slipped_price(model, sign, price, quantity, volume, AAPL) == slipped


def test_volume_share_refuses_more_than_its_limit() -> None:
    with pytest.raises(ValueError, match=r"a fill of 26 is more than 0\.025 of a volume of 1000"):
        VolumeShareSlippage().adjust(1, 1_000_000, 26, 1000, AAPL)


def run(model: CommissionModel, fills: list[int], price: int = 1_000_000, maker: bool = False) -> list[Decimal]:
    """The commissions of the fills of one order."""
    filled, total, charges = 0, 0, []
    for quantity in fills:
        cost = charged(model, AAPL, price, quantity, filled, total, maker)
        filled += quantity
        total += cost
        charges.append(from_money(cost))
    return charges


@pytest.mark.parametrize(
    ("model", "fills", "charges"),
    [
        (NoCommission(), [100], ["0"]),
        pytest.param(PerShareCommission(Decimal("0.005")), [100, 300], ["0.5", "1.5"], marks=pytest.mark.covers("B182")),
        # The minimum covers 200 shares; what is beyond pays by the share.
        (PerShareCommission(Decimal("0.005"), Decimal(1)), [100, 50, 100, 100], ["1", "0", "0.25", "0.5"]),
        (PerShareCommission(Decimal("0.005"), Decimal(1)), [400, 100], ["2", "0.5"]),
        pytest.param(PerTradeCommission(Decimal("4.95")), [10, 10], ["4.95", "0"], marks=pytest.mark.covers("B183")),
        pytest.param(PerDollarCommission(Decimal("0.0015")), [10, 20], ["1.5", "3"], marks=pytest.mark.covers("B184")),
    ],
)
def test_commission_formulas(model: CommissionModel, fills: list[int], charges: list[str]) -> None:
    assert run(model, fills) == [Decimal(charge) for charge in charges]


@pytest.mark.covers("B185")
def test_maker_and_taker_pay_their_own_rates() -> None:
    model = MakerTakerCommission(Decimal("0.001"), Decimal("0.002"))
    assert run(model, [10], maker=True) == [Decimal(1)]
    assert run(model, [10], maker=False) == [Decimal(2)]


def test_commission_is_exact_at_any_scale() -> None:
    coin = crypto("BTC/USDT")
    cost = charged(PerDollarCommission(Decimal("0.00075")), coin, coin.price_raw(Decimal("43210.12345678")), 1, 0, 0, False)
    # 43210.12345678 × 1e-8 × 0.00075 has 21 decimals; money keeps 18.
    assert from_money(cost) == Decimal("0.000000324075925926")
    fractional = equity("AAPL", fractional=True)
    assert charged(PerShareCommission(Decimal("0.005")), fractional, 1, 500_000, 0, 0, False) == money(Decimal("0.0025"))


NEGATIVE = Decimal("-0.01")


@pytest.mark.parametrize(
    "make",
    [
        lambda: FixedSlippage(NEGATIVE),
        lambda: BasisPointsSlippage(NEGATIVE),
        lambda: VolumeShareSlippage(NEGATIVE),
        lambda: VolumeShareSlippage(Decimal(0)),
        lambda: VolumeShareSlippage(Decimal("1.1")),
        lambda: VolumeShareSlippage(Decimal("0.1"), NEGATIVE),
        lambda: PerShareCommission(NEGATIVE),
        lambda: PerShareCommission(Decimal(1), NEGATIVE),
        lambda: PerTradeCommission(NEGATIVE),
        lambda: PerDollarCommission(NEGATIVE),
        lambda: MakerTakerCommission(NEGATIVE, Decimal(0)),
        lambda: MakerTakerCommission(Decimal(0), NEGATIVE),
        lambda: FixedSlippage(Decimal("NaN")),
        lambda: PerTradeCommission(Decimal("Infinity")),
        lambda: SimulationSettings(volume_limit_ppm=-1),
        lambda: SimulationSettings(volume_limit_ppm=1_000_001),
        lambda: SimulationSettings(latency_ns=-1),
        lambda: SimulationSettings(latency_jitter_ppm=-1),
        lambda: SimulationSettings(fill="open"),
        lambda: SimulationSettings(entry_bar_stop="maybe"),
    ],
)
def test_impossible_parameters_are_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(ValueError):
        make()


# Texts


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("none", "none"),
        ("0.01", "0.01 a share"),
        ("per-share:0.02", "0.02 a share"),
        ("bps:5", "5 basis points"),
        ("volume-share:0.025", "volume share: limit 0.025, impact 0.1"),
        (" Volume-Share:0.05:0.2 ", "volume share: limit 0.05, impact 0.2"),
    ],
)
def test_slippage_from_text(text: str, described: str) -> None:
    assert slippage_from_text(text).describe() == described


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("none", "none"),
        ("0.005", "0.005 a share, at least 0 an order"),
        ("per-share:0.005:1.0", "0.005 a share, at least 1.0 an order"),
        ("per-trade:1", "1 an order"),
        ("per-dollar:0.0015", "0.0015 of the value"),
        ("maker-taker:0.001:0.002", "maker 0.001, taker 0.002 of the value"),
    ],
)
def test_commission_from_text(text: str, described: str) -> None:
    assert commission_from_text(text).describe() == described


@pytest.mark.parametrize(
    "text", ["", "much", "bps", "bps:1:2", "none:1", "-0.01", "0.01:0.02", "bps:five", "nan", "bps:1e999999", "bps:1e-999999"]
)
def test_unreadable_slippage(text: str) -> None:
    with pytest.raises(ValueError):
        slippage_from_text(text)


@pytest.mark.parametrize("text", ["", "free", "per-trade", "maker-taker:0.001", "per-dollar:-1", "per-trade:1:2"])
def test_unreadable_commission(text: str) -> None:
    with pytest.raises(ValueError):
        commission_from_text(text)


def test_refusal_shows_how_to_write_it() -> None:
    with pytest.raises(ValueError, match=r"'much' is not a slippage model; write none, 0\.01, per-share:0\.01, bps:5"):
        slippage_from_text("much")


# Models of a user


class Slips(SlippageModel):
    """Answers whatever it was made with."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def adjust(self, *_: object) -> int:
        return self.answer  # type: ignore[return-value]


class Charges(CommissionModel):
    """Answers whatever it was made with."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def charge(self, *_: object) -> int:
        return self.answer  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("answer", "price"),
    [
        (1_000_200, 1_000_200),
        (np.int64(1_000_200), 1_000_200),
        (Decimal("100.02"), 1_000_200),
        (100.02, 1_000_200),
        (np.float64(100.02), 1_000_200),
        (100.02001, 1_000_201),  # rounded on the worse side
    ],
)
def test_users_price_is_converted(answer: object, price: int) -> None:
    assert slipped_price(Slips(answer), 1, 1_000_000, 10, 0, AAPL) == price


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (float("nan"), "Slips.adjust is NaN"),
        (float("inf"), "Slips.adjust is Infinity"),
        ("100", "must be a number"),
        (None, "must be a number"),
        (True, "must give a number"),
        (999_999, "better than 100.00"),
        (99.99, "better than 100.00"),
        (1_000_200.0, "a whole number is scaled, a float or Decimal is a plain price"),
        (2**60, "a whole number is scaled"),
    ],
)
def test_users_price_is_refused(answer: object, message: str) -> None:
    with pytest.raises(CostFault, match=message):
        slipped_price(Slips(answer), 1, 1_000_000, 10, 0, AAPL)


@pytest.mark.parametrize(
    ("answer", "amount"),
    [
        (money(Decimal("1.5")), "1.5"),
        (1.5, "1.5"),
        (np.float64(1.5), "1.5"),
        (Decimal("1.5"), "1.5"),
        (Decimal("-0.2"), "-0.2"),
        (0, "0"),
    ],
)
def test_users_commission_is_converted(answer: object, amount: str) -> None:
    assert charged(Charges(answer), AAPL, 1, 1, 0, 0, False) == money(Decimal(amount))


@pytest.mark.parametrize("answer", [float("nan"), "1", None, False, Decimal("-Infinity")])
def test_users_commission_is_refused(answer: object) -> None:
    with pytest.raises(CostFault, match=r"Charges\.charge"):
        charged(Charges(answer), AAPL, 1, 1, 0, 0, False)


@pytest.mark.parametrize("answer", [0.5, True, -1, 1_000_001, None])
def test_users_volume_limit_is_checked(answer: object) -> None:
    class Limited(SlippageModel):
        def volume_limit_ppm(self) -> int:
            return answer  # type: ignore[return-value]

    with pytest.raises(CostFault, match="volume_limit_ppm"):
        volume_limit_of(Limited())


def test_users_models_work_in_the_venue() -> None:
    class HalfPercent(SlippageModel):
        def adjust(self, side_sign: int, price_raw: int, quantity_raw: int, volume_raw: int, instrument: object) -> int:
            return price_raw + side_sign * price_raw // 200

    settings = SimulationSettings(HalfPercent(), Charges(Decimal("1.25")), 0)
    desk = Desk(settings)
    desk.send(1, "a buy 10 market")
    assert desk.bar(1, "100", "101", "99", "100") == ["1 a buy 10 @ 100.50 costs 1.25"]
    assert desk.cash == Decimal("-1006.25")
    assert settings.assumptions()["slippage"] == "HalfPercent"


# Settings


def test_settings_say_what_they_assume() -> None:
    assert SimulationSettings.default().assumptions() == {
        "slippage": "0.01 a share",
        "commission": "none",
        "volume limit": "2.5 % of a bar",
        "latency": "0 ms",
        "market orders": "next open",
        "stop on the entry's bar": "assumed live",
    }
    optimistic = SimulationSettings(NoSlippage(), NoCommission(), 0, 100_000_000, fill="close", entry_bar_stop="ignore")
    words = optimistic.assumptions()
    assert words["latency"] == "100 ms ±20 %"
    assert words["volume limit"] == "none"
    assert optimistic.is_optimistic
    assert [key for key, value in words.items() if "optimistic" in value] == ["market orders", "stop on the entry's bar"]
    assert not SimulationSettings.ideal().is_optimistic
