"""What a call used, in words."""

from __future__ import annotations

from typing import Any

import pytest

from voltagent.render.text import model_name, money, size, spent


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        (None, ""),
        ({"total_tokens": 235}, "235 tokens"),
        ({"total_tokens": 235, "cached_tokens": 64, "cost": 0.0012}, "235 tokens (64 cached), $0.0012"),
        ({"total_tokens": 235.0, "cached_tokens": 64.0}, "235 tokens (64 cached)"),
        ({"prompt_tokens": 5.0, "completion_tokens": 6}, "11 tokens"),
        ({"total_tokens": float("nan")}, ""),
        ({"total_tokens": True}, ""),
        ({"total_tokens": 1, "cached_tokens": 1}, "1 token (1 cached)"),
        ({"cost": 2.5}, "$2.50"),
        ({"cost": 0.5}, "$0.50"),
        ({"cost": 0.1234}, "$0.12"),
        ({"cost": 0.996}, "$1.00"),
        ({"cost": 0.0010}, "$0.001"),
        ({"cost": -0.25}, "-$0.25"),
        ({"cost": 1e-12}, "$0.00"),
        ({"cost": float("nan")}, ""),
        ({"cost": 0}, "$0.00"),
        ({"cost": 0.0000123}, "$0.000012"),
        ({"cost": "much"}, ""),
    ],
)
def test_tokens_and_cost_are_reported_in_one_line(usage: Any, text: str) -> None:
    assert spent(usage) == text
    assert money(usage) in spent(usage)


def test_a_model_is_named_by_its_parameters_first() -> None:
    assert model_name({"model_parameters": {"model": "m-1"}, "model": "m-2"}) == "m-1"
    assert model_name({"modelParameters": {"model": "m-1"}}) == "m-1"
    assert model_name({"model": "m-2"}) == "m-2"
    assert model_name({"model": 3}) == model_name(None) == model_name([]) == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (16_384, "16 KiB"),
        (2**20 - 1, "1.0 MiB"),
        (1_300_000, "1.2 MiB"),
        (2**30 - 1, "1.0 GiB"),
        (5 * 2**40, "5120.0 GiB"),
    ],
)
def test_sizes_are_in_binary_units(count: int, text: str) -> None:
    assert size(count) == text
