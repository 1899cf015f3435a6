"""``algo-trader snapshot``: what a session stores of its whole state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from algotrader.cli.past import stored
from algotrader.cli.place import database_option
from algotrader.errors import UserError

if TYPE_CHECKING:
    from algotrader.storage.records import SnapshotRow


@click.group(short_help="Look at the stored state of a session.")
def snapshot() -> None:
    """Look at the state that a session stores now and then, and takes up again at its next start."""


@snapshot.command(short_help="Write the newest snapshot as JSON.")
@database_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file; to the screen by default.")
def export(database: str, out: Path | None) -> None:
    """Write the newest snapshot as JSON, with every field that the engine needs to go on."""
    from algotrader.cli.outputs import check_writable

    check_writable(out)
    with stored(database) as store:
        row = store.last_snapshot()
    if row is None:
        raise UserError("there is no snapshot yet", "a session stores one every minute and when it ends")
    text = json.dumps(document(row), indent=2, ensure_ascii=False)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8", newline="\n")
        click.echo(f"snapshot of event {row.sequence} written to {out}")


def document(row: SnapshotRow) -> dict[str, Any]:
    """A snapshot as plain values.

    Raises:
        UserError: it is damaged, or a newer version wrote it.
    """
    from algotrader.core.market import utc
    from algotrader.storage.snapshots import CannotRestore, export_json

    known = {"sequence": row.sequence, "time": utc(row.time).isoformat(), "build": row.build, "reason": row.reason}
    try:
        return known | {"state": json.loads(export_json(row.payload))}
    except CannotRestore as error:
        raise UserError(
            f"the snapshot of event {row.sequence} cannot be read: {error}", "a backup has an older one: `algo-trader db restore`"
        ) from None
