"""What a call costs, by the user's own prices."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.internals import recorder_of
from voltagent import ValidationError, VoltAgentSDK
from voltagent.capture.prices import Prices, load_prices

FULL = {
    "input_cost_per_token": 1.0,
    "output_cost_per_token": 10.0,
    "cache_read_input_token_cost": 0.25,
    "cache_creation_input_token_cost": 2.0,
    "litellm_provider": "openai",
}
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 3,
    "total_tokens": 103,
    "cached_tokens": 40,
    "cache_write_tokens": 8,
}


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [
        ((), 52 * 1 + 40 * 0.25 + 8 * 2 + 3 * 10),
        (("cache_read_input_token_cost",), 52 + 40 + 16 + 30),
        (("cache_creation_input_token_cost",), 52 + 10 + 8 + 30),
        (("output_cost_per_token",), None),
        (("input_cost_per_token",), None),
        (tuple(FULL), None),
    ],
)
def test_cost_is_the_sum_over_the_parts(left_out: tuple[str, ...], expected: float | None) -> None:
    prices = Prices({"m": {name: price for name, price in FULL.items() if name not in left_out}}, "prices")
    assert prices.cost("m", USAGE) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 5, "total_tokens": 5}, 5),
        ({"prompt_tokens": 5, "completion_tokens": 0}, 5),
        ({"completion_tokens": 5}, None),
        ({"total_tokens": 5}, None),
        ({"prompt_tokens": 5, "cached_tokens": 9, "completion_tokens": 0}, 9 * 0.25),
        ({"prompt_tokens": Decimal(5), "completion_tokens": Decimal(1)}, 15),
    ],
)
def test_cost_needs_the_input_tokens(usage: dict[str, Any], expected: float | None) -> None:
    assert Prices({"m": FULL}, "prices").cost("m", usage) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5", 1),
        ("gpt-5-2026-01-15", 1),
        ("gpt-5-20260115", 1),
        ("gpt-5-2026-01-15-preview", 1),
        ("gpt-5@2026-01-15", 1),
        ("gpt-5@latest", 1),
        ("gpt-5:v2", 1),
        ("gpt-5-mini", 2),
        ("gpt-5-mini-2026-01-15", 2),
        ("gpt-5-0613", 1),
        ("gpt-5-2407", 1),
        ("gpt-5-0613-preview", None),
        ("gpt-5-4096", None),
        ("gpt-5-1300", None),
        ("gpt-5:cloud", 1),
        ("gpt-5:cloud:1", 1),
        ("gpt-5-nano", None),
        ("gpt-5-20b", None),
        ("gpt-50", None),
        ("gpt", None),
        ("GPT-5", None),
        ("", None),
    ],
)
def test_a_model_is_the_longest_name_that_a_date_or_a_version_follows(model: str, expected: float | None) -> None:
    prices = Prices(
        {"gpt-5": {"input_cost_per_token": 1}, "gpt-5-mini": {"input_cost_per_token": 2}, "g": {}}, "prices"
    )
    assert prices.cost(model, {"prompt_tokens": 1}) == expected
    assert prices.knows(model) is (expected is not None)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "is not JSON"),
        ("[]", "mapping"),
        ('{"m": 3}', "'m'.*mapping"),
        ('{"m": {"input_cost_per_token": -1}}', "input_cost_per_token of 'm'.*-1"),
        ('{"m": {"output_cost_per_token": "1"}}', "output_cost_per_token of 'm'.*str"),
        ('{"m": {"cache_read_input_token_cost": true}}', "cache_read_input_token_cost.*bool"),
        ('{"m": {"cache_creation_input_token_cost": []}}', "cache_creation_input_token_cost.*list"),
        ('{"m": {"input_cost_per_token": NaN}}', "input_cost_per_token"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(ValidationError, match=f"(?s)prices.json.*{part}"):
        VoltAgentSDK(exporter="none", prices=path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"missing\.json cannot be read: No such file"):
        VoltAgentSDK(exporter="none", prices=str(tmp_path / "missing.json"))
    with pytest.raises(ValidationError, match="prices"):
        VoltAgentSDK(exporter="none", prices=3)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="prices"):
        VoltAgentSDK(exporter="none", prices={"m": {"input_cost_per_token": -1}})


def test_prices_come_from_the_argument_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "prices.json"
    path.write_text('{"m": {"input_cost_per_token": 2, "output_cost_per_token": null}, "sample": {"mode": "chat"}}')
    monkeypatch.setenv("VOLTAGENT_PRICES", str(path))
    with VoltAgentSDK(exporter="none") as sdk:
        assert recorder_of(sdk).prices is not None
        assert recorder_of(sdk).prices.cost("m", {"prompt_tokens": 3}) == 6
    with VoltAgentSDK(exporter="none", prices={"m": {"input_cost_per_token": 1}}) as sdk:
        assert recorder_of(sdk).prices is not None
        assert recorder_of(sdk).prices.cost("m", {"prompt_tokens": 3}) == 3
    assert load_prices(None) is None


def test_what_is_wrong_with_a_table_is_reported_under_the_name_that_set_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "none.json"
    with pytest.raises(ValidationError, match=f"^prices: {missing} cannot be read"):
        VoltAgentSDK(exporter="none", prices=missing)
    monkeypatch.setenv("VOLTAGENT_PRICES", str(missing))
    with pytest.raises(ValidationError, match=f"^VOLTAGENT_PRICES: {missing} cannot be read"):
        VoltAgentSDK(exporter="none")
