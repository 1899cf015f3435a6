"""Columns of numbers as scaled integers: text exactly, floats rounded half-even to the scale."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

import numpy as np
import polars as pl

from algotrader.core.scaled import MAX_SCALED, NotExact, nearest_scaled, to_scaled
from algotrader.errors import UserError

MISSING: Final = "a value is missing"
NOT_A_NUMBER: Final = "is not a number"
TOO_LARGE: Final = "a number is too large for the instrument's scale"

_PLAIN: Final = r"^([+-]?)(\d*)\.?(\d*)$"
_NOTHING: Final = ("", "null", "none", "n/a", "na", "-")
_LIMIT: Final = 2.0**62


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of scaled integers (null where a value cannot be used), the reason of each null, and how many were rounded."""

    values: pl.Series
    faults: pl.Series
    rounded: int


def too_many_decimals(scale: int) -> str:
    """The reason for a number that its scale cannot hold."""
    return f"has more than {scale} decimal places"


def parse_numbers(raw: pl.Series, scale: int, *, rounding: bool) -> Numbers:
    """Turn a column into integers at ``scale`` decimal places.

    Args:
        raw: text, integers, floats or decimals.
        scale: decimal places kept.
        rounding: round half-even what has more decimals, instead of calling it a fault.

    Raises:
        UserError: the column is of another kind.
    """
    kind = raw.dtype
    if kind.is_float():
        return _parse_floats(raw.cast(pl.Float64), scale, rounding)
    if kind.is_integer() or kind.is_decimal() or kind == pl.String or kind == pl.Null:
        return _parse_text(raw.cast(pl.String), scale, rounding)
    raise UserError(f"the column {raw.name!r} holds {kind}, not numbers", "choose another with --column")


def _parse_floats(raw: pl.Series, scale: int, rounding: bool) -> Numbers:
    values = raw.fill_null(np.nan).to_numpy()
    finite = np.isfinite(values)
    shifted = np.where(finite, values, 0.0) * 10.0**scale
    nearest = np.rint(shifted)
    # A float holds 165.37 only nearly: what multiplication leaves over within a few units in the last place is no decimal.
    uneven = np.abs(shifted - nearest) > np.maximum(1e-3, 4 * np.spacing(np.abs(shifted)))
    large = np.abs(nearest) >= _LIMIT
    table = pl.DataFrame(
        {"value": np.where(large, 0.0, nearest).astype(np.int64), "finite": finite, "large": large, "uneven": uneven}
    ).with_columns(pl.Series("null", raw.is_null()))
    fault = (
        pl.when("null")
        .then(pl.lit(MISSING))
        .when(~pl.col("finite"))
        .then(pl.lit(NOT_A_NUMBER))
        .when("large")
        .then(pl.lit(TOO_LARGE))
    )
    if not rounding:
        fault = fault.when("uneven").then(pl.lit(too_many_decimals(scale)))
    return _numbers(table.select("value", fault.otherwise(None).alias("fault")), int(uneven.sum()) if rounding else 0)


def _parse_text(raw: pl.Series, scale: int, rounding: bool) -> Numbers:
    text = raw.str.strip_chars().alias("text")
    parts = pl.DataFrame(text).with_columns(
        pl.col("text").str.extract(_PLAIN, 1).alias("sign"),
        pl.col("text").str.extract(_PLAIN, 2).str.strip_chars_start("0").alias("whole"),
        pl.col("text").str.extract(_PLAIN, 3).str.strip_chars_end("0").alias("part"),
    )
    missing = pl.col("text").is_null() | pl.col("text").str.to_lowercase().is_in(_NOTHING)
    plain = pl.col("text").str.contains(r"^[+-]?(\d+\.?\d*|\.\d+)$")
    fits = plain & (pl.col("part").str.len_bytes() <= scale) & (pl.col("whole").str.len_bytes() + scale <= 18)
    digits = pl.concat_str("whole", pl.col("part").str.pad_end(scale, "0")).str.replace(r"^$", "0")
    value = pl.concat_str(pl.col("sign").str.replace_all("+", "", literal=True), digits).cast(pl.Int64, strict=False)
    known = parts.with_columns(missing.alias("missing"), fits.fill_null(False).alias("fits"), value.alias("value"))
    odd = known.filter(~pl.col("fits") & ~pl.col("missing"))["text"].unique()
    if not odd.len():
        return _numbers(known.select("value", pl.when("missing").then(pl.lit(MISSING)).alias("fault")), 0)
    rest = _parse_odd(odd.to_list(), scale, rounding)
    joined = known.join(rest, on="text", how="left", maintain_order="left")
    fault = pl.when("missing").then(pl.lit(MISSING)).when("fits").then(None).otherwise("odd_fault").alias("fault")
    result = joined.select(pl.when("fits").then("value").otherwise("odd_value").alias("value"), fault)
    return _numbers(result, int(joined["rounded"].fill_null(False).sum()))


def _parse_odd(texts: list[str], scale: int, rounding: bool) -> pl.DataFrame:
    """What is no plain number that fits: exponents, too many decimals, too large, nonsense; each different text once."""
    rows = [(text, *_parse_one(text, scale, rounding)) for text in texts]
    schema = {"text": pl.String, "odd_value": pl.Int64, "odd_fault": pl.String, "rounded": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _parse_one(text: str, scale: int, rounding: bool) -> tuple[int | None, str | None, bool]:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None, NOT_A_NUMBER, False
    if not number.is_finite() or "_" in text:
        return None, NOT_A_NUMBER, False
    if number and number.adjusted() + scale >= 18:
        return None, TOO_LARGE, False
    try:
        return to_scaled(number, scale), None, False
    except NotExact:
        return (nearest_scaled(number, scale), None, True) if rounding else (None, too_many_decimals(scale), False)


def _numbers(table: pl.DataFrame, rounded: int) -> Numbers:
    usable = pl.when(pl.col("fault").is_null()).then("value").otherwise(None).alias("value")
    clean = table.select(usable, "fault")
    return Numbers(clean["value"], clean["fault"].cast(pl.String), rounded)


def fitting_scale(columns: list[pl.Series], wanted: int) -> int:
    """The scale nearest below ``wanted`` at which the numbers stay exact in a float (below 2^53).

    A few wild values do not decide: what is a thousand times above the 99th percentile will be a bad row.
    """
    largest = 0.0
    for column in columns:
        values = column.cast(pl.Float64, strict=False).abs()
        usable = values.filter(values.is_finite())
        if usable.len():
            largest = max(largest, min(float(usable.max()), 1000 * float(usable.quantile(0.99) or 0.0)))  # type: ignore[arg-type]
    scale = wanted
    while scale > 0 and largest * 10.0**scale >= MAX_SCALED / 2:
        scale -= 1
    return scale


def decimals_used(columns: list[pl.Series], least: int, most: int) -> int:
    """How many decimals the numbers of these columns have, at least ``least`` and at most ``most``."""
    long = rf"\.\d{{{least + 1},}}|[eE]"
    suspects = [c.filter(c.str.contains(long).fill_null(False)) if c.dtype == pl.String else c for c in columns]
    for scale in range(least, most):
        if all(not (parse_numbers(c, scale, rounding=False).faults == too_many_decimals(scale)).any() for c in suspects if c.len()):
            return scale
    return most
