"""The plan of ``@trace``, whose options may be functions of the arguments."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from voltagent.capture.options import TRACE_OPTIONS
from voltagent.core.context import CAPTURES, capture, default_recorder, run_callback
from voltagent.core.guard import Guard, pass_on_interrupt
from voltagent.core.open_operations import note
from voltagent.core.span import Span
from voltagent.decorators.call_plan import CallPlan, FunctionShape, report_failure
from voltagent.tracing.operations import remote_parent
from voltagent.tracing.recorder import Recorder

_TEXTS = ("user_id", "conversation_id", "version")


class TracePlan(CallPlan):
    """The plan of a trace: each call is a new root, also inside an open trace."""

    __slots__ = ("_about", "_agent_id", "_is_dynamic", "_options", "_remote")

    def __init__(self, name: str, shape: FunctionShape, options: Mapping[str, Any]):
        metadata: Any = options.get("metadata")
        values: list[Any] = [metadata] if callable(metadata) else [*(metadata or {}).values()]
        static = not any(map(_is_callback, values))
        super().__init__(name, shape, options if static else {**options, "metadata": None})
        self._agent_id = options.get("agent_id", self._name)
        self._options = {key: options.get(key) for key in (*_TEXTS, "tags", "parent")}
        if not static:
            self._options["metadata"] = metadata
        self._is_dynamic = not static or any(map(callable, (self._agent_id, *self._options.values())))
        self._remote = None if self._is_dynamic else remote_parent(self._options["parent"])
        self._about: dict[str, Any] = {key: self._options[key] for key in _TEXTS if self._options[key] is not None}

    def begin(self, above: Span | None, instance: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span | None:
        """Start the trace of a call; ``None`` if it is not recorded. Never raises."""
        span: Span | None = None
        try:
            if above is None:
                recorder: Recorder | None = capture() if CAPTURES else self._recorder or default_recorder()
            else:
                recorder = cast("Recorder | None", above.trace.recorder)
            if recorder is None or not recorder.alive:
                return None
            input = self._input(recorder, instance, args, kwargs)
            if self._is_dynamic:
                span = self._start_dynamic(recorder, above, input, self._all_by_name(instance, args, kwargs))
            elif above is None and self._remote is None and not self._about:
                # the usual one: keywords out of a dictionary would take a third of a microsecond
                span = recorder.start_trace(self._agent_id, input, self._metadata, self._tags, self._redact)
            else:
                span = recorder.start_trace(
                    self._agent_id,
                    input,
                    self._metadata,
                    self._tags,
                    self._redact,
                    above=above,
                    remote=self._remote,
                    **self._about,
                )
            if above is None:
                note(span)
            return span
        except RecursionError:
            return None  # the stack is exhausted
        except BaseException as exc:
            if span is not None:
                self.fail(span, False, exc)  # the caller does not get it
            Guard.swallowed(exc)
            return None

    def _start_dynamic(
        self, recorder: Recorder, above: Span | None, input: bytes | None, named: dict[str, Any]
    ) -> Span:
        """Start a trace whose options include callbacks."""
        about = {key: self._value(key, given, named) for key, given in self._options.items()}
        metadata = about.pop("metadata", None)
        return recorder.start_trace(
            self._value("agent_id", self._agent_id, named) or self._name,
            input,
            self._metadata if metadata is None else recorder.snapshot.encode_object(metadata),
            about.pop("tags"),
            self._redact,
            above=above,
            remote=remote_parent(about.pop("parent")),
            **about,
        )

    def _value(self, option: str, given: Any, named: dict[str, Any]) -> Any:
        """Return the value of an option for this call; ``None`` if its callback failed."""
        if not _is_callback(given):
            if option == "metadata":
                return {key: self._resolve(f"metadata[{key!r}]", value, named) for key, value in given.items()}
            return given
        value = self._resolve(option, given, named)
        try:
            return None if value is None else TRACE_OPTIONS[option](f"{option} of @trace", _as_text(option, value))
        except Exception as exc:  # what the user's function returned is not valid
            pass_on_interrupt(exc)
            return report_failure(option, self._name, exc)

    def _resolve(self, option: str, given: Any, named: dict[str, Any]) -> Any:
        if not callable(given):
            return given
        return run_callback(given, dict(named), on_error=partial(report_failure, option, self._name))


def _is_callback(given: object) -> bool:
    """Return whether a value is to be called with the arguments. A class counts as a value."""
    return callable(given) and not isinstance(given, type)


def _as_text(option: str, value: Any) -> Any:
    """Convert an id that is a number or a UUID in the program to a string, as the API requires."""
    is_identifier = type(value) is int or (type(value).__name__ == "UUID" and type(value).__module__ == "uuid")
    return str(value) if is_identifier and option in ("agent_id", *_TEXTS) else value
