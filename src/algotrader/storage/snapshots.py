"""The whole state of an engine as bytes, and back into an engine that was set up in the same way.

Afterwards both give the same commands and reports for the same events. The format is a versioned record of records: classes carry
the names of their attributes once, so a later version ignores what it does not know and leaves what is missing as setting up made
it. Nothing is ever executed that the snapshot names; strategies are made by setting up, and only what they keep is given to them.

A strategy's attributes and its ``context`` are saved when they are plain values, dataclasses, numpy arrays, or things of the engine
(indicators, assets, orders, bars). A strategy that keeps anything else defines ``save_state()``, which gives plain values, and
``load_state(state)``. What it keeps outside its instance, in globals or on its class, is not seen.
"""

from __future__ import annotations

from algotrader.storage.packing import CannotSave
from algotrader.storage.snapshot_export import export_json
from algotrader.storage.snapshot_form import FORMAT
from algotrader.storage.snapshot_kept import Kept
from algotrader.storage.snapshot_reader import restore
from algotrader.storage.snapshot_writer import freeze
from algotrader.storage.unpacking import CannotRestore

__all__ = ["FORMAT", "CannotRestore", "CannotSave", "Kept", "export_json", "freeze", "restore"]
