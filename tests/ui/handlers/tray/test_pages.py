"""Pages of documents in the tray: the first ones, then those that a person chooses."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.backend import Estimate
from model.conversation import Conversation, Image
from model.errors import ContextError
from model.settings import GenerationSettings
from tests.support import documents
from tests.support.fakes import FakeBackend
from tests.support.following import KEY, attach, followed, posted
from tests.support.patience import becomes, scene
from ui.handlers.chat import editing, sending
from ui.handlers.tray import attaching
from ui.handlers.tray.pages import FIRST_PAGES
from ui.state.registry import Tabs
from ui.state.tab.tab import Tab


class Small(FakeBackend):
    """A context of 100 tokens beside a question of 30, and 10 for each picture."""

    def estimate(self, conversation: Conversation, settings: GenerationSettings) -> Estimate:
        told = super().estimate(conversation, settings)
        items = tuple(replace(item, tokens=10) for item in told.items)
        return Estimate(items, 30 + 10 * len(items), 100)


def paper(folder: Path, pages: int, name: str = "report.pdf") -> dict[str, str]:
    """A document of so many pages, as the page's script names it."""
    file = documents.pdf(folder / name, [[f"This is page {n}."] for n in range(1, pages + 1)])
    return {"path": str(file), "name": name}


def pages_of(tab: Tab) -> list[int]:
    return [item.page for item in tab.draft.tray]


async def choose(tabs: Tabs, pages: str) -> str:
    tab = tabs.open(KEY)
    (document, *_) = (item.document for item in tab.draft.tray if item.document)
    asked = posted(op="pages", id=document.id, pages=pages)
    return await attaching.change_tray(tabs, KEY, asked)


