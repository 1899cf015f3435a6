"""What a live session needs: journal, outbox, snapshots, activity, cash movements, facts; order events name their journal entry."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from algotrader.storage import triggers
from algotrader.storage.migrations.steps import (
    ID,
    changing,
    content,
    dialect,
    drop,
    guard,
    identity,
    index,
    numbers,
    primary,
    run,
    texts,
)

revision: Final = "r0002"
down_revision: Final = "r0001"


def upgrade() -> None:
    """Add the tables, and the column."""
    with changing("order_event") as batch:
        batch.add_column(sa.Column("sequence", sa.BigInteger, nullable=False, server_default=sa.text("0")))
    op.create_table("meta", *texts("key value"), primary("meta", "key"))
    _program()
    _people()
    run(triggers.journal_functions(dialect()))
    guard("journal", "activity", "cash_movement")


def downgrade() -> None:
    """Take them away; what sessions left behind is lost but for orders and round trips."""
    drop("journal", "activity", "cash_movement", "snapshot", "outbox", "meta")
    run(triggers.without_journal_functions(dialect()))
    with changing("order_event") as batch:
        batch.drop_column("sequence")


def _program() -> None:
    op.create_table(
        "journal",
        sa.Column("sequence", ID, nullable=False, autoincrement=False),
        *numbers("time"),
        *texts("kind"),
        content("payload"),
        *numbers("checksum"),
        primary("journal", "sequence"),
    )
    op.create_table(
        "outbox",
        *numbers("sequence place"),
        *texts("kind client_order_id"),
        content("payload"),
        *numbers("time sent_time answered_time checksum"),
        primary("outbox", "sequence", "place"),
    )
    index("outbox", "client_order_id")
    still_open = sa.text("answered_time = 0")
    op.create_index("ix_outbox_unanswered", "outbox", ["sequence", "place"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_table(
        "snapshot",
        identity(),
        *numbers("sequence time"),
        *texts("build reason"),
        content("payload"),
        *numbers("checksum"),
        primary("snapshot", "id"),
    )
    index("snapshot", "sequence")


def _people() -> None:
    op.create_table("cash_movement", identity(), *texts("time kind currency amount symbol"), primary("cash_movement", "id"))
    index("cash_movement", "time")
    op.create_table(
        "activity",
        identity(),
        *texts("time kind level strategy symbol message order_id correlation_id"),
        primary("activity", "id"),
    )
    index("activity", "time")
    index("activity", "correlation_id")
