"""What is looked at before the first order: settings, keys, account, clock, calendar, disk, database, data, strategies.

Nothing is changed and nothing is sent. Every finding says what is the matter and what to do about it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from algotrader.live.check_machine import (
    look_at_calendar,
    look_at_database,
    look_at_disk,
    look_at_keys,
    look_at_settings,
    look_at_strategies,
)
from algotrader.live.check_venue import look_at_account, look_at_data
from algotrader.live.checkup import Finding, Patient


async def examine(patient: Patient) -> AsyncIterator[Finding]:
    """Everything, one finding after the other; what fails does not keep the rest from being looked at."""
    config = patient.config
    for finding in (
        *look_at_settings(patient),
        *look_at_strategies(config),
        look_at_keys(config),
        look_at_calendar(patient),
        *look_at_disk(config),
        *look_at_database(config),
    ):
        yield finding
    async for finding in look_at_account(patient):
        yield finding
    async for finding in look_at_data(patient):
        yield finding
