"""An answer can be had again, and a conversation taken away and brought back."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageDraw
from playwright.sync_api import Browser

from model.reproduce import archive_reader
from tests.support.chat import Chat
from ui.text.languages import texts_for


@pytest.fixture
def chat(tiny_chat: Chat) -> Chat:
    return tiny_chat


@pytest.fixture(scope="module")
def circle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "a red circle.png"
    picture = Image.new("RGB", (224, 224), "#e4e4e4")
    ImageDraw.Draw(picture).ellipse((52, 52, 172, 172), fill="red")
    picture.save(path)
    return path


def export(chat: Chat, folder: Path) -> Path:
    with chat.page.expect_download() as download:
        chat.page.click("#export")
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target


def test_an_answer_is_shown_with_the_code_that_gives_it_and_verified(
    chat: Chat, circle: Path
) -> None:
    chat.attach(circle)
    chat.ask("What colour is the circle?")
    chat.ask("Are you sure?")
    chat.page.click("#reproduce")
    dialog = chat.page.locator("dialog.reproduction[open]")
    dialog.locator("summary", has_text="prompt").click()
    assert "<|image_pad|>" in dialog.locator("pre").nth(0).inner_text()
    dialog.locator("summary", has_text="transformers").click()
    script = dialog.locator("pre").nth(2).inner_text()
    assert 'picture("media/1-a-red-circle.png", 224, 224)' in script
    assert "Are you sure?" in script and chat.answered[0] in script
    dialog.locator("details[open] [data-op=copy]").click()
    chat.wait_until(lambda: "generate(" in chat.page.evaluate("navigator.clipboard.readText()"))
    dialog.locator("[data-op=verify]").click()
    dialog.locator("[role=status]", has_text="Verified").wait_for()
    dialog.locator("select").select_option("0")
    chat.page.wait_for_function(
        "!document.querySelector('dialog.reproduction pre').textContent.includes('Are you sure?')"
    )
    dialog.locator("[data-op=verify]").click()
    dialog.locator("[role=status]", has_text="Verified").wait_for()
    chat.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    chat.page.wait_for_function("document.activeElement.id === 'reproduce'")


def test_a_verdict_is_of_the_answer_that_is_shown(chat: Chat, circle: Path) -> None:
    """Also if another one is still being verified."""
    chat.attach(circle)
    chat.ask("What colour is the circle?")
    chat.ask("Locate the circle.")
    chat.page.click("#reproduce")
    dialog = chat.page.locator("dialog.reproduction[open]")
    verify, status = dialog.locator("[data-op=verify]"), dialog.locator("[role=status]")
    verify.click()
    status.filter(has_text="Verified").wait_for()
    latest = status.inner_text()
    verify.click()
    dialog.locator("select").select_option("0")
    dialog.locator("[data-op=verify][data-turn='0']").click()
    status.filter(has_text="Verified").wait_for()
    of_the_first = status.inner_text()
    assert of_the_first != latest, "the first answer is shorter"
    chat.page.evaluate("(late) => qwenVlChat.verdict([1, late])", latest)
    assert status.inner_text() == of_the_first


def test_a_conversation_is_exported_and_brought_back(
    chat: Chat, circle: Path, tmp_path: Path
) -> None:
    chat.attach(circle)
    chat.set("max-new-tokens", "33")
    chat.ask("What colour is the circle?")
    said, stats = chat.answered, chat.stats
    zipped = export(chat, tmp_path)
    (tmp_path / "media").mkdir()
    assert archive_reader.read(zipped, tmp_path / "media").conversation.turns == 1
    chat.hand_over("drop", zipped)
    chat.page.wait_for_selector("#notice p", state="visible")
    assert "New chat" in chat.page.inner_text("#notice")
    chat.open_settings()
    chat.page.click("#reset-settings")
    chat.page.click("#clear")
    chat.page.wait_for_function("!document.querySelector('#chatbot .user')")
    chat.hand_over("drop", zipped)
    chat.page.wait_for_selector("#chatbot .user img")
    chat.page.wait_for_function(
        "document.querySelector('#max-new-tokens input[type=number]').value === '33'"
    )
    assert (chat.asked, chat.answered) == (["What colour is the circle?"], said)
    assert chat.stats == stats
    chat.ask("And what shape is it?")
    assert "circle" in chat.answered[1]


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "zh")])
def test_the_dialog_is_for_everybody(
    browser: Browser, tiny_url: str, circle: Path, scheme: Literal["light", "dark"], language: str
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme=scheme, reduced_motion="reduce"
    )
    chat = Chat(context.new_page(), f"{tiny_url}?lang={language}")
    chat.open()
    chat.attach(circle)
    chat.ask("What colour is the circle?")
    chat.page.click("#reproduce")
    dialog = chat.page.locator("dialog.reproduction[open]")
    dialog.locator("summary").nth(2).click()
    found = Axe().run(chat.page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert chat.page.evaluate("document.documentElement.scrollWidth") == 390
    texts = texts_for(language)
    for label in (texts.verify, texts.export, texts.close, texts.copy):
        box = dialog.get_by_role("button", name=label).first.bounding_box()
        assert box and box["height"] >= 24 and box["y"] + box["height"] <= 844
    assert texts.prompt_text in dialog.inner_text()
    context.close()


def test_a_zip_file_that_is_none_of_ours_is_refused_with_a_sentence(
    chat: Chat, tmp_path: Path
) -> None:
    strange = tmp_path / "strange.zip"
    strange.write_bytes(b"PK\3\4 nothing else")
    chat.hand_over("drop", strange)
    chat.page.wait_for_selector("#notice p", state="visible")
    assert "not a conversation that was exported" in chat.page.inner_text("#notice")
    chat.page.wait_for_selector("#composer:not([data-uploading])")
