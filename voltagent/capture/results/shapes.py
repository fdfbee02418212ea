"""The table of model results: how each client and framework stores model, usage, finish reason, id and answer.

A row is found by the class of a result (top-level package and name, which stay when a library moves its modules), or,
for the results of model calls and agents, by the fields that it has: dictionaries and objects of any class with the
same layout are read in the same way. Documented in docs/models.md.
"""

# Values here are of any type: `type(x) is dict` makes one `dict[Unknown, Unknown]` to pyright, which says nothing.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from voltagent.capture.results import answers, parts
from voltagent.capture.results.answers import AnswerReader, FieldReader

Path = tuple[str, ...]


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(tuple(path.split(".")) for path in text.split())


@dataclass(slots=True)
class Shape:
    """One row. Paths are dotted; the first that has a value counts.

    If a result is a list of choices, ``finish`` is read from the first one, and the answer is theirs unless ``answer``
    finds one.
    """

    name: str
    types: tuple[tuple[str, str], ...] = ()  # top-level package and class
    fields: tuple[tuple[Path, ...], ...] = ()  # alternatives; all paths of one of them must have a value
    lists: tuple[Path, ...] = ()  # what must be a list
    model: tuple[Path, ...] = ()
    usage: tuple[Path, ...] = ()  # an empty path is the result itself
    finish: tuple[Path, ...] = ()
    id: tuple[Path, ...] = ()
    cost: tuple[Path, ...] = ()
    choices: str = ""  # the field with the list of choices
    answer: AnswerReader | None = None
    parts: Callable[[FieldReader], Sequence[object]] | None = None  # the responses that a result is made of
    inner: AnswerReader | None = None  # a result that this one wraps
    is_message: bool = False  # it stands among other messages, with its role
    names: tuple[str, str, str, str] = field(init=False)  # where model, id, usage and finish reason are at first sight

    def __post_init__(self) -> None:
        paths = (self.model, self.id, self.usage, self.finish)
        model, id, usage, finish = (path[0][0] if path and len(path[0]) == 1 else "" for path in paths)
        self.names = model, id, usage, finish


def _alternatives(*texts: str) -> tuple[tuple[Path, ...], ...]:
    return tuple(_paths(text) for text in texts)


_CHAT: Final = Shape(
    "openai chat",
    types=(("litellm", "ModelResponse"), ("litellm", "TextCompletionResponse")),
    fields=_alternatives("choices"),
    lists=_paths("choices"),
    model=_paths("model"),
    usage=_paths("usage"),
    finish=_paths("finish_reason"),
    id=_paths("id"),
    cost=_paths("_hidden_params.response_cost"),
    choices="choices",
)

_RESPONSES: Final = Shape(
    "openai responses",
    types=(("litellm", "ResponsesAPIResponse"), ("agents", "ModelResponse")),
    fields=_alternatives("output object model", "output usage response_id", "output usage"),
    lists=_paths("output"),
    model=_paths("model"),
    usage=_paths("usage"),
    finish=_paths("incomplete_details.reason status"),
    id=_paths("id response_id"),
    cost=_paths("_hidden_params.response_cost"),
    answer=answers.output_items,
)

