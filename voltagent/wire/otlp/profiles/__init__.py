"""What each destination calls what we can say of a span: attribute names, span names and span kinds, as data.

One module for each profile; here they are completed for all kinds, and joined for destinations that want several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from voltagent.core.kinds import EXTENDED, KIND_ATTRIBUTE
from voltagent.core.span import AGENT, MEMORY, RETRIEVER, TOOL
from voltagent.wire.otlp.attributes import WORDS
from voltagent.wire.otlp.attributes.word import Word
from voltagent.wire.otlp.profiles.genai import GENAI
from voltagent.wire.otlp.profiles.langfuse import LANGFUSE
from voltagent.wire.otlp.profiles.openinference import OPENINFERENCE
from voltagent.wire.otlp.profiles.own import COVERED_BY, OWN
from voltagent.wire.otlp.profiles.profile import ANY, AttributeWords, Profile
from voltagent.wire.otlp.profiles.voltops import USAGE, VOLTOPS
from voltagent.wire.otlp.span_view import EVENT, KINDS

# Any operation may have used a model: a tool that returns what one answered, a retriever its embedding.
_MAY_USE_A_MODEL: Final = (TOOL, MEMORY, RETRIEVER, EVENT)


def _complete(name: str, profile: Profile) -> Profile:
    """Return a profile with the further kinds of operation, and with names of tokens and cost for all of them."""
    usage = {attribute: word for attribute, word in profile.names[AGENT].items() if _counts(word)}
    names: AttributeWords = {
        **profile.names,
        **{kind: {**profile.names.get(kind, {}), **usage} for kind in _MAY_USE_A_MODEL},
        **{kind: profile.models.get(kind, profile.model) for kind in EXTENDED},
    }
    kinds = {kind: word for kind, names_of in EXTENDED.items() if (word := getattr(names_of, name))}
    marked = {
        kind: {**({profile.kind_attribute: kinds[kind]} if kind in kinds else {}), KIND_ATTRIBUTE: kind}
        for kind in EXTENDED
    }
    return replace(profile, constants={**profile.constants, **marked}, names=names)


def _counts(word: str) -> bool:
    return word.startswith("once_") or word in USAGE.values()


PROFILES: Final[Mapping[str, Profile]] = {
    name: _complete(name, profile)
    for name, profile in (
        ("voltops", VOLTOPS),
        ("genai", GENAI),
        ("openinference", OPENINFERENCE),
        ("langfuse", LANGFUSE),
    )
}


@dataclass(frozen=True)
class SpanPlan:
    """What to say of one kind of span, in the words of all the chosen profiles."""

    title: str
    client: bool
    constants: Mapping[str, Any]
    words: tuple[tuple[str, Word], ...]


def plans(chosen: tuple[str, ...]) -> Mapping[str, SpanPlan]:
    """Return the plan for each kind of span. The first profile gives the span its name and kind.

    Raises:
        KeyError: no such profile.
    """
    return {kind: _plan(kind, [PROFILES[name] for name in chosen]) for kind in KINDS}


def _plan(kind: str, profiles: list[Profile]) -> SpanPlan:
    """Merge profiles for one kind of span; the first one that sets an attribute wins."""
    constants: dict[str, Any] = {}
    names: dict[str, str] = {}
    for profile in profiles:
        for part in (ANY, kind):
            for attribute, value in profile.constants.get(part, {}).items():
                constants.setdefault(attribute, value)
            for attribute, word in profile.names.get(part, {}).items():
                names.setdefault(attribute, word)
    covered = set(names.values())
    for part in (ANY, kind):
        for attribute, word in OWN.get(part, {}).items():
            if word not in covered and covered.isdisjoint(COVERED_BY.get(word, ())):
                names[attribute] = word  # noqa: PERF403 - read beside the loop above
    first = profiles[0]
    return SpanPlan(
        first.titles.get(kind, "{name}"),
        kind in first.clients,
        constants,
        tuple((attribute, WORDS[word]) for attribute, word in names.items()),
    )
