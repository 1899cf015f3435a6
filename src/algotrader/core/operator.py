"""What people do to a running engine: halt it, close positions, switch strategies, change limits, adopt what is not ours."""

from __future__ import annotations

from typing import Final, final

from algotrader.core import reports
from algotrader.core.by_hand import choice_fault, chosen, reduction_fault, stop_fault, stop_on_tick
from algotrader.core.desk import OrderDesk
from algotrader.core.events import EntryGate, OperatorCommand, RiskChanged, SystemError
from algotrader.core.executions import Executions
from algotrader.core.protection import Protection
from algotrader.core.risk import Denial, changed_policy, ppm
from algotrader.core.signal_style import SignalSlot
from algotrader.core.state import EXTERNAL, PROTECT_EMERGENCY, PROTECT_NONE, EngineState, Holding

_STATES: Final = {"halt": "halted", "reduce": "reducing", "resume": "active"}


@final
class Operator:
    """Carries out what a person wants; the engine sees to protection afterwards."""

    def __init__(self, state: EngineState, desk: OrderDesk, protection: Protection, executions: Executions) -> None:
        self.state: Final = state
        self.desk: Final = desk
        self.protection: Final = protection
        self.executions: Final = executions

    def handle(self, event: OperatorCommand) -> None:
        """Carry out one command."""
        action, why = event.action, f"{event.operator}: {event.reason}"
        if action in _STATES:
            self._switch(_STATES[action], why)
        elif action in ("flatten", "close"):
            self._close(event.symbol, event.owner, f"{action}: {event.reason}")
        elif action == "emergency":
            self.state.emergency = True
            self.set_trading_state("halted", f"emergency stop, {why}")
            self._close("", "", f"emergency stop: {event.reason}")
        elif action in ("enable", "disable"):
            self._enable(event.owner, action == "enable", why)
        elif action in ("reduce_position", "restop"):
            self._one_position(event, why)
        else:
            self._external(event, why)

    def fail(self, event: SystemError) -> None:
        """Something outside has failed; a critical failure halts entries."""
        state = self.state
        state.note(reports.SYSTEM, f"{event.error_type}: {event.message}", level=event.severity)
        if event.severity == "critical" and state.trading_state == "active":
            self.set_trading_state("halted", f"{event.error_type}: {event.message}")

    def _switch(self, target: str, why: str) -> None:
        if self.state.emergency and target == "reducing":
            self.state.note(reports.TRADING_STATE, "halted by the emergency stop until resume", level=reports.WARNING)
            return
        if target == "active":
            self.state.emergency = False
        self.set_trading_state(target, why)

    def set_trading_state(self, target: str, why: str) -> None:
        """Let entries pass or not; those that wait are cancelled when they may not."""
        self.state.trading_state = target
        self.state.note(reports.TRADING_STATE, f"{target} ({why})", level=reports.WARNING)
        if target != "active":
            self._cancel_all_entries()

    def set_gate(self, event: EntryGate) -> None:
        """Let entries pass or not, whatever the trading state."""
        if event.open == self.state.gate_open:
            return
        self.state.gate_open = event.open
        self.state.note(reports.TRADING_STATE, f"entries {'may pass' if event.open else 'are shut out'}: {event.reason}")
        if not event.open:
            self._cancel_all_entries()

    def _cancel_all_entries(self) -> None:
        for holding in self.state.holdings.values():
            self._cancel_entries(holding)

    def _cancel_entries(self, holding: Holding) -> None:
        if holding.entry_order is not None:
            self.desk.cancel(holding.entry_order)
        for order in list(holding.plain_orders):
            if order.sign * holding.quantity_raw >= 0:
                self.desk.cancel(order)

    def _close(self, symbol: str, owner: str, reason: str) -> None:
        for holding in list(self.state.holdings.values()):
            if holding.managed and symbol in ("", holding.instrument.symbol) and owner in ("", holding.owner):
                self._close_whole(holding, reason)

    def _close_whole(self, holding: Holding, reason: str) -> None:
        # A target that the strategy still waits for would buy again what is being closed.
        holding.target_set = False
        for order in list(holding.plain_orders):
            self.desk.cancel(order)
        self.protection.request_exit(holding, reason, 0)

    def _one_position(self, event: OperatorCommand, why: str) -> None:
        """Sell a part of one position or move its stop; what cannot be is told and changes nothing."""
        state, selling = self.state, event.action == "reduce_position"
        fault = choice_fault(state, event.symbol, event.owner, selling)
        if fault is not None:
            self._refuse(event, fault)
            return
        holding = chosen(state, event.symbol, event.owner, selling)[0]
        stop_raw = 0 if selling else stop_on_tick(holding, event.stop_raw)
        fault = reduction_fault(self.protection, holding, event.quantity_raw) if selling else stop_fault(holding, stop_raw)
        if fault is not None:
            self._refuse(event, fault)
        elif selling:
            self._reduce(holding, event, why)
        else:
            message = f"to {holding.instrument.price(stop_raw)} ({why})"
            state.report(reports.STOP_ASKED, reports.WARNING, holding, message)
            self.protection.move_stop(holding, stop_raw)

    def _reduce(self, holding: Holding, event: OperatorCommand, why: str) -> None:
        quantity, reason = event.quantity_raw, f"reduce: {event.reason}"
        message = f"by {holding.instrument.quantity(quantity)} of {abs(holding.position.quantity)} ({why})"
        self.state.report(reports.REDUCTION_ASKED, reports.WARNING, holding, message)
        if quantity >= abs(holding.quantity_raw):
            self._close_whole(holding, reason)
            return
        # What the strategy still waits for would change what is left, or sell it a second time.
        holding.target_set = False
        for order in list(holding.plain_orders):
            self.desk.cancel(order)
        self.protection.request_exit(holding, reason, quantity)

    def _refuse(self, event: OperatorCommand, fault: Denial) -> None:
        word = "not reduced" if event.action == "reduce_position" else "stop not moved"
        self.state.note(reports.POSITION_REFUSED, f"{word}: {fault.message}", event.symbol, event.owner, reports.WARNING)

    def _enable(self, owner: str, enabled: bool, why: str) -> None:
        """Let a strategy be asked or not; what it holds keeps its stop, what it waits for is cancelled."""
        slots = [slot for slot in self.state.slots if slot.owner == owner]
        word = "enabled" if enabled else "disabled"
        if not slots:
            self.state.note(reports.STRATEGY_SWITCHED, f"there is no strategy {owner} to be {word}", level=reports.WARNING)
            return
        for slot in slots:
            slot.enabled = enabled
            if isinstance(slot, SignalSlot):
                slot.signal = None
        self.state.note(reports.STRATEGY_SWITCHED, f"{word} ({why})", owner=owner, level=reports.WARNING)
        if not enabled:
            for holding in self.state.holdings.values():
                if holding.owner == owner:
                    self._cancel_entries(holding)

    def change_risk(self, event: RiskChanged) -> None:
        """Use other limits from now on; a day that is beyond the new ones trips the breaker at once."""
        state = self.state
        policy = changed_policy(state.policy, event.changes)
        state.policy = policy
        state.risk_ppm = ppm(policy.max_leverage)
        changes = ", ".join([f"{name} {value}" for name, value in event.changes])
        state.note(reports.RISK_CHANGED, changes or "nothing", level=reports.WARNING)
        if state.breaker.limit(policy.consecutive_loss_pause, ppm(policy.max_daily_loss), policy.break_even_is_loss):
            self.executions.tripped(None)

    # What nobody of ours opened

    def _external(self, event: OperatorCommand, why: str) -> None:
        track = self.state.by_symbol.get(event.symbol)
        if track is None:
            message = f"{event.action} of an instrument that nobody follows"
            self.state.note(reports.ADOPTED, message, event.symbol, level=reports.WARNING)
            return
        holding = self.state.holding(None, EXTERNAL, track, PROTECT_NONE)
        if event.action == "release":
            self._release(holding, why)
        elif track.shortfall:
            message = "not adopted: it is the other side of what our strategies hold there"
            self.state.report(reports.ADOPTED, reports.WARNING, holding, message)
        else:
            self._adopt(holding, event.mode, why)

    def _adopt(self, holding: Holding, mode: str, why: str) -> None:
        holding.adopted = mode
        holding.protection = PROTECT_EMERGENCY
        holding.track.external = False
        self.state.report(reports.ADOPTED, reports.WARNING, holding, f"{mode}: {holding.position.quantity} ({why})")

    def _release(self, holding: Holding, why: str) -> None:
        holding.adopted = ""
        holding.protection = PROTECT_NONE
        holding.stop_raw = 0
        holding.exit_quantity_raw = 0
        for order in (holding.stop_order, holding.exit_order):
            if order is not None:
                self.desk.cancel(order)
        holding.track.external = holding.quantity_raw != 0
        self.state.report(reports.RELEASED, reports.WARNING, holding, f"{holding.position.quantity} ({why})")