def test_every_page_of_a_short_document_is_a_picture_with_a_name(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        shown = await attach(tabs, [paper(uploads, 3)])
        tab = tabs.open(KEY)
        assert [item.name for item in tab.draft.tray] == [f"report-p{n}.png" for n in (1, 2, 3)]
        assert {item.size for item in tab.draft.tray} == {(1653, 2339)}
        assert shown.count("<li") == 3 and 'value="1-3"' in shown and not tab.draft.refusals
        await sending.submit(tabs, KEY, "Add the prices.", {})
        await followed(tabs)
        sent = backend.calls[-1].conversation.media
        assert [part.name for part in sent] == [f"report-p{n}.png" for n in (1, 2, 3)]
        assert all(isinstance(part, Image) and Path(part.path).stat().st_size for part in sent)

    scene(play)


def test_of_a_long_document_the_first_pages_are_attached_until_others_are_chosen(
    uploads: Path,
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        shown = await attach(tabs, [paper(uploads, 300)])
        tab = tabs.open(KEY)
        assert pages_of(tab) == list(range(1, FIRST_PAGES + 1))
        assert f'value="1-{FIRST_PAGES}"' in shown and "<span>of 300</span>" in shown
        second = tab.draft.tray[1]
        shown = await choose(tabs, "2, 299-300")
        assert pages_of(tab) == [2, 299, 300] and tab.draft.tray[0] is second
        assert 'value="2, 299-300"' in shown
        before = {item.path for item in tab.draft.tray}
        await choose(tabs, "1-2, 300")
        assert len({item.path for item in tab.draft.tray} & before) == 2
        assert len(list((uploads / "pages").iterdir())) == FIRST_PAGES + 2, "page 1 is drawn once"

    scene(play)


@pytest.mark.parametrize(
    ("pages", "sentence"),
    [
        ("0-2", "report.pdf has 300 pages; choose from them as in 1-3, 5."),
        ("<b>", "report.pdf has 300 pages; choose from them as in 1-3, 5."),
        ("1-300", "A message can hold 64 files; this one has 301."),
        ("", "A message can hold 64 files; this one has 301."),
    ],
)
def test_pages_that_cannot_be_had_are_refused_in_a_sentence(
    uploads: Path, pages: str, sentence: str
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        red = {"path": str(uploads / "red.png"), "name": "red.png"}
        await attach(tabs, [red, paper(uploads, 300)])
        shown = await choose(tabs, pages)
        assert sentence in html.unescape(shown)
        assert pages_of(tabs.open(KEY)) == [1, *range(1, FIRST_PAGES + 1)]

    scene(play)


def test_as_many_pages_are_attached_as_fit_and_the_tray_says_so(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(Small())
        await attach(tabs, [paper(uploads, 9)])
        tab = tabs.open(KEY)
        # 100 tokens, a quarter of them for the answer; page 1 makes 40.
        assert pages_of(tab) == [1, 2, 3, 4]
        (sentence,) = tab.draft.refusals
        assert str(sentence).startswith(
            "report.pdf: 4 of 9 pages fit; choose other pages, or lower"
        )

    scene(play)


def test_one_page_is_attached_where_none_fits(
    uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Estimate:
        raise ContextError("It does not fit at any resolution; take something out or start over.")

    async def play() -> None:
        tabs = Tabs(backend := FakeBackend())
        monkeypatch.setattr(backend, "estimate", full)
        await attach(tabs, [paper(uploads, 9)])
        assert pages_of(tabs.open(KEY)) == [1]

    scene(play)


def test_the_text_of_the_attached_pages_is_handed_to_the_composer(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await attach(tabs, [paper(uploads, 3, "<b>.pdf")])
        await choose(tabs, "1, 3")
        (document, *_) = (item.document for item in tabs.open(KEY).draft.tray if item.document)
        asked = posted(op="pages_text", id=document.id)
        shown = await attaching.change_tray(tabs, KEY, asked)
        (said,) = re.findall("<pre data-pages-text hidden>(.*)</pre>", shown, re.S)
        assert html.unescape(said) == (
            "<b>.pdf, p. 1:\nThis is page 1.\n\n<b>.pdf, p. 3:\nThis is page 3."
        )
        assert "<b>" not in said

    scene(play)


def test_a_scan_without_text_says_so(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        file = documents.pdf(uploads / "scan.pdf", [b"0 0 10 10 re f"])
        await attach(tabs, [{"path": str(file), "name": "scan.pdf"}])
        (item,) = tabs.open(KEY).draft.tray
        assert item.document
        shown = await attaching.change_tray(tabs, KEY, posted(op="pages_text", id=item.document.id))
        assert "scan.pdf has no text on these pages" in shown and "data-pages-text" not in shown

    scene(play)


def test_damaged_pages_are_named_and_the_others_attached(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        file = paper(uploads, 3)
        content = Path(file["path"]).read_bytes()
        Path(file["path"]).write_bytes(content.replace(b"\n6 0 obj <<", b"\n6 0 obj [>"))
        await attach(tabs, [file])
        tab = tabs.open(KEY)
        assert pages_of(tab) == [1, 3]
        assert [str(said) for said in tab.draft.refusals] == [
            "Page 2 of report.pdf is damaged; leave it out."
        ]

    scene(play)


@pytest.mark.parametrize(
    ("made", "pages"), [("scan.tif", [1, 2, 3]), ("moving.gif", [1]), ("moving.png", [1])]
)
def test_a_tiff_is_attached_page_by_page_and_an_animation_by_its_first_frame(
    uploads: Path, made: str, pages: list[int]
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        make = documents.tiff if made.endswith("tif") else documents.animation
        file = make(uploads / made, ("red", "lime", "blue"))
        await attach(tabs, [{"path": str(file), "name": made}])
        tab = tabs.open(KEY)
        assert pages_of(tab) == pages
        await choose(tabs, "1-2")
        assert pages_of(tab) == [1, 2] and not tab.draft.refusals

    scene(play)


def test_the_files_of_a_document_go_with_the_chat(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend(), undo_s=0)
        file = paper(uploads, 2)
        await attach(tabs, [file])
        made: Sequence[Any] = [*(uploads / "pages").iterdir(), *(uploads / "thumbnails").iterdir()]
        assert len(made) == 4
        await editing.clear(tabs, KEY)
        await becomes(lambda: not any(path.exists() for path in [*made, Path(file["path"])]))

    scene(play)


def test_pages_of_a_document_that_was_taken_out_meanwhile_are_not_attached(
    uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await attach(tabs, [paper(uploads, 30)])
        tab = tabs.open(KEY)
        drawing, go_on, page = asyncio.Event(), asyncio.Event(), tabs.background.page

        async def slowly(*what: Any) -> Any:
            drawing.set()
            await go_on.wait()
            return await page(*what)

        monkeypatch.setattr(tabs.background, "page", slowly)
        choosing = asyncio.create_task(choose(tabs, "20"))
        await drawing.wait()
        for item in list(tab.draft.tray):
            await attaching.change_tray(tabs, KEY, posted(op="detach", id=item.id))
        go_on.set()
        await choosing
        assert tab.draft.tray == []

    scene(play)


def test_what_a_page_posts_about_documents_may_be_anything(uploads: Path) -> None:
    async def play() -> None:
        tabs = Tabs(FakeBackend())
        await attach(tabs, [paper(uploads, 2)])
        for op in ("pages", "pages_text"):
            for identity in (None, 3, ["x"], {"a": 1}, "x"):
                await attaching.change_tray(tabs, KEY, posted(op=op, id=identity, pages=[1]))
        await choose(tabs, "9" * 100_000)
        assert pages_of(tabs.open(KEY)) == [1, 2]

    scene(play)
