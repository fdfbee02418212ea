"""A recorded trace as a small JSON file for a repository: nested, without ids and times, so that it diffs well."""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from voltagent.errors import ValidationError
from voltagent.records.model import OperationRecord, ReadOnly, TraceRecord

_FORMAT: Final = 1
_KEY: Final = "voltagent_recording"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_OPTIONAL: Final = ("input", "output", "error", "model", "usage", "metadata", "children")
_METADATA: Final = ("finish_reason",)  # what replay needs of it


def recording_text(trace: TraceRecord) -> str:
    """Return the text of a recording of a trace.

    Raises:
        ValidationError: the trace is too deep for JSON.
    """
    content = {
        _KEY: _FORMAT,
        "agent_id": trace.agent_id,
        "status": trace.status,
        "input": trace.input,
        "output": trace.output,
    }
    try:
        content["children"] = [_operation(one) for one in trace.children]
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    except RecursionError:
        raise ValidationError(f"the calls of the trace {trace.id} are nested too deeply for a recording") from None


def _operation(one: OperationRecord) -> dict[str, Any]:
    """Return what a recording keeps of an operation: neither ids nor times, so that files compare well."""
    error: Any = one.error
    if isinstance(error, Mapping):
        error = {name: value for name, value in error.items() if name in ("message", "type", "name", "code")}
    usage = None if one.usage is None else dict(one.usage)
    metadata = {name: one.metadata[name] for name in _METADATA if name in one.metadata}
    children = [_operation(child) for child in one.children]
    optional = (one.input, one.output, error, one.model, usage, metadata or None, children or None)
    more = {name: value for name, value in zip(_OPTIONAL, optional, strict=True) if value is not None}
    return {"kind": one.kind, "name": one.name, "status": one.status, **more}


def read_recording(path: str | Path) -> TraceRecord:
    """Read a recording.

    Raises:
        ValidationError: it is missing, damaged, or of another version of the format; the message names the file.
    """
    if not isinstance(path, str | Path):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"a recording must be a record or the path of a file, got {type(path).__name__}")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as exc:
        raise ValidationError(f"the recording {path} cannot be read: {exc.strerror or exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise ValidationError(f"the recording {path} is not JSON: {exc}") from exc
    if not isinstance(content, dict) or _KEY not in content:
        raise ValidationError(f"{path} is not a recording: `voltagent record-fixture TRACE -o FILE` writes one")
    if content[_KEY] != _FORMAT:
        raise ValidationError(
            f"the recording {path} has format {content[_KEY]!r}, this voltagent reads {_FORMAT}: record it again"
        )
    try:
        return _RecordingReader().trace(content)
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as exc:
        raise ValidationError(f"the recording {path} is damaged: {type(exc).__name__}: {exc}") from exc


class _RecordingReader:
    def __init__(self) -> None:
        self._count = 0

    def trace(self, content: Mapping[str, Any]) -> TraceRecord:
        trace = TraceRecord(
            id="recording", agent_id=str(content["agent_id"]), status=str(content["status"]),
            input=content.get("input"), output=content.get("output"), metadata=ReadOnly(), tags=(),
            usage=None, cost=None, start=_EPOCH, duration=None, user_id=None, conversation_id=None, version=None,
        )  # fmt: skip
        return replace(trace, children=tuple(self._operation(one, None) for one in content.get("children", ())))

    def _operation(self, content: Mapping[str, Any], parent: OperationRecord | None) -> OperationRecord:
        """Return an operation of a recording with those below it."""
        self._count += 1
        usage = content.get("usage")
        one = OperationRecord(
            id=str(self._count), trace_id="recording", kind=str(content["kind"]), name=str(content["name"]),
            status=str(content["status"]), input=content.get("input"), output=content.get("output"),
            error=content.get("error"), metadata=ReadOnly(content.get("metadata") or {}), tags=(),
            usage=None if usage is None else ReadOnly(usage), model=content.get("model"), cost=None,
            start=_EPOCH, duration=None, parent=parent,
        )  # fmt: skip
        children = tuple(self._operation(child, one) for child in content.get("children", ()))
        object.__setattr__(one, "children", children)
        return one
