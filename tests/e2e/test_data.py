"""An answer as data: a person picks what it is, sees a table, mends it and takes it away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from model.backend import Delta
from tests.e2e.test_everybody import found
from tests.support.chat import Chat
from tests.support.fakes import FakeBackend
from ui.html.data.ready import READY

BILL = {
    "shop": "Café",
    "total": 4.5,
    "items": [
        {"label": "tea", "bbox_2d": [250, 500, 750, 1000]},
        {"label": "cake", "bbox_2d": [0, 0, 200, 200]},
    ],
}
CHOICE = "#answer-as label select"
CELL = "figure.data td"
# What is copied, without the clipboard, which a browser may keep to itself.
COPIES = "navigator.clipboard.writeText = async (text) => { window.copied = text; }"


def open_data(chat: Chat) -> None:
    chat.open_settings()
    group = chat.page.locator("#settings .gr-accordion", has=chat.page.locator("#answer-as"))
    if not chat.page.is_visible("#answer-as"):
        group.locator(":scope > button").click()


def test_a_receipt_becomes_a_table_that_can_be_mended_and_copied(
    told: Chat, fake: FakeBackend, picture: Path
) -> None:
    page = told.page
    told.attach(picture)
    page.click("#tasks [data-leads]")
    expect(page.locator(CHOICE)).to_be_focused()
    page.select_option(CHOICE, "receipt")
    expect(page.locator("#json-schema textarea")).to_have_value(READY["receipt"])
    fake.events = [Delta(json.dumps(BILL))]
    told.ask("Read it.")
    assert fake.calls[-1].settings.json_schema == READY["receipt"]
    expect(page.locator("figure.data th[scope=row]")).to_have_text(["shop", "total"])
    expect(page.locator("figure.data thead th")).to_have_text(["label", "bbox_2d"])
    assert not page.is_visible("#chatbot .bot-row code")
    assert found(told) == []
    row = page.locator("figure.data tr.placed").nth(1)
    row.hover()
    expect(page.locator(".marked .marks > *").nth(1)).to_have_attribute("data-pointed", "")
    page.locator(CELL).nth(1).fill("5")
    page.evaluate(COPIES)
    page.click("figure.data .copy-json")
    assert json.loads(page.evaluate("window.copied")) == {**BILL, "total": 5}
    page.click("figure.data .copy-csv")
    assert page.evaluate("window.copied").splitlines()[1] == "total,5"
    page.select_option(CHOICE, "")
    fake.events = [Delta("[1, 2]")]
    told.ask("And in words?")
    assert fake.calls[-1].settings.json_schema is None
    assert page.locator("figure.data").count() == 1


@pytest.mark.parametrize("pasted", [False, True])
def test_fields_of_ones_own_and_pasted_schemas_are_kept(
    told: Chat, fake: FakeBackend, pasted: bool
) -> None:
    page = told.page
    open_data(told)
    page.select_option(CHOICE, "own")
    field = page.locator("#answer-as .field")
    if pasted:
        page.fill("#json-schema textarea", '{"type": "null"}')
        expect(field).to_have_count(0)
    else:
        field.locator("input").fill("Name of the ship")
        field.locator("select").select_option("date")
    told.ask("Hi")
    schema = json.loads(fake.calls[-1].settings.json_schema or "")
    assert (
        schema == {"type": "null"} if pasted else list(schema["properties"]) == ["Name of the ship"]
    )
    told.reload()
    told.wait("idle")
    open_data(told)
    expect(page.locator(CHOICE)).to_have_value("own")
    expect(field).to_have_count(0 if pasted else 1)
    if not pasted:
        expect(field.locator("input")).to_have_value("Name of the ship")
