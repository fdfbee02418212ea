"""Test agents by what they did: capture a run, assert on it, and replay a recorded one without network.

See ``docs/testing.md``. Nothing here needs pytest; the plugin adds the fixture ``voltagent_run`` where pytest is used.
"""

from __future__ import annotations

from voltagent.testkit.answers import ReplayedError
from voltagent.testkit.capture import record
from voltagent.testkit.replay import ReplayMismatch, replay
from voltagent.testkit.run import RecordedCall, Run

__all__ = ["RecordedCall", "ReplayMismatch", "ReplayedError", "Run", "record", "replay"]
