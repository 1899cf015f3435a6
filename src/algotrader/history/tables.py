"""Reading a CSV or Parquet file as a table, with the line each row stands on."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import IO, Final, cast

import polars as pl

from algotrader.errors import UserError

LINE: Final = "__line"
"""Column with the line of a CSV file (the header is line 1) or the row of a Parquet file (the first is 1)."""

SURPLUS: Final = "__surplus"
"""Column that is true for a CSV line with more values than the header has names."""

_PARQUET_MAGIC: Final = b"PAR1"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_SEPARATORS: Final = ",;\t|"
_NO_TABLE: Final = "give a CSV file with a header line, or a Parquet file"


def read_table(path: Path) -> pl.DataFrame:
    """Read a file whole: all columns of a CSV as text, those of Parquet as they are, plus ``LINE`` and ``SURPLUS``.

    Raises:
        UserError: the file is empty or not a table.
        OSError: it does not exist or may not be read.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder", _NO_TABLE)
    try:
        with _open(path) as handle:
            head = handle.read(65_536)
    except (EOFError, gzip.BadGzipFile):
        raise UserError(f"{path} is a damaged archive", _NO_TABLE) from None
    if not head.strip():
        raise UserError(f"{path} is empty", _NO_TABLE)
    try:
        table = _read_parquet(path) if head[:4] == _PARQUET_MAGIC else _read_csv(path, head)
    except pl.exceptions.PolarsError as error:
        raise UserError(f"{path} is not a table: {str(error).splitlines()[0]}", _NO_TABLE) from None
    if not table.height:
        raise UserError(f"{path} has a header but no rows", _NO_TABLE)
    return table


def _open(path: Path) -> IO[bytes]:
    """Open a file for reading bytes, unpacked where it is gzipped."""
    with path.open("rb") as handle:
        packed = handle.read(2) == _GZIP_MAGIC
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


def _read_parquet(path: Path) -> pl.DataFrame:
    table = pl.read_parquet(path, glob=False)
    return table.with_row_index(LINE, offset=1).with_columns(pl.lit(False).alias(SURPLUS))


def _read_csv(path: Path, head: bytes) -> pl.DataFrame:
    if b"\0" in head:
        raise UserError(f"{path} is not a table: it holds binary data", _NO_TABLE)
    first = head.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8", errors="replace")
    separator = max(_SEPARATORS, key=first.count)
    if first.count(separator) == 0:
        raise UserError(f"{path} is not a table: its first line names fewer than two columns", _NO_TABLE)
    if not any(letter.isalpha() for letter in first):
        raise UserError(f"{path} has no header line", "put a first line like timestamp,open,high,low,close,volume")
    surplus: list[int] = []
    try:
        table = pl.read_csv(path, separator=separator, infer_schema=False, glob=False)
    except pl.exceptions.ComputeError:
        table = pl.read_csv(path, separator=separator, infer_schema=False, truncate_ragged_lines=True, glob=False)
        surplus = _surplus_lines(path, separator, len(table.columns))
    blank = pl.all_horizontal(pl.all().exclude(LINE).is_null())
    numbered = table.with_row_index(LINE, offset=2).filter(~blank)
    return numbered.with_columns(pl.col(LINE).is_in(surplus).alias(SURPLUS))


def _surplus_lines(path: Path, separator: str, width: int) -> list[int]:
    with _open(path) as raw, io.TextIOWrapper(raw, encoding="utf-8", errors="replace", newline="") as handle:
        return [number for number, row in enumerate(csv.reader(handle, delimiter=separator), start=1) if len(row) > width]
