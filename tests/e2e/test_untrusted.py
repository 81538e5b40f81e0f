"""Nothing that a model, a file or a conversation from elsewhere brings along acts, and no request leaves for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Dialog, Request

from model.backend import AnswerRecord, Delta
from model.conversation import Conversation, Text
from model.conversation import Image as Picture
from model.reproduce import archive
from model.reproduce.archive import Archive
from model.reproduce.generation_record import ModelInfo, ProcessedMedia
from model.settings import GenerationSettings, VisionSettings
from tests.e2e.test_comparing import back, compare, wait_for_both
from tests.e2e.test_rendering import RICH
from tests.support.chat import Chat
from tests.support.fakes import USAGE, FakeBackend
from ui.text.languages import texts_for

ACT = "window.pwned=1"
AWAY = "https://example.org/leak"
HERE = (
    "gradio_api/leak"  # a request that would stay, and tell nobody, but that nothing here asks for
)
COVER = '<div style="position:fixed;inset:0"><img src="leak">Your session has expired</div>'
HOSTILE = (
    f"<script>{ACT}</script><script src={AWAY}.js></script><ScRiPt >{ACT}</sCrIpT>",
    f'<img src=x onerror={ACT}><img src="{AWAY}.png"><img src={HERE}><svg onload={ACT}><svg/onload={ACT}//>',
    f'<a href="javascript:{ACT}" onclick="{ACT}">a</a><details open ontoggle={ACT}>x</details>',
    f'<iframe srcdoc="<script>parent.{ACT}</script>"></iframe><iframe src={AWAY}></iframe>'
    f"<object data={AWAY}></object><embed src={AWAY}><link rel=stylesheet href={AWAY}.css>",
    f'<meta http-equiv=refresh content="0;url={AWAY}"><base href={AWAY}>',
    f"<style>@import url({AWAY}.css); body {{ background: url({AWAY}) }}</style>",
    f'<form action={AWAY}><input autofocus onfocus={ACT}><button formaction="javascript:{ACT}">b</button></form>',
    f'<video src={AWAY} autoplay poster={AWAY} onerror={ACT}></video><audio src={AWAY} onerror={ACT}>',
    f'<math><mtext><table><mglyph><style><img src=x onerror="{ACT}"></style></mglyph></table></mtext></math>',
    f'<noscript><p title="</noscript><img src=x onerror={ACT}>"></noscript><template><script>{ACT}</script>',
    f"![a]({AWAY}.png) ![a][b] ![a](javascript:{ACT}) !\\[a]({AWAY}.png)\n\n[b]: {AWAY}.png",
    f"[![a]({AWAY}.png)](javascript:{ACT}) [a](JaVaScRiPt:{ACT}) [a](java\nscript:{ACT}) [a](&#106;avascript:{ACT})",
    f"[a](data:text/html,<script>opener.{ACT}</script>) [a](vbscript:{ACT}) <javascript:{ACT}> [a](//example.org/leak)",
    f"[a]({AWAY} \"' onmouseover={ACT} '\") [a](<{AWAY}\" onclick=\"{ACT}>)",
    f"| <img src=x onerror={ACT}> | b |\n|---|---|\n| <script>{ACT}</script> | ![a]({AWAY}.png) |",
    f"```html\n<img src=x onerror={ACT}>\n```\n\n```<img src=x onerror={ACT}>\nx\n```\n\n`<img src=x onerror={ACT}>`",
    f"```mermaid\ngraph TD; A[<img src=x onerror={ACT}>] --> B; click A \"javascript:{ACT}\"\n```",
    f'```mermaid\n%%{{init: {{"securityLevel": "loose", "themeCSS": "*{{background:url({AWAY})}}"}}}}%%\ngraph TD; A[x] --> B\n```',
    f"- a\n\n  ```mermaid\n  graph TD; A[<img src={AWAY}.png onerror={ACT}>] --> B\n  ```",
    f"> ```mermaid\n> <img src={HERE} onerror={ACT}>\n> ```",
    "```mermaid\ngraph TD; A[Start] --> B\n```",
    f"``` \n<script>{ACT}</script>\n~~~\n<img src=x onerror={ACT}>",
    f"${{{ACT}}} `${{{ACT}}}` {{{{{ACT}}}}} {{%{ACT}%}} #{{{ACT}}} <%={ACT}%>",
    f"$$\\href{{javascript:{ACT}}}{{x}}$$ $$\\url{{{AWAY}}}$$ $$\\includegraphics{{{AWAY}.png}}$$",
    f"\\(\\htmlData{{x=1}}{{y}}\\) \\(\\htmlStyle{{background:url({AWAY})}}{{y}}\\) \\[\\def\\a{{\\a\\a}}\\a\\]",
    f"<|object_ref_start|><img src=x onerror={ACT}>${{{ACT}}}<|object_ref_end|><|box_start|>(10,10),(900,900)<|box_end|>",
    f'[{{"bbox_2d": [1, 2, 30, 40], "label": "</div><img src=x onerror={ACT}>"}}]',
    f"&lt;img src=x onerror={ACT}&gt; &amp;lt;script&amp;gt; <<script>script>{ACT}<</script>/script> <!--><img src=x onerror={ACT}>",
    # What looks like code to one reader of Markdown and not to another.
    f"\\`{COVER}` \\`![a](leak)`",
    f"a `b\n# c\n{COVER}` d\n- `e\n- {COVER}`\n\n| `f |\n|---|\n| {COVER}` |",
    f"- ```\n  a\n{COVER}\n```\n\n- ```\n  ```\n  {COVER}",
    f"$$\n```\n$$\n{COVER}\n```\n\n```\n```~~~\n{COVER}\n```",
    f"```\n$$\n```\n$$\n```\n{COVER}\n```\n\n~~~ {COVER}\n~~~",
    ">" * 300 + " deep " + "- " * 200 + "*" * 2001 + "[" * 300 + "](" * 50,
)  # fmt: skip
# What there is on a page that only shows text, its pictures and links; event handlers are attributes.
ALIVE = """() => [...document.querySelectorAll('#chatbot *, #live *, #compared *, #tray *, dialog *')]
  .filter((e) => /^(script|iframe|object|embed|link|meta|base|template)$/i.test(e.localName)
    || e.matches('.bot :is([style*=fixed], .prose img)')
    || e.matches('.message :is(form, style, input:not([type=checkbox]), video, audio):not([id^=mermaid] *)')
    || [...e.attributes].some((a) => /^on/i.test(a.name))
    || /^\\s*(javascript|vbscript|data:text)/i.test(e.getAttribute('href') ?? '')
    || /example\\.org|leak/.test((e.getAttribute('src') ?? '') + (e.getAttribute('style') ?? '')))
  .map((e) => e.outerHTML.slice(0, 200))"""


@pytest.fixture
def watched(told: Chat) -> Iterator[Chat]:
    """A tab that looks whether anything acts, and where its requests go; `told` looks at its console."""
    asked: list[str] = []
    dialogs: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    told.page.on("request", note)
    told.page.on("dialog", dismiss)
    yield told
    told.page.remove_listener("request", note)
    told.page.remove_listener("dialog", dismiss)
    elsewhere = [url for url in asked if urlsplit(url).hostname not in ("127.0.0.1", None)]
    assert (elsewhere, dialogs) == ([], [])
    assert [url for url in asked if "leak" in url or url.endswith("/x")] == []
    assert told.page.evaluate("window.pwned") is None


def settle(chat: Chat) -> None:
    """Whatever a text brings along would have happened by now."""
    chat.page.wait_for_timeout(300)
    assert chat.page.evaluate(ALIVE) == []


def streamed(text: str, size: int = 9) -> list[Delta]:
    return [Delta(text[i : i + size]) for i in range(0, len(text), size)]


def test_an_answer_does_nothing_while_it_streams_and_when_it_stands(
    watched: Chat, fake: FakeBackend, picture: Path
) -> None:
    watched.attach(picture)
    for number, text in enumerate(HOSTILE):
        fake.events = streamed(text, size=max(9, len(text) // 20))
        fake.pause_s = 0.02
        watched.ask(f"Tell me {number}.")
        assert watched.page.evaluate(ALIVE) == [], text
    assert watched.page.locator("#chatbot .bot-row").count() == len(HOSTILE)
    watched.page.locator("#chatbot .mermaid svg").wait_for()  # the one that is what it seems to be
    settle(watched)


def test_what_a_person_types_is_shown_and_does_nothing(watched: Chat, fake: FakeBackend) -> None:
    fake.events = [Delta("Yes.")]
    text = " ".join(HOSTILE[:10])
    watched.ask(text)
    settle(watched)
    assert "<script>" in watched.asked[0] and ACT in watched.asked[0]


def test_links_of_an_answer_tell_nothing_of_the_page_that_they_leave(
    watched: Chat, fake: FakeBackend
) -> None:
    fake.events = [
        Delta(
            "[one](https://example.com/a) https://example.com/b <https://example.com/c> "
            "[four](//example.com/d) [five](HTTPS://example.com/e) [six](/theme.css)"
        )
    ]
    watched.ask("Where is it?")
    links = watched.page.locator("#chatbot .bot .prose a")
    assert links.all_inner_texts() == [
        "one",
        "https://example.com/b",
        "https://example.com/c",
        "five",
    ]
    for link in links.all():
        assert link.get_attribute("target") == "_blank"
        assert set((link.get_attribute("rel") or "").split()) >= {"noopener", "noreferrer"}


def test_both_answers_of_a_comparison_do_nothing(watched: Chat, fake: FakeBackend) -> None:
    fake.events = streamed("\n\n".join(HOSTILE[:-1]), size=200)
    compare(watched)
    watched.send(HOSTILE[0])
    wait_for_both(watched)
    settle(watched)
    assert "<script>" in watched.page.inner_text("#compared")
    back(watched)


def test_the_name_of_a_file_does_nothing(watched: Chat, fake: FakeBackend, tmp_path: Path) -> None:
    named = tmp_path / f"<img src=x onerror={ACT}>'\"${{{ACT}}}{{{{{ACT}}}}}.png"
    Image.new("RGB", (160, 120), "red").save(named)
    fake.events = streamed(HOSTILE[21])
    watched.attach(named)
    watched.page.click("#tray [data-look]")
    watched.page.locator("dialog[open]").wait_for()
    settle(watched)
    watched.page.keyboard.press("Escape")
    watched.page.wait_for_selector("dialog", state="detached")
    watched.ask("Where?")
    watched.page.click("#chatbot .user button:has(img)")
    watched.page.locator("dialog[open]").wait_for()
    settle(watched)
    watched.page.keyboard.press("Escape")
    broken = tmp_path / f"<img src=x onerror={ACT}>.png"
    broken.write_text("no picture")
    watched.page.set_input_files("#composer input[type=file]", [broken])
    watched.page.locator("#tray [role=alert]", has_text="onerror").wait_for()
    settle(watched)


def test_a_conversation_from_elsewhere_does_nothing(watched: Chat, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (56, 56), "red").save(picture)
    name = f"<img src=x onerror={ACT}>.png"
    item = Picture(str(picture), VisionSettings(max_tokens=4), name=name)
    talk = Conversation()
    for number, text in enumerate(HOSTILE):
        talk = talk.with_user_turn(*[item][number:], Text(text)).with_reply(text)
    settings = GenerationSettings(system_prompt=HOSTILE[0])
    answers = tuple(AnswerRecord(settings, USAGE) for _ in HOSTILE)
    model_info = ModelInfo(HOSTILE[0], "float32", HOSTILE[1], "sdpa")
    kept = Archive(talk, answers, (ProcessedMedia(str(picture), "image", 56, 56),), model_info)
    zipped = tmp_path / "conversation.zip"
    archive.write(kept, zipped, script="")
    watched.page.set_input_files("#composer input[type=file]", [zipped])
    watched.page.wait_for_function(
        "(turns) => document.querySelectorAll('#chatbot .bot-row').length === turns",
        arg=len(HOSTILE),
    )
    settle(watched)


def test_what_the_page_does_itself_is_allowed_to_it(
    watched: Chat, fake: FakeBackend, picture: Path, clip: Path
) -> None:
    """Nothing of this is held up by the policy: `told` fails on what it says to the console."""
    page = watched.page
    refused: list[str] = []
    page.expose_function("refusedByPolicy", lambda what: refused.append(what))
    page.evaluate(
        "document.addEventListener('securitypolicyviolation',"
        " (e) => refusedByPolicy(`${e.violatedDirective} ${e.blockedURI}`))"
    )
    for language in ("ko", "en"):
        page.locator(f"#language input[value={language}]").dispatch_event("click")
        page.wait_for_function("(l) => document.documentElement.lang === l", arg=language)
        page.wait_for_function(
            "(label) => document.querySelector('#language').textContent.includes(label)",
            arg=texts_for(language).language,
        )
    watched.attach(picture, clip)
    for source in ("camera", "screen"):
        assert page.is_visible(f"#sources [data-source={source}]")
    page.click("#sources [data-source=camera]")
    page.wait_for_function("document.querySelector('dialog video')?.videoWidth > 0")
    page.click("dialog .primary")
    watched.wait_for_cards(3)
    fake.events = streamed(RICH + "\nAt 0:01 it turns.")
    watched.ask("What happens?")
    page.locator("#chatbot .bot .katex").first.wait_for()
    page.locator("#chatbot .bot pre code span").first.wait_for()
    page.locator("#chatbot .bot a[href^='#t=']").click()
    page.wait_for_function(
        "Math.abs(document.querySelector('#chatbot .user video').currentTime - 1) < 0.01"
    )
    page.click("#chatbot .user button:has(img)")
    page.locator("dialog[open] img").wait_for()
    page.keyboard.press("Escape")
    watched.start_over()
    page.click("#examples [data-example=which]")
    watched.wait("idle", after_turn=0)
    assert page.locator("#chatbot .user img").evaluate_all(
        "(all) => all.every((i) => i.naturalWidth)"
    )
    assert refused == []
