"""The keywords that type checkers know are those that handles take at run time, in both spellings."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from voltagent.capture.options import EVENT, LLM, OPERATION, TRACE_OPTIONS
from voltagent.handles.keywords import EventKeywords, ModelCallKeywords, OperationKeywords, TraceKeywords


@pytest.mark.parametrize(
    ("keywords", "checks"),
    [(TraceKeywords, TRACE_OPTIONS), (OperationKeywords, OPERATION), (ModelCallKeywords, LLM), (EventKeywords, EVENT)],
)
def test_type_checkers_know_what_is_checked_at_run_time(keywords: type, checks: Mapping[str, object]) -> None:
    in_camel_case = {re.sub("_([a-z])", lambda found: found[1].upper(), name) for name in checks}
    assert set(keywords.__annotations__) == {*checks, *in_camel_case}
