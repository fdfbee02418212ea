"""What the fast path takes for plain, in the lists of dictionaries that it looks at in one loop."""

from __future__ import annotations

from typing import Any

import pytest

from voltagent.capture.fast_path import plain

SPACE = 10_000


class Name(str):
    """A string of the user's."""

    __slots__ = ()


class Thing:
    def __init__(self) -> None:
        self.one = 1
        self.two = iter(())


def rows(odd: Any) -> list[Any]:
    return [{"id": number, "text": "x"} for number in range(5)] + [odd]


@pytest.mark.parametrize("odd", [{}, {"id": None, "text": True}, {"a": 0.5, "b": [1, {"c": ()}]}, [], "text", 3])
def test_rows_of_plain_values_are_plain(odd: Any) -> None:
    assert 0 <= plain(rows(odd), 20, SPACE) < SPACE


@pytest.mark.parametrize(
    "odd",
    [
        {1: 2},
        {None: "a", True: "b", 0.5: "c"},
        {("a", "b"): 1},
        {"a": 1, 2: "b"},
        {Name("a"): 1},
        {"a": object()},
        {"a": Name("b")},
        {"a": [b""]},
        {"a": iter(())},
        {"a": 1 << 200},
        {"x" * SPACE: 1},
        {"x": "y" * SPACE},
        dict.fromkeys(map(str, range(SPACE)), 1),
        Thing(),
        b"",
    ],
)
def test_rows_with_one_odd_value_are_not_plain(odd: Any) -> None:
    assert plain(rows(odd), 20, SPACE) < 0


def test_strings_are_plain_keys_also_where_another_key_was() -> None:
    odd: dict[Any, Any] = {"a": 1, 2: "b"}
    del odd[2]
    assert plain(rows(odd), 20, SPACE) >= 0


def test_keys_of_the_user_are_never_hashed_or_compared() -> None:
    class Key:
        is_quiet = False

        def __hash__(self) -> int:
            assert not self.is_quiet
            return id(self)

        def __eq__(self, other: object) -> bool:
            assert not self.is_quiet
            return self is other

    keys = [Key() for _ in range(5)]  # as many as are looked at as rows
    found = [{key: "text"} for key in keys]
    Key.is_quiet = True
    assert plain(found, 20, SPACE) < 0


def test_attributes_of_an_object_are_never_taken_for_strings() -> None:
    assert plain([vars(Thing()), {Name("a"): 1, Name("b"): 2}, {}, {}], 20, SPACE) < 0


def test_a_list_in_its_own_rows_is_not_plain() -> None:
    cycle: list[Any] = rows({})
    cycle[0]["all"] = cycle
    assert plain(cycle, 20, SPACE) < 0


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_rows_count_as_two_levels(depth: int) -> None:
    assert (plain(rows({}), depth, SPACE) >= 0) == (depth >= 2)


@pytest.mark.parametrize("keys", [["key"] * 40, [f"key {number}" * 100 for number in range(40)]])
def test_the_keys_of_rows_count_with_all_their_characters(keys: list[str]) -> None:
    used = 10 * SPACE - plain([{key: 1} for key in keys], 20, 10 * SPACE)
    assert sum(map(len, keys)) < used < sum(map(len, keys)) + 60 * len(keys)


def test_rows_with_too_long_keys_are_not_plain() -> None:
    assert plain([{"key" * SPACE: number} for number in range(5)], 20, SPACE) < 0
