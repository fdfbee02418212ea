"""Mappings with very many entries as metadata and usage: they are read in short steps, and no more than can be kept."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

import pytest
from pydantic import BaseModel, ConfigDict

import voltagent
from tests.helpers.longest_steps import measured
from tests.helpers.memory import Nowhere
from tests.helpers.pace import hold_processor
from voltagent import VoltAgentSDK, tool


class _Model(BaseModel):
    model_config = ConfigDict(extra="allow")


MANY: Mapping[str, Any] = {f"k{number}": number for number in range(300_000)} | {"prompt_tokens": 3}
KINDS: dict[str, Callable[[], Any]] = {
    "dict": lambda: MANY,
    "subclass": lambda: OrderedDict(MANY),
    "mapping": lambda: MappingProxyType(MANY),  # type: ignore[arg-type]
    "model": lambda: _Model(**MANY),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["metadata", "usage"])
def test_a_mapping_with_very_many_entries_is_read_in_short_steps(name: str, kind: str) -> None:
    given: dict[str, Any] = {name: KINDS[kind]()}

    @tool
    def recording() -> None:
        voltagent.current().record(**given)

    with VoltAgentSDK(exporter=cast(Any, Nowhere())):
        recording()
        gc.collect()
        gc.disable()  # a collection takes as long as there are objects in this process
        try:
            with measured() as step:
                recording()
        finally:
            gc.enable()
    hold_processor(step.seconds, 0.005, step.where)
