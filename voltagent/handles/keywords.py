"""The options that handles take as keywords, for type checkers, which then see a misspelt name.

Values are of any type: the checks at run time (``voltagent.capture.options``) take most in more than one form, and
``**options`` of a program's own dictionary fits. A test compares the names with those of these checks.
"""

from __future__ import annotations

from typing import Any, TypedDict


class _Recorded(TypedDict, total=False):
    """What every trace and operation takes."""

    name: Any
    input: Any
    tags: Any
    metadata: Any
    version: Any
    level: Any


class OperationKeywords(_Recorded, total=False):
    """The options of an agent, tool, memory or retriever."""

    instructions: Any
    operation: Any
    model_parameters: Any
    modelParameters: Any


class ModelCallKeywords(OperationKeywords, total=False):
    """The options of a model call."""

    model: Any


class TraceKeywords(_Recorded, total=False):
    """The options of a trace."""

    id: Any
    agent_id: Any
    agentId: Any
    user_id: Any
    userId: Any
    conversation_id: Any
    conversationId: Any
    start_time: Any
    startTime: Any
    completion_start_time: Any
    completionStartTime: Any
    parent: Any


class EventKeywords(_Recorded, total=False):
    """The fields of a custom event."""

    id: Any
    type: Any
    output: Any
    status: Any
    status_message: Any
    statusMessage: Any
    start_time: Any
    startTime: Any
    end_time: Any
    endTime: Any
    parent_event_id: Any
    parentEventId: Any
    trace_id: Any
    traceId: Any
