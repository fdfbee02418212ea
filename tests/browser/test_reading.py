"""The reading view: messages of every provider, Markdown as elements, the switch, and texts that try to be elements."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.browser.chromium import sync_api
from tests.browser.hostile import CORPUS
from tests.browser.messages import ANSWERS, CONVERSATIONS, NONE, PARTS
from tests.browser.play import Step
from tests.browser.site import Site
from tests.browser.test_hostile import HARMLESS
from tests.browser.test_trace import recorded
from tests.helpers.pace import hold
from voltagent.render.message_parts import Part
from voltagent.render.messages import conversation_of
from voltagent.render.reading import joined_pieces

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = sync_api().expect

Open = Callable[..., "Page"]

_PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c6360f8cf50070003830180b3a2f7bd0000000049454e44ae426082"
    )
).decode()

_MARKDOWN = """# Weather

It is **sunny** and _warm_, see `forecast()` and [the map](https://maps.example/rome).

- one
  - inner
- two

3. third

| city | degrees |
|---|---|
| Rome | 24 |

```python
print("<b>sunny</b>")
```

> quoted

<b>not bold</b> ~~gone~~
"""


def test_the_page_and_the_terminal_recognise_the_same_messages(new_page: Open):
    corpus = {**CONVERSATIONS, **{f"answer {name}": one for name, one in ANSWERS.items()}, **PARTS}
    corpus |= {f"none {place}": one for place, one in enumerate(NONE)}
    script = """async values => {
      const { conversationOf } = await import("/messages.js");
      return values.map(conversationOf);
    }"""
    found = new_page().evaluate(script, list(corpus.values()))
    for (name, value), in_page in zip(corpus.items(), found, strict=True):
        for message in (in_page or {}).get("messages", ()):
            for part in message["parts"]:
                part.pop("data", None)
                part.pop("due", None)
        assert in_page == _as_in_the_page(value), name


def _as_in_the_page(value: Any) -> Any:
    found = conversation_of(value)
    if found is None:
        return None
    messages = [
        {"role": one.role, "side": one.side, "name": one.name, "parts": list(map(_part, one.parts))}
        for one in found.messages
    ]
    return {"messages": messages, "rest": dict(found.rest) or None}


def _part(part: Part) -> dict[str, Any]:
    if part.type in ("text", "reasoning"):
        return {"type": part.type, "text": part.text}
    if part.type == "call":
        result = None if part.result is None else _part(part.result)
        return {"type": "call", "id": part.id, "name": part.name, "input": part.value, "result": result}
    if part.type == "result":
        return {"type": "result", "id": part.id, "name": part.name, "value": part.value, "failed": part.failed}
    if part.type == "media":
        return {"type": "media", "mime": part.mime, "size": part.size, "name": part.name, "url": part.url}
    return {"type": "json", "value": part.value}


def _conversation(page: Page, value: Any) -> Any:
    script = 'async value => (await import("/messages.js")).conversationOf(value)'
    return page.evaluate(script, value)


def test_messages_of_every_provider_are_the_same_conversation(site: Site, new_page: Open):
    page = new_page()
    for form, value in CONVERSATIONS.items():
        found = _conversation(page, value)
        sides = [message["side"] for message in found["messages"]]
        assert sides == ["system", "user", "assistant"], form
        system, question, (call,) = (message["parts"] for message in found["messages"])
        assert [part["text"] for part in (*system, *question)] == [
            "You are a weather service.",
            "What is the weather in Rome?",
        ], form
        assert (call["name"], call["input"], call["result"]["value"]) == (
            "weather",
            {"city": "Rome"},
            "sunny, 24 degrees",
        ), form


def test_answers_of_every_provider_are_one_message(site: Site, new_page: Open):
    page = new_page()
    for form, value in ANSWERS.items():
        (message,) = _conversation(page, value)["messages"]
        assert message["side"] == "assistant", form
        assert message["parts"] == [{"type": "text", "text": "Sunny."}], form


def test_data_is_no_conversation(site: Site, new_page: Open):
    page = new_page()
    assert [_conversation(page, value) for value in NONE] == [None] * len(NONE)


def _opened(site: Site, new_page: Open, value: Any, output: Any = "done", **options: Any) -> Page:
    page = new_page(f"#/trace/{recorded(site, [Step('llm', 'call', 0, 10, value, output)], 20)}", **options)
    page.locator(".rows .name", has_text="call").click()
    return page


def test_a_prompt_and_its_answer_are_read_after_one_click(site: Site, new_page: Open):
    turns = [{"role": ("user", "assistant")[place % 2], "content": f"turn {place}\n" * 20} for place in range(21)]
    prompt = {"model": "m", "messages": [{"role": "system", "content": "Be **kind**."}, *turns]}
    page = _opened(site, new_page, prompt, ANSWERS["OpenAI chat"])
    messages = page.locator(".details .message")
    expect(messages).to_have_count(23)
    expect(messages.first).to_contain_text("Be kind.")
    expect(messages.first.locator("strong")).to_have_text("kind")
    expect(messages.last).to_contain_text("Sunny.")
    assert page.locator(".details .message").evaluate_all("all => all.every(one => one.offsetHeight > 0)")
    expect(page.locator(".details .rest").first).to_contain_text("other fields")


def test_the_switch_shows_text_markdown_and_json(site: Site, new_page: Open):
    page = _opened(site, new_page, [{"role": "user", "content": "a **b**"}])
    switch = page.get_by_role("group", name="Show as")
    message = page.locator(".details .message")
    expect(message.locator("strong")).to_have_text("b")
    switch.get_by_role("button", name="Text").click()
    expect(message).to_contain_text("a **b**")
    switch.get_by_role("button", name="JSON").click()
    expect(message).to_have_count(0)
    expect(page.locator(".details .value").first).to_contain_text("role")
    expect(switch.get_by_role("button", name="JSON")).to_have_attribute("aria-pressed", "true")


def test_a_text_that_a_function_returned_is_read_as_text(site: Site, new_page: Open):
    answer = "Please send it back with the label that I just mailed to you. Postage is on us."
    page = _opened(site, new_page, {"q": 1}, {"result": answer})
    output = page.locator('.details [data-key="Output"]')
    expect(output).to_contain_text(answer)
    expect(output).not_to_contain_text("result")
    expect(output.get_by_role("button", name="Text")).to_have_attribute("aria-pressed", "true")
    page = _opened(site, new_page, {"q": 1}, {"city": answer})
    expect(page.locator('.details [data-key="Output"]')).to_contain_text("city")


def test_the_pieces_of_a_streamed_text_are_read_as_one_text(site: Site, new_page: Open):
    page = _opened(site, new_page, {"q": 1}, {"result": ["You", " can", " send", " it", " back."]})
    output = page.locator('.details [data-key="Output"]')
    expect(output).to_contain_text("You can send it back.")
    output.get_by_role("button", name="JSON").click()
    expect(output.locator(".string", has_text="send")).to_have_text("send")
    expect(output).not_to_contain_text("You can send")
    page = _opened(site, new_page, {"q": 1}, {"result": ["Returns", "Refunds"]})
    expect(page.locator('.details [data-key="Output"] .string')).to_have_text(["Returns", "Refunds"])


def test_the_page_and_the_terminal_join_the_same_pieces(new_page: Open):
    values: list[Any] = [
        {"result": ["a ", "b"]}, ["a", "\u00a0b"], {"result": ["a", "b"]}, {"result": [" a", "b "]}, {"result": []},
        {"result": ["a "]}, {"result": ["a ", 1]}, {"result": ["a ", "b"], "return": 1}, {"answer": ["a ", "b"]},
        {"result": "a b"}, "a b", 7, None, ["", " ", ""], {"result": ["a\u2028", "b"]},
        ["今天", "，", "好"], ["デ", "ータ"], ["สวัสด", "ีครับ"], ["北京", "上海"], ["文。", "二。"], ["a", "", "b"],  # noqa: RUF001
    ]  # fmt: skip
    script = """async values => {
      const { joinedPieces } = await import("/reading.js");
      return values.map(joinedPieces);
    }"""
    joined = new_page().evaluate(script, values)
    assert joined == [joined_pieces(value) for value in values]


def test_a_long_text_is_not_searched_for_pieces(new_page: Open):
    script = """async () => {
      const { joinedPieces } = await import("/reading.js");
      const text = "word ".repeat(200_000);
      const begin = performance.now();
      return joinedPieces(text) === text ? performance.now() - begin : null;
    }"""
    hold(new_page().evaluate(script) / 1000, 1, "a text of 1 MB")  # some microseconds


def test_calls_stand_next_to_their_results_and_reasoning_is_folded(site: Site, new_page: Open):
    thinking = {"role": "assistant", "content": [{"type": "thinking", "thinking": "let me see"}]}
    page = _opened(site, new_page, [*CONVERSATIONS["a plain list"], thinking])
    call = page.locator(".details .call")
    expect(call).to_contain_text("weather")
    expect(call).to_contain_text("Rome")
    expect(call.locator(".result")).to_contain_text("sunny, 24 degrees")
    reasoning = page.locator(".details .reasoning")
    expect(reasoning).not_to_contain_text("let me see")
    page.get_by_role("button", name="Open all").first.click()
    expect(reasoning).to_contain_text("let me see")


def test_the_reasoning_of_an_answer_is_folded_under_a_heading(site: Site, new_page: Open):
    answer = {"role": "assistant", "reasoning_content": "let me see", "content": "Sunny."}
    sealed = {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3p"}]}
    page = _opened(site, new_page, [answer, sealed])
    both = page.locator(".details .reasoning")
    expect(both).to_have_count(2)
    folded, unreadable = both.first, both.last
    expect(folded.locator("summary")).to_have_text("Reasoning, 10 characters")
    expect(folded).not_to_contain_text("let me see")
    expect(unreadable).to_have_text("Reasoning (encrypted or left out by the provider)")
    folded.locator("summary").click()
    expect(folded).to_contain_text("let me see")


def _cut(kind: str, size: int, reason: str, **kept: Any) -> dict[str, Any]:
    return {"truncated": True, "type": kind, "size": size, "reason": reason, **kept}


def test_the_details_name_what_was_cut_when_it_was_recorded(site: Site, new_page: Open):
    value = {
        "rows": _cut("list", 10_000_000, "size", value=[0, 1, 2]),
        "page": _cut("str", 5_400_000, "size", value="lorem ipsum"),
        "slow": _cut("items", 3, "time", value=[]),
        "deep": _cut("dict", 2, "depth"),
        "self": _cut("app.Node", 1, "cycle"),
        "own": {"truncated": True, "value": "of the program"},
    }
    page = _opened(site, new_page, value, _cut("str", 2_000_000, "size", value="dolor sit amet " * 9))
    details = page.locator(".details")
    expect(details.locator(".cut-off")).to_have_text(
        [
            "The list (10\u202f000\u202f000 items) was cut when it was recorded: too large",
            "The text (5\u202f400\u202f000 characters) was cut when it was recorded: too large",
            "The list (3 items) was cut when it was recorded: it took too long",
            "The object (2 fields) was left out when it was recorded: too deep inside others",
            "The app.Node (size 1) contains itself, and is not repeated here",
            "The text (2\u202f000\u202f000 characters) was cut when it was recorded: too large",
        ]
    )
    for form in ("Text", "Markdown", "JSON"):
        details.get_by_role("button", name=form).last.click()
        expect(details.locator(".cut-off").last).to_contain_text("The text (2\u202f000\u202f000 characters)")
    for kept in ("lorem ipsum", "dolor sit", "of the program"):
        expect(details).to_contain_text(kept)
    expect(details).not_to_contain_text("reason")
    expect(details.locator(".key", has_text="truncated")).to_have_count(1)  # the program's own field


def test_a_result_is_missing_only_where_messages_follow_its_call(site: Site, new_page: Open):
    calls = [
        {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}} for name in ("first", "second")
    ]
    called = {"role": "assistant", "content": "", "tool_calls": calls}
    result = {"role": "tool", "tool_call_id": "first", "content": "done"}
    page = _opened(site, new_page, [called, result], {"choices": [{"message": called}]})
    missing = page.locator(".details .call", has_text="no result here")
    expect(page.locator(".details .call")).to_have_count(4)
    expect(missing.locator(".call-name")).to_have_text(["calls second"])
    last = [{"type": "function_call", "call_id": name, "name": name, "arguments": "{}"} for name in ("third", "fourth")]
    page.evaluate(
        """async value => {
          const { reading } = await import("/reading.js");
          document.querySelector(".details").replaceChildren(reading(value));
        }""",
        [called, result, *last],
    )
    expect(page.locator(".details .call-name")).to_have_text(
        [f"calls {n}" for n in ("first", "second", "third", "fourth")]
    )
    expect(missing.locator(".call-name")).to_have_text(["calls second"])


def test_images_are_shown_and_other_media_are_a_line(site: Site, new_page: Open):
    parts = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://pictures.example/x.png"}},
        {"type": "image_url", "image_url": {"url": f"data:image/svg+xml;base64,{_PIXEL}"}},
        {"type": "input_audio", "input_audio": {"data": "QUJD" * 1000, "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{_PIXEL}"}},
    ]
    page = _opened(site, new_page, [{"role": "user", "content": parts}])
    media = page.locator(".details .media")
    expect(media).to_have_count(5)
    expect(page.locator(".details img")).to_have_count(1)
    assert page.locator(".details img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    for place, text in enumerate(
        ["image/png, 70 B", "https://pictures.example/x.png", "image/svg+xml", "audio/wav, 3 KB", "a.pdf"]
    ):
        expect(media.nth(place)).to_contain_text(text)


def test_markdown_is_built_as_elements(site: Site, new_page: Open):
    page = _opened(site, new_page, [{"role": "assistant", "content": _MARKDOWN}])
    text = page.locator(".details .markdown")
    for selector, words in {
        "h3": "Weather",
        "strong": "sunny",
        "em": "warm",
        "p > code": "forecast()",
        "li li": "inner",
        "ol > li": "third",
        "th >> nth=1": "degrees",
        "td >> nth=0": "Rome",
        "pre": 'print("<b>sunny</b>")',
        "blockquote": "quoted",
        "del": "gone",
    }.items():
        expect(text.locator(selector).first).to_have_text(words)
    expect(text).to_contain_text("<b>not bold</b>")
    expect(text).to_contain_text("the map (https://maps.example/rome)")
    expect(text.locator("a")).to_have_count(0)


def test_texts_that_try_to_be_elements_stay_texts_in_messages_and_markdown(site: Site, new_page: Open):
    forms = [
        "%s",
        "# %s",
        "[%s](%s)",
        "![x](%s)",
        "`%s`",
        "```%s\n%s\n```",
        "- %s",
        "| %s | b |\n|---|---|\n| %s | 1 |",
        "> **%s**",
    ]
    messages = [
        {"role": text[:40], "name": text, "content": [
            {"type": "text", "text": forms[place % len(forms)].replace("%s", text)},
            {"type": "image_url", "image_url": {"url": text}}, {"type": text, text: text},
            {"type": "tool_use", "id": text, "name": text, "input": {text: text}},
            {"type": "image", "source": {"type": "base64", "media_type": f"image/png{text}", "data": text}}]}
        for place, text in enumerate(CORPUS)
    ]  # fmt: skip
    page = new_page()
    page.evaluate(
        """async messages => {
          const { reading } = await import("/reading.js");
          const place = document.createElement("div");
          document.querySelector("main").replaceChildren(place);
          place.hidden = true;
          for (const one of messages) place.append(reading([one]));
        }""",
        messages,
    )
    assert page.evaluate(HARMLESS) == []
    assert page.locator("main .message").count() == len(CORPUS)
    assert page.locator("main img").count() == 0
    assert page.locator("main a").count() == 0


def test_markdown_takes_time_in_proportion_to_its_length(site: Site, new_page: Open):
    page = new_page()
    parts = ["*a ", "**a", "[", "`", "> ", "- ", "|a", "_", "![](", "\\", "# ", "~~a*b_c", "1. ", "```\n", "|-|\n"]
    slowest = page.evaluate(
        """async parts => {
          const { markdown } = await import("/markdown.js");
          const took = text => { const begin = performance.now(); markdown(text); return performance.now() - begin; };
          const all = parts.flatMap(part => [part, part + "\\n"]);
          return Math.max(...all.map(one => took(one.repeat(20000 / one.length))));
        }""",
        parts,
    )
    hold(slowest / 1000, 2, "20 000 characters")  # about 0.1 s where nothing else runs


def test_a_conversation_shows_the_messages_of_each_turn(site: Site, new_page: Open):
    history = [
        {"role": "user", "content": "first question"},
        {"role": "assistant", "content": "first answer"},
        {"role": "user", "content": "second question"},
    ]
    root = site.run.trace("desk", input=json.dumps({"messages": history}).encode(), conversation_id="talk")
    assert root is not None
    site.run.save()
    page = new_page("#/conversation/talk")
    turn = page.locator(".payload.in")
    expect(turn).to_contain_text("second question")
    expect(turn).not_to_contain_text("first answer")
    turn.get_by_text("2 earlier messages").click()
    expect(turn).to_contain_text("first answer")
