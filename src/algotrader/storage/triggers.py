"""What protects the tables that may only grow: triggers that abort every change, whoever asks for it.

Entries of the journal may go when they were pruned: when ``meta`` says that all up to them are given up, and a
snapshot covers them.
Revisions use these functions too; what they make for a table must not change once a revision has used it.
"""

from __future__ import annotations

from typing import Final

from algotrader.storage.tables import PRUNED

APPEND_ONLY: Final = ("order_event", "trade", "journal", "activity", "cash_movement")
"""Tables without UPDATE and DELETE."""

JOURNAL: Final = "journal"

_MAY_GO: Final = (
    f"OLD.sequence <= coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE key = '{PRUNED}'), 0) "
    "AND OLD.sequence <= coalesce((SELECT max(sequence) FROM snapshot), 0)"
)


def guard(table: str, dialect: str) -> list[str]:
    """The statements that make a table append-only."""
    return _guard_sqlite(table) if dialect == "sqlite" else _guard_postgresql(table)


def release(table: str, dialect: str) -> list[str]:
    """The statements that take a table's protection away, for a revision that changes it."""
    names = [f"{table}_no_update", f"{table}_no_delete"]
    if dialect == "sqlite":
        return [f"DROP TRIGGER {name}" for name in names]
    return [f"DROP TRIGGER {name} ON {table}" for name in [*names, f"{table}_no_truncate"]]


def functions(dialect: str) -> list[str]:
    """The statements that come before the first ``guard``."""
    if dialect == "sqlite":
        return []
    return [
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'restrict_violation'; END $$",
    ]


def without_functions(dialect: str) -> list[str]:
    """The statements that undo ``functions``."""
    return [] if dialect == "sqlite" else ["DROP FUNCTION refuse_change()"]


def journal_functions(dialect: str) -> list[str]:
    """The statements that come before ``guard`` for the journal."""
    if dialect == "sqlite":
        return []
    return [
        "CREATE FUNCTION refuse_journal_delete() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {_MAY_GO} THEN RETURN OLD; END IF; "
        "RAISE EXCEPTION USING MESSAGE = 'journal is append-only', ERRCODE = 'restrict_violation'; END $$",
    ]


def without_journal_functions(dialect: str) -> list[str]:
    """The statements that undo ``journal_functions``."""
    return [] if dialect == "sqlite" else ["DROP FUNCTION refuse_journal_delete()"]


def _guard_sqlite(table: str) -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    when = f" WHEN NOT ({_MAY_GO})" if table == JOURNAL else ""
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}{when} {refuse}",
    ]


def _guard_postgresql(table: str) -> list[str]:
    delete = "refuse_journal_delete" if table == JOURNAL else "refuse_change"
    return [
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {delete}()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    ]
