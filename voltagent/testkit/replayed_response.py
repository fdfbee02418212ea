"""The response of a replayed model call, for programs that read its fields."""

# Values here are any JSON: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import Any, Final, cast

from voltagent.records import OperationRecord
from voltagent.testkit.formats import anthropic, google, openai
from voltagent.testkit.formats.recorded import answer_in, is_message

_ANTHROPIC_ENDS: Final = ("end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal")
# What responses without such a part have as None; programs ask for it with `if message.tool_calls`.
_OPTIONAL: Final = frozenset(
    ("annotations", "audio", "function_call", "logprobs", "parsed", "refusal", "stop_sequence", "system_fingerprint",
     "tool_calls", "usage")
)  # fmt: skip


class ReplayedResponse(dict[str, Any]):
    """A response's body whose fields can be read as items and as attributes, as programs read either form.

    As an attribute, an optional field that was not recorded is ``None``, as in the classes of the clients.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in self and name not in _OPTIONAL:
            raise AttributeError(f"the replayed response has no field {name!r}")
        return self.get(name)


def response_of(found: OperationRecord) -> ReplayedResponse | None:
    """Return the response of a model call as a mapping, in the format of the provider that uses its finish reason.

    ``None`` if the recorded output is what the call returned: there is no finish reason, or it is more than an answer.
    """
    finish, output = found.metadata.get("finish_reason"), found.output
    if type(finish) is not str or type(output) is not dict:
        return None
    is_text = set(output) == {"result"} and type(answer_in(found)) is not dict
    if not is_message(output) and not is_text:
        return None
    build = openai.chat
    if finish in _ANTHROPIC_ENDS:
        build = anthropic.message
    elif finish.rpartition(".")[2].isupper():
        build = google.google_response
    return cast("ReplayedResponse", _with_attributes(build(found)))


def _with_attributes(value: Any) -> Any:
    if type(value) is dict:
        return ReplayedResponse((name, _with_attributes(inner)) for name, inner in value.items())
    return [_with_attributes(inner) for inner in value] if type(value) is list else value
