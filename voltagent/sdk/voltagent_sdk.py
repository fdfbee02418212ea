"""``VoltAgentSDK`` makes a recorder and a sender from its settings."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any

from voltagent import settings
from voltagent.capture.prices import load_prices
from voltagent.capture.snapshot import Snapshot
from voltagent.core import context
from voltagent.core.awaitable import RECEIPT, Done, Receipt, loop_is_running
from voltagent.core.guard import guard, log, pass_on_interrupt
from voltagent.core.hints import report_late_call
from voltagent.core.late_import import LateModule
from voltagent.core.process import exit_hook, startup, stderr
from voltagent.delivery.report import Report
from voltagent.delivery.sender import Sender, Workers
from voltagent.exporters import Exporter
from voltagent.handles import TraceHandle, open_trace
from voltagent.handles.keywords import TraceKeywords
from voltagent.processors.pipeline import Pipeline
from voltagent.processors.redaction import Redactor
from voltagent.render import notebook
from voltagent.sdk import by_id, debug_log
from voltagent.sdk.checks import (
    checked_flag,
    checked_serializers,
    checked_transport,
    checked_wait,
    common_metadata,
    make_sampling,
    report_second_sdk,
    warn_about_setting,
)
from voltagent.sdk.destinations import make_workers, named_and_given, stored_spans, through, workers_key
from voltagent.sdk.reports import PendingReport
from voltagent.settings.portable import portable
from voltagent.storage.hints import save_hints_beside
from voltagent.tracing import opentelemetry, scores
from voltagent.tracing.recorder import Recorder
from voltagent.tracing.sampling import Sampler, Sampling

if TYPE_CHECKING:
    import httpx
    import typing_extensions

    from voltagent import client as core_api, types
else:
    core_api, httpx, types, typing_extensions = map(
        LateModule, ("voltagent.client", "httpx", "voltagent.types", "typing_extensions")
    )


class VoltAgentSDK:
    """Records traces and sends them to a destination, in the background.

    Every argument may also come from the environment (``VOLTAGENT_…``, see ``docs/settings.md``). With both keys,
    records go to the REST API under ``base_url``; without any key they go to a local SQLite file.

    Args:
        base_url: the URL of the API (default ``https://api.voltagent.dev``).
        public_key: sent as ``x-public-key``.
        secret_key: sent as ``x-secret-key`` to the configured origin only, and never shown.
        exporter: ``auto``, ``rest``, ``otlp``, ``local``, ``none``, several separated by commas or in a list; or
            exporter objects. See ``docs/otlp.md`` for the settings of ``otlp``.
        local_path: the SQLite file of the local store.
        spool: keep unsent events on disk, so that they survive this process (see ``docs/spool.md``): ``True`` for a
            folder in the user's data folder, or a path (default ``False``).
        spool_size: limit of that folder, in MiB (default 256).
        enabled: ``False`` records nothing, at next to no cost.
        auto_flush: send without being called; ``False`` sends only on ``flush``, ``shutdown``, exit, or if 4 MiB wait.
        flush_interval: seconds between two batches (default 5).
        timeout: seconds of wall time for one request (default 30), and for ``flush`` and ``shutdown``.
        max_retries: retries of a refused event (default 3).
        retry_delay: seconds before the first retry, doubled each time (default 1).
        sample_rate: the share of traces to record, 0 to 1, by whole trace (default 1).
        sampler: a function that takes the facts of a trace as a dict (``agent_id``, ``user_id``, ``conversation_id``,
            ``version``, ``tags``, ``metadata``) and returns whether to record it, or at which rate; replaces
            ``sample_rate``. A trace that continues another one follows that one's decision.
        keep_errors: also record unsampled traces in which something fails (default false).
        follow_parent: leave out a trace whose caller is not sampled (default true).
        otel_context: make the current operation OpenTelemetry's current span too, so that its spans nest below it
            (default false). OpenTelemetry's current span is the parent of traces in any case.
        capture_input, capture_output: whether to record arguments and results (default true).
        environment, service_name: added to the metadata of every trace.
        prices: prices of models per token, from which the cost of each call is computed: a mapping from model name to
            prices, or the path of a JSON file (see ``docs/models.md``).
        headers: further headers for every request.
        redact: key names whose values never leave the process, or a function ``(path, value) -> value``.
        serializers: ``{type: function}``: how to record objects of the program's own types.
        transport: an ``httpx`` transport for all requests, for special proxies and for tests.
        http_client: an ``httpx.Client`` to send with; the caller closes it.
        instrument: record the requests of model clients, and pass the current operation to threads: ``True`` for all
            that :func:`voltagent.instrument` supports, or a list of its names.
        baggage: which of ``user_id``, ``conversation_id`` and ``tags`` are exchanged with other processes as W3C
            baggage (default none): see :func:`voltagent.propagated`.
        debug: log what is sent.
        quiet: write nothing to stderr: no warnings, hints, losses, or hint how to see the records (default false). The
            logger still gets them.

    Raises:
        TypeError: an unknown argument, with the nearest known name.
        ValidationError: an invalid value, or one key without the other.
    """

    def __init__(
        self,
        *,
        exporter: str | Sequence[str | Exporter] | Exporter | None = None,
        redact: Iterable[str] | Callable[[str, object], object] | Redactor | None = None,
        serializers: Mapping[type, Callable[[Any], object]] | None = None,
        transport: httpx.BaseTransport | None = None,
        http_client: httpx.Client | None = None,
        sampler: Sampler | None = None,
        keep_errors: bool | None = None,
        follow_parent: bool | None = None,
        otel_context: bool | None = None,
        **arguments: typing_extensions.Unpack[settings.Arguments],
    ) -> None:
        startup.prepare("voltagent.propagation")
        names, given = named_and_given(exporter)
        self._settings = settings.load({**arguments, "exporter": names})
        stderr.set_quiet(self._settings.quiet)
        save_hints_beside(self._settings.local_path, make="local" in self._settings.exporter)
        self._client: core_api.VoltAgentCoreAPI | None = None
        checked_transport(transport)
        self._transport = transport if http_client is None else through(http_client)
        for warning in self._settings.warnings:
            warn_about_setting(warning)
        if self._settings.debug:
            debug_log.log_to_stderr()
            log(logging.DEBUG, "%s", debug_log.describe_settings(self._settings))
        built = () if given and names is None else self._settings.exporter
        self._on = self._settings.enabled and any((*given, *(name for name in built if name != "none")))
        redactor = Redactor() if redact is None else Redactor.of("redact", redact)
        sampling = make_sampling(self._settings.sample_rate, sampler, keep_errors, follow_parent)
        process = Pipeline(redactor)
        key = workers_key(self._settings, built, given, http_client or transport, redact)
        workers = Workers.shared(key, lambda: make_workers(self._settings, self._transport, given, built, process))
        self._sender = Sender(workers=workers, sampling=sampling)
        memory = notebook.NotebookSpans(self._sender) if notebook.is_running() else None
        self._recorder = self._make_recorder(memory or self._sender, sampling, serializers)
        self._recorder.destination = portable(
            self._settings,
            built if self._transport is None else [name for name in built if name == "local"],
            arguments,
            {"redact": redact, "serializers": serializers, "keep_errors": keep_errors, "follow_parent": follow_parent},
        )
        stored = stored_spans(self._settings.local_path) if "local" in self._settings.exporter else None
        self._recorder.witness = notebook.Witness(process, memory, stored)
        if checked_flag("otel_context", otel_context):
            opentelemetry.show_ours(self._recorder)
        self._activate()

    def _activate(self) -> None:
        """Make this SDK the default one, or switch recording off if its settings do."""
        if self._on:
            if context.recorder_here() is not None:
                report_second_sdk()
            context.activate(self._recorder)
            weakref.finalize(self, context.abandon, self._recorder).atexit = False
            context.instrument(self._settings.instrument)
        else:
            self._recorder.alive = False
            context.switch_off()  # on purpose, so that the environment cannot switch it on

    def _make_recorder(
        self, sender: Any, sampling: Sampling, serializers: Mapping[type, Callable[[Any], object]] | None
    ) -> Recorder:
        """Make the recorder, with what the settings say about payloads, metadata and prices."""
        is_variable = self._settings.origin["prices"] == "environment"
        recorder = Recorder(
            sender,
            Snapshot(checked_serializers(serializers)),
            capture_input=self._settings.capture_input,
            capture_output=self._settings.capture_output,
            sampling=sampling,
            common=common_metadata(self._settings),
            prices=load_prices(self._settings.prices, "VOLTAGENT_PRICES" if is_variable else "prices"),
        )
        recorder.flush = self._sender.flush
        recorder.baggage = self._settings.baggage
        return recorder

    def trace(
        self, options: Mapping[str, Any] | Any = None, /, **keywords: typing_extensions.Unpack[TraceKeywords]
    ) -> TraceHandle:
        """Start a trace. Use it with ``with`` or ``async with``, or end it explicitly::

            async with sdk.trace(agent_id="support-v1", input={"question": "…"}) as run: ...

        Args:
            options: a mapping or a ``TraceOptions``.
            **keywords: the same options as keywords, also in camelCase: ``agent_id``, and optionally ``input``,
                ``user_id``, ``conversation_id``, ``tags``, ``metadata``, ``version``, ``level``, ``id``,
                ``start_time``, and ``parent``: a span of another process that this trace continues, as headers (a
                mapping or pairs), a ``traceparent``, or the result of :func:`voltagent.extract`. An invalid parent is
                ignored.

        Raises:
            ValidationError: an option is missing or has the wrong form.
        """
        recorder = self._recording
        if self._on and not recorder.alive:
            report_late_call("this trace")
        return open_trace(recorder if recorder.alive else None, options, keywords)

    def create_trace(
        self, options: Mapping[str, Any] | Any = None, /, **keywords: typing_extensions.Unpack[TraceKeywords]
    ) -> TraceHandle:
        """Start a trace, as :meth:`trace` does.

        Args:
            options: a mapping or a ``TraceOptions``.
            **keywords: the same options as keywords.

        Raises:
            ValidationError: an option is missing or has the wrong form.
        """
        return self.trace(options, **keywords)

    def get_trace(self, trace_id: str) -> Done[types.History | None]:
        """Return a trace that this process started and whose ``id`` was read; else ``None``.

        Raises:
            ValidationError: the id is empty or not a string.
        """
        return Done(by_id.get_trace(self._recording, trace_id))

    def update_trace(self, trace_id: str, **fields: Any) -> Done[types.History]:
        """Change fields of a trace by its id, even if another process started it.

        Args:
            trace_id: the id of the trace.
            **fields: the new values, such as ``status``, ``output``, ``metadata``, ``tags``, ``user_id``.

        Raises:
            ValidationError: the id or a field is invalid; nothing is recorded.
        """
        return Done(by_id.update_trace(self._recording, trace_id, fields))

    def add_event_to_trace(self, trace_id: str, event_data: Mapping[str, Any]) -> Done[types.Event]:
        """Record a custom event in a trace by its id.

        Args:
            trace_id: the id of the trace, which another process may have started.
            event_data: ``name`` and ``type``, and optionally ``input``, ``output``, ``metadata``, ``status``,
                ``level``, ``tags``.

        Raises:
            ValidationError: the id or a field is missing or invalid; nothing is recorded.
        """
        return Done(by_id.add_event(self._recording, trace_id, event_data))

    def update_event(self, event_id: str, **fields: Any) -> Done[types.Event]:
        """Change fields of an operation or custom event by its id, even if another process started it.

        Args:
            event_id: the id of the operation.
            **fields: the new values, such as ``status``, ``output``, ``metadata`` and ``tags``.

        Raises:
            ValidationError: the id or a field is invalid; nothing is recorded.
        """
        return Done(by_id.update_event(self._recording, event_id, fields))

    def score(
        self,
        trace_id: str,
        name: str,
        value: bool | float | str,
        *,
        operation_id: str | None = None,
        comment: str | None = None,
    ) -> Receipt:
        """Score a trace or an operation in it by id, also after its end and from another process.

        A later score with the same name, of the same trace or operation, replaces it.

        Args:
            trace_id: the id of the trace.
            name: the criterion, such as ``"helpful"``; at most 100 characters.
            value: a number, a bool or a string.
            operation_id: the id of an operation in the trace (default: score the trace itself).
            comment: a reason or a note.

        Raises:
            ValidationError: an argument is invalid; nothing is recorded.
        """
        by_id.score(self._recording, trace_id, operation_id, scores.checked_score(name, value, comment))
        return RECEIPT

    @property
    def _recording(self) -> Recorder:
        """The recorder in use: this SDK's own, unless a test captures the records."""
        recorder: Recorder = context.redirected(self._recorder)
        return recorder

    def flush(self, timeout: float | None = None) -> PendingReport:
        """Send what was recorded so far.

        Blocks until done, unless an asyncio loop runs in this thread: then ``await`` the result.

        Args:
            timeout: seconds to wait at most (default: the setting ``timeout``).

        Returns:
            The counts of events: accepted, dropped by reason, and pending.
        """
        timeout = checked_wait(timeout)
        return self._wait(self._sender.flush(self._patience(timeout)), timeout)

    def shutdown(self, timeout: float | None = None) -> PendingReport:
        """End open operations as cancelled, send everything, and stop recording. Waits as :meth:`flush` does.

        Args:
            timeout: seconds to wait at most (default: the setting ``timeout``, but 2 if the destination refuses
                connections, and 5.5 if it does not respond).
        """
        timeout = checked_wait(timeout)
        self._recorder.alive = False
        context.shut_down(self._recorder)
        self._recorder.sampling.close()
        client = self._client
        if client is not None:
            client.close()
        future = self._sender.shutdown(timeout)
        return self._wait(future, timeout, None if client is None else client.aclose)

    def _patience(self, timeout: float | None) -> float:
        return self._settings.timeout if timeout is None else timeout

    def _wait(
        self, future: Future[Report], timeout: float | None, then: Callable[[], Awaitable[None]] | None = None
    ) -> PendingReport:
        """Wait for a report, unless an event loop runs in this thread: there the result is awaited."""
        if not loop_is_running():
            try:
                # the sender reports in time by itself; the extra second prevents a hang
                future.result(self._patience(timeout) + 1.0)
            except TimeoutError as exc:
                pass_on_interrupt(exc)  # a time limit of the program
                log(logging.DEBUG, "the sender did not report in time")
        return PendingReport(future, self._sender.stats, then)

    def stats(self) -> Report:
        """Return the counts of events so far: recorded, accepted, dropped by reason, pending, sampled out."""
        return self._sender.stats()

    @property
    def settings(self) -> settings.Settings:
        """The settings in force, with the origin of each (``settings.origin``)."""
        return self._settings

    @property
    def config(self) -> types.VoltAgentConfig:
        """The settings in the form of voltagent 0.1.1."""
        from voltagent.types import VoltAgentConfig

        s = self._settings
        return VoltAgentConfig(
            base_url=s.base_url,
            public_key=s.public_key or "",
            secret_key=s.secret_key or "",
            timeout=s.timeout,
            headers=dict(s.headers) if s.headers else None,
            auto_flush=s.auto_flush,
            flush_interval=s.flush_interval,
            max_retries=s.max_retries,
            retry_delay=s.retry_delay,
        )

    @property
    def client(self) -> core_api.VoltAgentCoreAPI:
        """The low-level client with this SDK's settings. Its requests are sent at once, not by the sender."""
        if self._client is None:
            from voltagent.client import VoltAgentCoreAPI

            self._client = VoltAgentCoreAPI(self.config, transport=self._transport)
        return self._client

    def __repr__(self) -> str:
        names = self._settings.exporter
        where = settings.shown_url(self._settings.base_url) if {"auto", "rest"} & set(names) else ""
        return f"<VoltAgentSDK {' '.join((','.join(names), where)).rstrip()}>"

    def __enter__(self) -> VoltAgentSDK:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    async def __aenter__(self) -> VoltAgentSDK:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.shutdown()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a VoltAgentSDK holds the secret key and a thread and cannot be pickled; make one per process")


def _prepare_for_finalizers() -> None:
    """Import at exit what an SDK needs if none was made yet: a finalizer that makes one later cannot."""
    if not startup.is_done():
        with guard:
            startup.prepare(*(f"voltagent.exporters.{name}" for name in ("rest", "otlp", "local", "auto")))


exit_hook.call_at_exit(_prepare_for_finalizers)
