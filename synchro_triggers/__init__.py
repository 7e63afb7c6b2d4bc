"""Keep databases in step: trigger-based change capture for Django, replayed through the ORM.

The names below are resolved on first use (PEP 562), so that a models module may import them while
``INSTALLED_APPS`` is still loading, wherever ``synchro_triggers`` stands in the list.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import call_synchronize as call_synchronize
    from .api import compare as compare
    from .api import conflicts as conflicts
    from .api import counterparts as counterparts
    from .api import reset_synchro as reset_synchro
    from .api import synchronize as synchronize
    from .capture.session import DisableSynchroLog as DisableSynchroLog
    from .capture.session import disable_synchro_log as disable_synchro_log
    from .capture.session import synchro_paused as synchro_paused
    from .exceptions import DatabaseUnreachable as DatabaseUnreachable
    from .exceptions import Refused as Refused
    from .exceptions import RunUnderWay as RunUnderWay
    from .exceptions import SynchroConfigurationError as SynchroConfigurationError
    from .exceptions import SynchroError as SynchroError
    from .exceptions import TriggersNotReady as TriggersNotReady
    from .natural import NaturalKeyModel as NaturalKeyModel
    from .natural import NaturalManager as NaturalManager
    from .replay.compare.report import ComparisonReport as ComparisonReport
    from .replay.compare.report import Difference as Difference
    from .replay.compare.report import ModelComparison as ModelComparison
    from .replay.compare.report import State as State
    from .replay.on_record.listing import RecordedConflict as RecordedConflict
    from .replay.plan.clash import Clash as Clash
    from .replay.plan.conflicts import Conflict as Conflict
    from .replay.plan.conflicts import Decision as Decision
    from .replay.report import FailedObject as FailedObject
    from .replay.report import Remark as Remark
    from .replay.report import SyncReport as SyncReport
    from .replay.report import Told as Told
    from .replay.rows.shown_values import FieldDifference as FieldDifference

# Where each name lives. ``api`` imports models when a function is called, not before.
_HOME_OF = {
    "Clash": ".replay.plan.clash",
    "ComparisonReport": ".replay.compare.report",
    "Conflict": ".replay.plan.conflicts",
    "Decision": ".replay.plan.conflicts",
    "DatabaseUnreachable": ".exceptions",
    "Difference": ".replay.compare.report",
    "DisableSynchroLog": ".capture.session",
    "FailedObject": ".replay.report",
    "FieldDifference": ".replay.rows.shown_values",
    "ModelComparison": ".replay.compare.report",
    "NaturalKeyModel": ".natural",
    "NaturalManager": ".natural",
    "RecordedConflict": ".replay.on_record.listing",
    "Refused": ".exceptions",
    "Remark": ".replay.report",
    "RunUnderWay": ".exceptions",
    "State": ".replay.compare.report",
    "SyncReport": ".replay.report",
    "SynchroConfigurationError": ".exceptions",
    "SynchroError": ".exceptions",
    "Told": ".replay.report",
    "TriggersNotReady": ".exceptions",
    "call_synchronize": ".api",
    "compare": ".api",
    "conflicts": ".api",
    "counterparts": ".api",
    "disable_synchro_log": ".capture.session",
    "reset_synchro": ".api",
    "synchro_paused": ".capture.session",
    "synchronize": ".api",
}

__all__ = sorted(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]  # each name stands in one place
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
