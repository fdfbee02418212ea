"""Every operation has exactly one place in a tree, whatever its parents are."""

from __future__ import annotations

from hypothesis import given, strategies as st

from voltagent.render.tree import ASCII, arrange

Item = tuple[str, "str | None"]
IDS = [str(number) for number in range(8)]


def placed(items: list[Item]) -> list[str]:
    return [f"{place.lead}{place.item[0]}" for place in arrange(items, lambda one: one[0], lambda one: one[1], ASCII)]


def test_children_stand_below_their_parent_in_the_order_given():
    assert placed([("a", None), ("b", "a"), ("c", None), ("d", "a"), ("e", "b")]) == [
        "|- a",
        "|  |- b",
        "|  |  `- e",
        "|  `- d",
        "`- c",
    ]


def test_what_has_no_parent_there_stands_at_the_top():
    assert placed([("a", "gone"), ("b", "a")]) == ["`- a", "   `- b"]


def test_a_cycle_begins_with_the_first_of_it():
    assert placed([("x", "b"), ("a", "b"), ("b", "a"), ("own", "own")]) == ["|- a", "|  `- b", "|     `- x", "`- own"]


def test_a_tree_may_be_deeper_than_the_stack():
    deep = [(str(number), str(number - 1)) for number in range(3000)]
    assert len(placed(deep)) == 3000


@given(st.lists(st.sampled_from([None, "gone", *IDS]), min_size=8, max_size=8))
def test_every_item_has_one_place_after_its_parent(parents: list[str | None]):
    places = [place.item[0] for place in arrange(list(zip(IDS, parents)), lambda one: one[0], lambda one: one[1])]
    assert sorted(places) == IDS
