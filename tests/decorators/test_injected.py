"""What frameworks inject into a call is no part of its input."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Optional, TypedDict, TypeVar

import pytest

from voltagent import ValidationError, agent, memory, retriever, tool, trace
from voltagent.capture.injected import is_injected, is_injected_by_annotation
from voltagent.capture.snapshot import Snapshot
from voltagent.testing import Run

T = TypeVar("T")


def make_type(module: str, name: str, *bases: type) -> Any:
    """A class as a framework has it."""
    return type(name, bases or (object,), {"__module__": module})


class RunContext(Generic[T]):
    """Refers to much, and to customers."""

    def __init__(self, deps: object = None) -> None:
        self.deps = deps

    def __repr__(self) -> str:
        raise AssertionError


RunContext.__module__ = "pydantic_ai._run_context"


class RunnableConfig(TypedDict, total=False):
    tags: list[str]


RunnableConfig.__module__ = "langchain_core.runnables.config"
InjectedState = make_type("langgraph.prebuilt.tool_node", "InjectedState")
InjectedToolArg = make_type("langchain_core.tools.base", "InjectedToolArg")
InjectedToolCallId = make_type("langchain_core.tools.base", "InjectedToolCallId", InjectedToolArg)

CLASSES = [
    ("pydantic_ai.tools", "RunContext"),
    ("agents.run_context", "RunContextWrapper"),
    ("agents.tool_context", "ToolContext"),
    *(
        ("langchain_core.callbacks.manager", f"{prefix}{name}")
        for prefix in ("", "Async")
        for name in (
            "RunManager",
            "ParentRunManager",
            "CallbackManager",
            "CallbackManagerForChainGroup",
            "CallbackManagerForChainRun",
            "CallbackManagerForLLMRun",
            "CallbackManagerForRetrieverRun",
            "CallbackManagerForToolRun",
        )
    ),
    ("langchain_core.callbacks.manager", "BaseRunManager"),
    ("langchain_core.callbacks.base", "BaseCallbackManager"),
    ("langgraph.prebuilt.tool_node", "ToolRuntime"),
    ("langchain.tools", "ToolRuntime"),
    ("mcp.server.fastmcp.server", "Context"),
    ("fastmcp.server.context", "Context"),
    ("click.core", "Context"),
    ("starlette.requests", "Request"),
    ("starlette.websockets", "WebSocket"),
    ("flask.wrappers", "Request"),
    ("django.http.request", "HttpRequest"),
    ("aiohttp.web_request", "BaseRequest"),
    ("google.adk.agents.readonly_context", "ReadonlyContext"),
    ("strands.types.tools", "ToolContext"),
    ("workflows.context.context", "Context"),
    ("celery.app.task", "Task"),
    ("openai", "Omit"),
    ("openai._types", "NotGiven"),
    ("anthropic", "NotGiven"),
]


@pytest.mark.parametrize(("module", "name"), CLASSES)
@pytest.mark.parametrize("derived", [False, True])
def test_an_injected_object_is_left_out_by_its_class(
    voltagent_run: Run, module: str, name: str, *, derived: bool
) -> None:
    kind = make_type(module, name)
    value = (make_type("program", "Mine", kind) if derived else kind)()

    @tool
    def look(ctx: Any, city: str, unit: Any = value, *more: Any, **rest: Any) -> str:
        return city

    look(value, "Bern", value, value, 1, other=value, k=2)
    look(value, city="Basel")
    assert [span.input for span in voltagent_run.find()] == [
        {"city": "Bern", "more": [1], "rest": {"k": 2}},
        {"city": "Basel", "more": [], "rest": {}},
    ]


def test_classes_of_other_packages_are_recorded(voltagent_run: Run) -> None:
    @tool
    def look(ctx: Any, city: str) -> str:
        return city

    look(make_type("program.context", "RunContext")(), "Bern")
    assert voltagent_run.operation().input == {"ctx": "program.context.RunContext", "city": "Bern"}


@pytest.mark.parametrize("decorator", [tool, agent, memory, retriever, trace])
def test_every_decorator_leaves_it_out(voltagent_run: Run, decorator: Any) -> None:
    class Tools:
        @decorator  # type: ignore[untyped-decorator]
        def look(self, ctx: RunContext[str], city: str) -> str:
            return city

    Tools().look(RunContext("customers"), "Bern")
    functools.partial(Tools().look, RunContext())("Basel")
    decorator(lambda ctx, city: city, name="called")(RunContext(), "Genf")
    inputs = [one.input for one in (*voltagent_run.traces, *voltagent_run.find())]
    assert {tuple(one) for one in inputs} == {("city",)}
    assert "customers" not in repr(inputs)


def test_inside_of_other_values_it_is_its_name() -> None:
    record = Snapshot().encode({"a": [RunContext("customers")]})
    assert json.loads(record) == {"a": ["pydantic_ai._run_context.RunContext"]}
    assert json.loads(Snapshot().encode_object(RunContext("customers"))) == {
        "result": "pydantic_ai._run_context.RunContext"
    }


@dataclass
class Options:
    size: object
    colour: object = "red"


def placeholders() -> list[Any]:
    return [make_type("openai._types", name)() for name in ("Omit", "NotGiven")] + [
        make_type("anthropic._types", name)() for name in ("Omit", "NotGiven")
    ]


@pytest.mark.parametrize("nothing", placeholders(), ids=lambda one: type(one).__name__)
def test_a_placeholder_is_left_out_wherever_it_is(nothing: Any) -> None:
    for value, expected in (
        ({"a": nothing, "b": 1}, {"b": 1}),
        ({"b": 1, "a": nothing}, {"b": 1}),
        ({"a": nothing}, {}),
        ({"a": {"b": [nothing, 1, nothing, 2, nothing]}}, {"a": {"b": [1, 2]}}),
        ({"a": (nothing,), "s": {"x"}}, {"a": [], "s": ["x"]}),
        ({"a": Options(nothing)}, {"a": {"colour": "red"}}),
        ({"a": [{"b": nothing, "c": 1}] * 3}, {"a": [{"c": 1}] * 3}),
        ({"a": [*range(600), nothing, *range(600)]}, {"a": [*range(600), *range(600)]}),
        ({"a": [nothing, *range(600)]}, {"a": [*range(600)]}),
        ({str(n): nothing if n % 7 == 0 else n for n in range(1000)}, {str(n): n for n in range(1000) if n % 7}),
    ):
        assert json.loads(Snapshot().encode_object(value)) == expected


def test_a_placeholder_in_an_argument_is_left_out(voltagent_run: Run) -> None:
    nothing = placeholders()[0]

    @tool
    def look(options: dict[str, Any], more: object, **rest: Any) -> Any:
        del options, more, rest
        return {"found": [nothing, "x"], "cursor": nothing}

    look({"limit": nothing, "k": 1}, nothing, depth=nothing, city="Bern")
    call = voltagent_run.operation("look")
    assert call.input == {"options": {"k": 1}, "rest": {"city": "Bern"}}
    assert call.output == {"found": ["x"]}


ANNOTATIONS: list[tuple[object, bool]] = [
    (RunnableConfig, True),
    (Optional[RunnableConfig], True),  # noqa: UP045 - as programs write it
    (RunnableConfig | None, True),
    (Annotated[RunnableConfig, "doc"], True),
    (Annotated[dict, InjectedState], True),
    (Annotated[dict, InjectedState()], True),
    (Annotated[str, InjectedToolArg], True),
    (Annotated[str, "doc", InjectedToolCallId()], True),
    ("Annotated[str, InjectedToolArg()]", True),
    (RunContext[int], True),
    (RunContext, True),
    ("RunnableConfig", True),
    ("RunnableConfig | None", True),
    ("Optional[RunnableConfig]", True),
    ("Annotated[dict, InjectedState]", True),
    ("RunContext[dict[str, int]]", True),
    ("langchain.RunnableConfig", True),
    ("ToolRuntime", True),
    ("CallbackManagerForToolRun", True),
    ("Optional[AsyncCallbackManagerForRetrieverRun]", True),
    ("CallbackManager", False),
    (dict, False),
    (dict[str, RunContext[int]], False),
    (RunContext[int] | str, False),
    ("RunContext | str", False),
    ("dict[str, RunContext]", False),
    ("Context", False),
    (Annotated[dict, "InjectedState"], False),
    ("", False),
    (3, False),
    (None, False),
]


@pytest.mark.parametrize(("annotation", "expected"), ANNOTATIONS)
def test_a_parameter_is_left_out_by_its_annotation(annotation: object, *, expected: bool) -> None:
    assert is_injected_by_annotation(annotation, globals()) is expected


def test_an_injected_dictionary_is_left_out_by_the_annotation(voltagent_run: Run) -> None:
    @tool
    def look(
        city: str, config: RunnableConfig | None = None, *, state: Annotated[dict[str, Any], InjectedState]
    ) -> str:
        return city

    look("Bern", {"tags": ["x"]}, state={"messages": []})
    look("Basel", state={})
    assert [span.input for span in voltagent_run.find()] == [{"city": "Bern"}, {"city": "Basel"}]


# Exclude_input.


@pytest.mark.parametrize("names", [["ctx"], ("ctx",), {"ctx"}])
def test_further_parameters_can_be_left_out(voltagent_run: Run, names: Any) -> None:
    @tool(exclude_input=names)
    def look(ctx: Any, city: str, **rest: Any) -> str:
        return city

    look({"large": 1}, "Bern", k=1)
    look(city="Basel", ctx=None)
    assert [span.input for span in voltagent_run.find()] == [
        {"city": "Bern", "rest": {"k": 1}},
        {"city": "Basel", "rest": {}},
    ]


def test_a_name_may_stand_for_a_keyword_that_is_no_parameter(voltagent_run: Run) -> None:
    @tool(exclude_input=["ctx"])
    def look(**rest: Any) -> None: ...

    look(ctx=1, city="Bern")
    assert voltagent_run.operation().input == {"rest": {"city": "Bern"}}


def test_what_is_left_out_and_what_is_kept_go_together(voltagent_run: Run) -> None:
    @tool(capture_input=["city", "ctx"], exclude_input=["ctx"])
    def look(ctx: Any, city: str, day: str) -> None: ...

    look(1, "Bern", "Monday")
    assert voltagent_run.operation().input == {"city": "Bern"}


def test_the_message_of_an_error_is_still_recorded(voltagent_run: Run) -> None:
    @tool(exclude_input=["ctx"])
    def look(ctx: Any) -> None:
        raise KeyError("Bern")

    with pytest.raises(KeyError):
        look(1)
    assert voltagent_run.operation().error["message"] == "'Bern'"


@pytest.mark.parametrize(
    ("option", "error", "text"),
    [
        (["ctxt"], TypeError, "exclude_input of @tool on look contains 'ctxt'.*did you mean 'ctx'"),
        ("ctx", ValidationError, "exclude_input of @tool must be a list of parameter names"),
        ([1], ValidationError, "exclude_input"),
        (True, ValidationError, "exclude_input"),
    ],
)
def test_a_wrong_name_is_refused_at_decoration(option: Any, error: type[Exception], text: str) -> None:
    def look(ctx: Any) -> None: ...

    with pytest.raises(error, match=text):
        tool(exclude_input=option)(look)


def test_plain_values_are_never_examined() -> None:
    values: tuple[object, ...] = ("", 1, 1.0, True, None, {}, [], (), b"")
    for value in values:
        assert not is_injected(value)
