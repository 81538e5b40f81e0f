"""An answer looks like what the model meant, and nothing in it acts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from model.backend import Delta
from model.conversation import Conversation
from tests.support.chat import PATIENCE_MS, Chat
from tests.support.fakes import FakeBackend
from tests.support.hard_answers import HARD

RICH = r"""A **table**:

| a | b |
|---|---|
| 1 | <b>2</b> |

```python
if a < b & c:
    print("  two  spaces")
```

Inline \(a < b\), not $5 or $6, and

$$\begin{aligned} a &= b \\ c &< d \end{aligned}$$

\[ \frac{1}{2} \]
"""
HOSTILE = """<script>window.harm = 1</script><img src="https://example.org/x.png" onerror="window.harm = 1">
![leak](https://example.org/leak.png)

[click](javascript:window.harm=1) ${window.harm=1}"""

# What a person reads of the latest answer, without white space; a formula as its source in brackets.
READ = """() => {
  const answer = [...document.querySelectorAll('#chatbot .bot .prose')].at(-1).cloneNode(true);
  for (const drawn of answer.querySelectorAll('button, svg')) drawn.remove();
  for (const formula of answer.querySelectorAll('.katex')) {
    formula.replaceWith(`[${formula.querySelector('annotation').textContent}]`);
  }
  return answer.textContent.replace(/\\s/g, '');
}"""


def answer(told: Chat, fake: FakeBackend, text: str) -> None:
    """Streamed in small pieces, so that what is half there is shown too."""
    fake.events = [Delta(text[i : i + 7]) for i in range(0, len(text), 7)]
    told.ask("Tell me.")
    # Gradio fetches what it needs for formulas and code when they first come up.
    told.page.locator("#chatbot .bot .prose > *").first.wait_for()


def test_markdown_code_and_formulas_are_set(told: Chat, fake: FakeBackend) -> None:
    answer(told, fake, RICH)
    bot = told.page.locator("#chatbot .bot")
    assert bot.locator("td").all_inner_texts() == ["1", "<b>2</b>"]
    assert 'if a < b & c:\n    print("  two  spaces")' in bot.locator("pre code").inner_text()
    assert bot.locator("pre").locator("xpath=..").locator("button").count() >= 1
    assert bot.locator(".katex").count() == 3
    assert bot.locator(".katex-error").count() == 0
    assert "not $5 or $6, and" in bot.inner_text()


def test_hard_answers_read_as_they_were_meant(core: Chat, fake: FakeBackend) -> None:
    """All in one, and no formula crashes the tab."""
    # JSON without a fence is code only where an answer begins with it.
    kinds = [hard for name, hard in HARD.items() if name != "json without a fence"]
    answer(core, fake, "\n\n<!-- -->\n\n".join(hard.answer for hard in kinds))
    core.page.wait_for_function("document.querySelectorAll('#chatbot .bot .katex').length === 11")
    assert core.page.evaluate(READ) == "<!---->".join(hard.reads for hard in kinds)


def test_code_is_highlighted_and_copied_as_it_is(told: Chat, fake: FakeBackend) -> None:
    code = '    #include <stdio.h>\n\tint main() {\n\n\t\tputs("a");  // b\n\t}'
    answer(told, fake, f"- see\n\n  ```c\n{indented(code)}\n  ```")
    block = told.page.locator("#chatbot .bot pre code")
    assert block.locator(".token.keyword").count() > 0
    assert block.evaluate("(code) => code.textContent") == f"{code}\n"
    told.page.locator("#chatbot .bot .copy_code_button").click()
    told.wait_until(lambda: told.page.evaluate("navigator.clipboard.readText()") == code)


def indented(code: str) -> str:
    return "\n".join(f"  {line}" for line in code.split("\n"))


def test_marks_and_bars_stand_where_the_text_begins(core: Chat, fake: FakeBackend) -> None:
    answer(core, fake, "- عنصر\n\n1. أول\n\n> اقتباس\n\n| اسم |\n|---|\n| أ |\n\n- item\n\n> quote")
    style = """(selector) => [...document.querySelectorAll(`#chatbot .bot .prose ${selector}`)].map((block) => {
      const { direction, borderRightWidth, borderLeftWidth } = getComputedStyle(block);
      return [direction, parseFloat(borderRightWidth) > parseFloat(borderLeftWidth)];
    })"""
    assert core.page.evaluate(style, "ul") == [["rtl", False], ["ltr", False]]
    assert core.page.evaluate(style, "ol") == [["rtl", False]]
    assert core.page.evaluate(style, "blockquote") == [["rtl", True], ["ltr", False]]
    assert core.page.evaluate(style, "table") == [["rtl", False]]
    composer = "getComputedStyle(document.querySelector('#composer textarea')).unicodeBidi"
    assert core.page.evaluate(composer) == "plaintext"


def test_hostile_answers_do_nothing_and_fetch_nothing(told: Chat, fake: FakeBackend) -> None:
    answer(told, fake, HOSTILE)
    told.page.wait_for_timeout(300)
    assert told.page.evaluate("window.harm") is None
    assert told.page.locator("#chatbot .bot a[href^=javascript]").count() == 0
    assert told.page.locator("#chatbot .bot img").count() == 0
    assert "!leak" in told.answered[0] and "<script>" in told.answered[0]


def test_grounding_tokens_are_no_litter(told: Chat, fake: FakeBackend) -> None:
    answer(
        told,
        fake,
        "The <|object_ref_start|>cat<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|>",
    )
    assert told.answered == ["The cat"]


@pytest.mark.parametrize("text", ["مرحبا بالعالم", "你好，世界", "안녕하세요"])
def test_every_script_reads_in_its_direction(told: Chat, text: str) -> None:
    told.ask(text)
    paragraph = told.page.locator("#chatbot .user .prose p").first
    assert paragraph.inner_text() == text
    assert paragraph.evaluate("(p) => getComputedStyle(p).unicodeBidi") == "plaintext"
    assert paragraph.evaluate("(p) => getComputedStyle(p).textAlign") == "start"


def test_a_piece_of_an_answer_makes_the_page_copy_little(told: Chat, fake: FakeBackend) -> None:
    for _ in range(4):
        told.ask("And?")
    told.page.evaluate(
        """() => {
          const copy = window.structuredClone;
          window.copies = 0;
          window.structuredClone = (...given) => { window.copies += 1; return copy(...given); };
        }"""
    )
    with growing(told, fake):
        before = told.page.evaluate("window.copies")
    copies = told.page.evaluate("window.copies") - before
    told.wait("idle", after_turn=4)
    assert (
        0 < copies < 25 * 180
    )  # 550 each with every output of every event among them, 250 with one


@pytest.mark.chromium_only
def test_a_piece_of_an_answer_styles_little_of_the_page(told: Chat, fake: FakeBackend) -> None:
    told.ask("And?")
    assert told.page.context.browser
    chromium = told.page.context.browser.new_browser_cdp_session()
    traced: list[dict[str, Any]] = []
    complete: list[bool] = []
    chromium.on("Tracing.dataCollected", lambda part: traced.extend(part["value"]))
    chromium.on("Tracing.tracingComplete", lambda _: complete.append(True))
    with growing(told, fake):
        chromium.send("Tracing.start", {"categories": "devtools.timeline"})
    chromium.send("Tracing.end")
    told.wait("idle", after_turn=1)
    told.wait_until(lambda: complete)
    styled = [e["args"]["elementCount"] for e in traced if e["name"] == "UpdateLayoutTree"]
    assert 0 < median(styled) < 20  # several hundred if a rule asks what the conversation holds


@contextmanager
def growing(told: Chat, fake: FakeBackend) -> Iterator[None]:
    """From the fifth to the thirtieth line of an answer, which waits until the fifth was seen."""
    said = "(line) => document.querySelector('#talk').textContent.includes(`Line ${line}.`)"
    seen = threading.Event()

    def lines(_: Conversation) -> Iterator[Delta]:
        for number in range(34):
            if number > 5:
                seen.wait(PATIENCE_MS / 1000)
            yield Delta(f"Line {number}. ")

    fake.answer, fake.pause_s = lines, 0.05
    told.send("Tell me.")
    told.page.wait_for_function(said, arg=5)
    yield
    seen.set()
    told.page.wait_for_function(said, arg=30)


def test_a_page_on_which_nothing_happens_computes_nothing(
    profile: BrowserContext, fake_url: str
) -> None:
    chat = Chat(profile.new_page(), fake_url)
    chat.page.add_init_script(
        """{
          const frame = window.requestAnimationFrame.bind(window);
          window.asked = 0;
          window.requestAnimationFrame = (callback) => { window.asked += 1; return frame(callback); };
        }"""
    )
    chat.open()
    assert any(frames_of_a_second(chat) < 6 for _ in range(20))
    assert chat.page.evaluate("window.asked") > 60, "the test's own assumption: it counts them"
    chat.close()


def frames_of_a_second(chat: Chat) -> int:
    before: int = chat.page.evaluate("window.asked")
    chat.page.wait_for_timeout(1000)
    after: int = chat.page.evaluate("window.asked")
    return after - before


def test_an_answer_that_grows_by_a_screen_at_once_is_still_followed(told: Chat) -> None:
    told.page.evaluate(
        """() => {
          const talk = document.querySelector('#talk');
          const grow = (height) => {
            const block = document.createElement('div');
            block.className = 'grown';
            block.style.height = `${height}px`;
            talk.append(block);
          };
          grow(2000);
          talk.scrollTop = talk.scrollHeight;
          grow(2000);
        }"""
    )
    told.page.wait_for_function(
        "(({scrollTop, clientHeight, scrollHeight}) => scrollTop + clientHeight > scrollHeight - 100)"
        "(document.querySelector('#talk'))",
        timeout=10_000,
    )
    told.page.evaluate("document.querySelectorAll('.grown').forEach((block) => block.remove())")


def test_a_long_answer_lets_the_reader_scroll(told: Chat, fake: FakeBackend) -> None:
    fake.events = [Delta(f"Line {i}.\n\n") for i in range(120)]
    fake.pause_s = 0.03
    told.send("Tell me.")
    told.page.wait_for_function("document.querySelector('#talk').scrollTop > 200")
    told.page.evaluate(
        """() => {
          const talk = document.querySelector('#talk');
          talk.dispatchEvent(new WheelEvent('wheel', { deltaY: -120 }));
          talk.scrollTo(0, 50);
        }"""
    )
    told.wait("idle", after_turn=0)
    told.page.wait_for_timeout(300)
    assert told.page.evaluate("document.querySelector('#talk').scrollTop") < 200
    told.send("And now?")
    told.page.wait_for_function(
        "(({scrollTop, clientHeight, scrollHeight}) => scrollTop + clientHeight > scrollHeight - 100)"
        "(document.querySelector('#talk'))"
    )
    told.wait("idle", after_turn=1)