SHAPES: Final[tuple[Shape, ...]] = (
    Shape(
        "raw response",
        types=tuple(
            (package, name)
            for package in ("openai", "anthropic")
            for name in ("LegacyAPIResponse", "APIResponse", "AsyncAPIResponse", "BaseAPIResponse")
        ),
        fields=_alternatives("http_response _parsed_by_type"),
        inner=parts.raw_response,
    ),
    Shape(
        "openai-agents run",
        types=(("agents", "RunResultBase"), ("agents", "RunResult"), ("agents", "RunResultStreaming")),
        fields=_alternatives("raw_responses context_wrapper"),
        model=_paths("_last_agent.model current_agent.model"),
        usage=_paths("context_wrapper.usage"),
        answer=answers.at_path("final_output"),
        parts=parts.raw_responses,
    ),
    Shape(
        "pydantic-ai run",
        types=(("pydantic_ai", "AgentRunResult"),),
        fields=_alternatives("_state.message_history"),
        usage=_paths("_state.usage"),
        answer=answers.at_path("output"),
        parts=parts.new_messages,
    ),
    Shape(
        "pydantic-ai streamed run",
        types=(("pydantic_ai", "StreamedRunResult"), ("pydantic_ai", "StreamedRunResultSync")),
        fields=_alternatives("_all_messages _new_message_index"),
        parts=parts.new_messages,
        inner=answers.at_path("_run_result", "_streamed_run_result._run_result"),
    ),
    Shape(
        "pydantic-ai event",
        types=(("pydantic_ai", "AgentRunResultEvent"),),
        inner=answers.at_path("result"),
    ),
    Shape(
        "pydantic-ai response",
        types=(("pydantic_ai", "ModelResponse"),),
        fields=_alternatives("parts model_name", "parts usage"),
        lists=_paths("parts"),
        model=_paths("model_name"),
        usage=_paths("usage"),
        finish=_paths("finish_reason"),
        id=_paths("provider_response_id"),
        answer=answers.parts,
        is_message=True,
    ),
    Shape(
        "bedrock converse",
        fields=_alternatives("output.message", "stopReason usage"),
        usage=_paths("usage"),
        finish=_paths("stopReason"),
        id=_paths("ResponseMetadata.RequestId"),
        answer=parts.message_at("output.message"),
    ),
    replace(_CHAT, types=(("openai", "ChatCompletion"), ("openai", "Completion")), fields=(), cost=()),
    _CHAT,
    replace(_RESPONSES, types=(("openai", "Response"),), fields=(), cost=()),
    _RESPONSES,
    Shape(
        "embeddings",
        types=(("openai", "CreateEmbeddingResponse"), ("litellm", "EmbeddingResponse")),
        fields=_alternatives("data.0.embedding"),
        lists=_paths("data"),
        model=_paths("model"),
        usage=_paths("usage"),
        cost=_paths("_hidden_params.response_cost"),
        answer=answers.embeddings,
    ),
    Shape(
        "embeddings of ollama or google",
        types=(("ollama", "EmbedResponse"), ("google", "EmbedContentResponse")),
        fields=_alternatives("embeddings"),
        lists=_paths("embeddings"),
        model=_paths("model"),
        usage=((), *_paths("usage_metadata usageMetadata usage")),
        answer=answers.embeddings,
        parts=parts.tokens_of_embeddings,
    ),
    Shape(
        "google",
        types=(("google", "GenerateContentResponse"),),
        fields=_alternatives("candidates", "usage_metadata model_version", "usageMetadata"),
        model=_paths("model_version modelVersion"),
        usage=_paths("usage_metadata usageMetadata"),
        finish=_paths("finish_reason finishReason"),
        id=_paths("response_id responseId"),
        choices="candidates",
        answer=answers.at_path("parsed"),
    ),
    Shape(
        "langchain message",
        types=(("langchain_core", "AIMessage"),),
        fields=_alternatives("content response_metadata", "content usage_metadata"),
        model=_paths("response_metadata.model_name response_metadata.model response_metadata.model_id"),
        usage=_paths("usage_metadata response_metadata.token_usage response_metadata.usage"),
        finish=_paths("response_metadata.finish_reason response_metadata.stop_reason response_metadata.done_reason"),
        id=_paths("response_metadata.id id"),
        answer=answers.message_in,
        is_message=True,
    ),
    Shape(
        "langchain result",
        types=(("langchain_core", "LLMResult"), ("langchain_core", "ChatResult")),
        fields=_alternatives("generations llm_output"),
        model=_paths("llm_output.model_name llm_output.model"),
        usage=_paths("llm_output.token_usage llm_output.usage"),
        answer=parts.first_generation,
        parts=parts.generations,
    ),
    Shape(
        "smolagents run",
        types=(("smolagents", "RunResult"),),
        fields=_alternatives("steps token_usage"),
        usage=_paths("token_usage"),
        answer=answers.at_path("output"),
    ),
    Shape(
        "smolagents message",
        types=(("smolagents", "ChatMessage"),),
        fields=_alternatives("content token_usage"),
        usage=_paths("token_usage"),
        answer=answers.message_in,
        inner=answers.at_path("raw"),
        is_message=True,
    ),
    Shape(
        "anthropic",
        types=(("anthropic", "Message"), ("anthropic", "BetaMessage")),
        fields=_alternatives("content stop_reason", "content usage role", "content usage.input_tokens"),
        lists=_paths("content"),
        model=_paths("model"),
        usage=_paths("usage"),
        finish=_paths("stop_reason"),
        id=_paths("id"),
        answer=answers.message_in,
    ),
    Shape(
        "ollama",
        types=(("ollama", "ChatResponse"), ("ollama", "GenerateResponse")),
        fields=_alternatives("message done", "response done", "message eval_count", "response eval_count"),
        model=_paths("model"),
        usage=((),),
        finish=_paths("done_reason"),
        answer=parts.message_at("response", "message"),
    ),
    Shape(
        "crewai",
        types=(("crewai", "CrewOutput"), ("crewai", "LiteAgentOutput")),
        fields=_alternatives("raw token_usage", "raw usage_metrics"),
        usage=_paths("token_usage usage_metrics"),
        answer=answers.at_path("pydantic", "json_dict", "raw"),
    ),
    Shape(
        "crewai stream",
        types=(("crewai", "StreamingOutputBase"), ("crewai", "StreamSessionBase")),
        answer=parts.answer_of_stream,
        parts=parts.results_of_stream,
    ),
    Shape(
        "llama-index",
        types=tuple(
            ("llama_index", name) for name in ("ChatResponse", "CompletionResponse", "AgentOutput", "Response")
        ),
        fields=_alternatives("message raw", "text raw", "response raw"),
        model=_paths("raw.model"),
        usage=_paths("raw.usage raw.usage_metadata additional_kwargs"),
        id=_paths("raw.id"),
        answer=parts.message_at("text", "message", "response"),
        inner=answers.at_path("raw"),
    ),
    Shape(
        "dspy",
        types=(("dspy", "Prediction"),),
        fields=_alternatives("_lm_usage"),
        answer=answers.stored_values,
        parts=parts.several,
    ),
    Shape(
        "claude-agent-sdk",
        types=(("claude_agent_sdk", "ResultMessage"),),
        fields=_alternatives("total_cost_usd usage"),
        usage=_paths("usage"),
        cost=_paths("total_cost_usd"),
        answer=answers.at_path("structured_output", "result"),
    ),
    Shape(
        "langgraph state",
        fields=_alternatives("messages"),
        lists=_paths("messages"),
        answer=parts.last_answer,
        parts=parts.answers_in_state,
    ),
    Shape(
        "usage alone",
        fields=_alternatives("usage", "token_usage", "usage_metadata", "usageMetadata", "meta.tokens"),
        model=_paths("model model_name"),
        usage=_paths("usage token_usage usage_metadata usageMetadata usage.tokens usage.billed_units meta.tokens"),
        finish=_paths("finish_reason stop_reason"),
        id=_paths("response_id"),
    ),
)
