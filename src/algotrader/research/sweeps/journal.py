"""The journal of a sweep: every finished run as a line of JSON beside the output, so that an interrupt costs nothing that was done.

The first line says which sweep it belongs to. A sweep that was interrupted goes on only if everything in that line is the same: the
strategy and the text of its file, the data, the space, the search, the options and the version of this program.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, TextIO

from algotrader.errors import UserError
from algotrader.research.sweeps.trial import Record

SUFFIX: Final = ".journal"
"""What a journal's name has after that of the output."""

Key = tuple[int, str, int]


class Journal:
    """Finished runs, in memory and, where there is an output, on disk.

    Args:
        output: the file that the sweep will write; None keeps the journal in memory only.
        header: what identifies the sweep, as values of JSON.
        resume: go on with the journal that is there; without one the sweep begins at its beginning.

    Raises:
        UserError: there is a journal and nobody asked to go on with it, or it is of another sweep, or damaged.
        OSError: the file cannot be read or written.
    """

    def __init__(self, output: Path | None, header: dict[str, Any], resume: bool) -> None:
        self.found: Final[dict[Key, Record]] = {}
        self.path: Final = None if output is None else output.with_name(output.name + SUFFIX)
        self._file: TextIO | None = None
        if self.path is None:
            return
        header = json.loads(json.dumps(header))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and self.path.stat().st_size:
            if not resume:
                raise UserError(
                    f"{self.path} holds the runs of an interrupted sweep", "add --resume to go on with it, or delete the file"
                )
            self._load(self.path, header)
            self._file = self.path.open("a", encoding="utf-8", newline="\n")
        else:
            self._file = self.path.open("w", encoding="utf-8", newline="\n")
            self._write(header)

    def append(self, record: Record) -> None:
        """Keep a finished run; it is on its way to the disk when this returns."""
        self.found[key_of(record)] = record
        self._write(record)

    def close(self) -> None:
        """Close the file and leave it for ``resume``; a journal without runs is deleted."""
        if self._file is not None:
            self._file.close()
            self._file = None
            if self.path is not None and not self.found:
                self.path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the file: the output holds everything now."""
        self.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _write(self, values: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(values, separators=(",", ":"), allow_nan=False) + "\n")
            self._file.flush()

    def _load(self, path: Path, header: dict[str, Any]) -> None:
        """Read the runs; a last line that was cut off in the middle is taken away."""
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            first, *records = [json.loads(line) for line in whole.decode("utf-8").splitlines()] or [{}]
            self.found.update((key_of(record), record) for record in records)
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is damaged: {error}", "delete it and sweep again") from None
        different = [name for name in header if first.get(name) != header[name]] if isinstance(first, dict) else list(header)
        if different:
            raise UserError(
                f"{path} is of another sweep: different {', '.join(different)}", "choose another --out, or delete the file"
            )
        if len(whole) < len(content):
            with path.open("r+b") as file:
                file.truncate(len(whole))


def key_of(record: Record) -> Key:
    """What tells a run from every other of its sweep."""
    return record["window"], record["sample"], record["trial"]
