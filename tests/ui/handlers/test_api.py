"""The endpoints as a program sees them: over HTTP, with gradio_client, against a fake model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image as PillowImage

from model.backend import Delta, Finished, Status
from model.conversation import Conversation, Image, Text
from model.errors import MediaError
from model.media.download import Downloads
from model.settings import (
    MAX_TEXT_CHARACTERS,
    Bounds,
    DefaultSettings,
    GenerationSettings,
    VisionSettings,
)
from tests.support import documents
from tests.support.fakes import USAGE, Call, FakeBackend
from tests.support.pages import gradio_environment, listening
from tests.support.patience import PATIENCE_S, wait_until
from tests.support.served import program
from ui.media.disk_quota import DiskQuota
from ui.page.build import build_page
from ui.state.tab.conversation import UNEXPECTED

# What a client is told when nothing has looked at what it posted.
UNHANDLED = ("Traceback", str(UNEXPECTED), "show_error")


class Served:
    """A page with a fake model, listening."""

    url: str

    def __init__(self, folder: Path) -> None:
        self.backend = FakeBackend([Delta("Hel"), Delta("lo")], pause_s=0.1)
        self.uploads = folder
        self.page = build_page(self.backend, given={"seed": 3})

    def client(self) -> Client:
        return program(self.url)

    @cached_property
    def stranger(self) -> Client:
        """A client whose messages are all refused, which tests share: making one takes longer than a refusal."""
        return self.client()


@pytest.fixture(scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("uploads")
    with gradio_environment(folder):
        served = Served(folder)
        with listening(served.page) as served.url:
            yield served


@pytest.fixture
def served(_served: Served) -> Served:
    _served.backend.calls.clear()
    _served.backend.answer = None
    _served.backend.events, _served.backend.gate = (Delta("Hel"), Delta("lo")), None
    return _served


@pytest.fixture
def picture(tmp_path: Path) -> str:
    PillowImage.new("RGB", (64, 48), "red").save(tmp_path / "red.png")
    return str(tmp_path / "red.png")


def ask(client: Client, text: str = "Hi", files: list[Any] | None = None, **settings: Any) -> Any:
    message = {"text": text, "files": files or []}
    return client.predict(message=message, settings=settings, api_name="/chat")


def test_an_answer_comes_with_what_it_cost(served: Served) -> None:
    answer, usage = ask(served.client())
    assert answer == "Hello"
    assert usage["prompt_tokens"] == 1312 and usage["stop_reason"] == "stop"


def test_an_answer_that_was_cut_goes_on_from_its_end(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, client = served.backend, served.client()
    with pytest.raises(AppError, match="no answer to continue"):
        client.predict(settings={}, api_name="/continue")
    cut = Finished("length", replace(USAGE, stop_reason="length"), (1, 2))
    monkeypatch.setattr(backend, "ending", cut)
    assert ask(client)[0] == "Hello"
    backend.events = [Delta(", "), Delta("you")]
    monkeypatch.setattr(backend, "ending", Finished("stop", USAGE, (1, 2, 3)))
    job = client.submit(settings={"max_new_tokens": 9}, api_name="/continue")
    answer, usage = job.result(PATIENCE_S)
    assert (answer, usage["stop_reason"]) == ("Hello, you", "stop")
    assert next(text for text, _ in job.outputs()) == "Hello"
    assert backend.calls[-1].settings == GenerationSettings(max_new_tokens=9, seed=3)
    assert backend.calls[-1].conversation.begun_reply == Text("Hello")
    with pytest.raises(AppError, match="complete"):
        client.predict(settings={}, api_name="/continue")
    assert ask(client, "And?")[0] == ", you"
    assert [m.text for m in backend.calls[-1].conversation.messages] == ["Hi", "Hello, you", "And?"]


def test_settings_can_be_left_out_and_are_then_the_pages_own(served: Served) -> None:
    answer, _ = served.client().predict(message={"text": "Hi"}, api_name="/chat")
    assert answer == "Hello"
    assert served.backend.calls[0].settings == GenerationSettings(seed=3)


def test_settings_that_nobody_gave_are_the_checkpoints_own(
    served: Served, picture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = {name: Bounds(64, 256) for name in ("min_tokens", "max_tokens")}
    own = DefaultSettings.within(bounds, GenerationSettings(repetition_penalty=1.05, seed=1))
    monkeypatch.setattr(served.backend, "defaults", own)
    ask(served.client(), files=[handle_file(picture)])
    ask(served.client(), files=[handle_file(picture)], repetition_penalty=1.0, max_tokens=32)
    first, second = served.backend.calls
    # What the command line gives wins over the checkpoint, and what a program asks for over both.
    assert first.settings == GenerationSettings(repetition_penalty=1.05, seed=3)
    assert second.settings == GenerationSettings(repetition_penalty=1.0, seed=3)
    sizes = [(v.min_tokens, v.max_tokens) for v in (vision_of(first), vision_of(second))]
    assert sizes == [(64, 256), (32, 32)]


def vision_of(call: Call) -> VisionSettings:
    (item,) = call.conversation.media
    return item.vision


def test_a_program_that_comes_before_the_model_gets_the_checkpoints_own_settings(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.backend, "current", Status("loading", "x"))
    tabs = len(served.page.tabs.open_tabs)
    job = served.client().submit(message={"text": "Hi"}, settings={}, api_name="/chat")
    wait_until(lambda: len(served.page.tabs.open_tabs) > tabs)
    assert served.backend.calls == []
    own = DefaultSettings(generation=GenerationSettings(repetition_penalty=1.05))
    monkeypatch.setattr(served.backend, "defaults", own)
    monkeypatch.setattr(served.backend, "current", Status("ready", "x"))
    assert job.result()[0] == "Hello"
    assert served.backend.calls[0].settings.repetition_penalty == 1.05


def in_two_parts(between: threading.Event) -> Callable[[Conversation], Iterator[Delta]]:
    """An answer that waits half way."""

    def answer(_: Conversation) -> Iterator[Delta]:
        yield Delta("Hel")
        assert between.wait(PATIENCE_S)
        yield Delta("lo")

    return answer


def test_an_answer_streams(served: Served) -> None:
    seen = threading.Event()
    served.backend.answer = in_two_parts(seen)
    answer = ""
    for answer, _ in served.client().submit(message={"text": "Hi"}, api_name="/chat"):
        if answer == "Hel":
            seen.set()
    assert seen.is_set() and answer == "Hello"


def test_a_client_has_one_conversation_until_it_is_reset(served: Served) -> None:
    client = served.client()
    ask(client, "one")
    ask(client, "two")
    assert served.backend.calls[-1].conversation.turns == 2
    client.predict(api_name="/reset")
    ask(client, "three")
    assert served.backend.calls[-1].conversation.turns == 1
    sessions = {call.session for call in served.backend.calls}
    assert len(sessions) == 1 and sessions <= set(served.backend.forgotten)


def test_two_clients_do_not_share_a_conversation(served: Served) -> None:
    ask(served.client(), "mine")
    ask(served.client(), "yours")
    assert served.backend.calls[-1].conversation.turns == 1


def test_uploads_are_sent_with_their_resolution(served: Served, picture: str) -> None:
    ask(served.client(), "What?", [handle_file(picture)], max_tokens=77)
    (sent,) = served.backend.calls[0].conversation.media
    assert isinstance(sent, Image)
    assert Path(sent.path).is_relative_to(served.uploads.resolve())
    assert (sent.name, sent.vision.max_tokens) == ("red.png", 77)


def test_estimate_tells_the_cost_and_changes_nothing(served: Served, picture: str) -> None:
    client = served.client()
    message = {"text": "What?", "files": [handle_file(picture)]}
    estimate = client.predict(message=message, settings={}, api_name="/estimate")
    assert estimate["items"][0]["kind"] == "image"
    assert (estimate["prompt_tokens"], estimate["context_tokens"]) == (34, 32768)
    ask(client)
    assert served.backend.calls[-1].conversation.turns == 1


def test_an_address_is_refused_unless_addresses_are_allowed(served: Served) -> None:
    with pytest.raises(AppError, match="is a web address; download it and attach the file"):
        ask(served.client(), files=[handle_file("https://example.org/a.png")])
    assert served.backend.calls == []


def test_an_address_is_fetched_if_addresses_are_allowed(served: Served, picture: str) -> None:
    """For a program only; what there is, and not what the address ends with, says what it is."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(Path(picture).parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        served.page.tabs.downloads = Downloads(
            2**20, resolve=lambda *_: ["127.0.0.1"], reachable=lambda _: True
        )
        address = f"http://pictures.example:{site.server_port}/red.png?size=1"
        answer, _ = ask(served.client(), "What?", [handle_file(address)])
        with pytest.raises(AppError, match=r"HTTP 404"):
            ask(served.client(), "What?", [{"path": address.replace("red", "blue")}])
        with pytest.raises(AppError, match=r"http://\[ could not be fetched"):
            ask(served.client(), "What?", [{"path": "http://["}])
        served.page.tabs.background.quota = DiskQuota(0)
        with pytest.raises(AppError, match="could not keep the file"):
            ask(served.client(), "What?", [{"path": address}])
        site.shutdown()
    served.page.tabs.downloads, served.page.tabs.background.quota = None, DiskQuota()
    (sent,) = served.backend.calls[0].conversation.media
    assert (answer, sent.name) == ("Hello", "red.png")
    assert Path(str(sent.path)).is_relative_to(served.uploads.resolve())
    assert not list(served.uploads.glob("*/download"))  # nothing is left of what failed


def test_a_long_text_is_taken_and_one_that_no_context_holds_is_not(served: Served) -> None:
    text = "图" * MAX_TEXT_CHARACTERS
    ask(served.client(), text)
    assert served.backend.calls[0].conversation.messages[0].text == text
    for message, settings in (
        ({"text": text + "."}, {}),
        ({"text": "Hi"}, {"system_prompt": text + "."}),
    ):
        with pytest.raises(AppError, match=r"can hold 1,000,000"):
            served.client().predict(message=message, settings=settings, api_name="/chat")
    assert len(served.backend.calls) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tempreature": 1}, "tempreature"),
        ({"temperature": 9}, "temperature"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"seed": -1}, "seed"),
        ({"seed": 10**400}, "seed"),
        ({"top_p": "x" * 10**5}, "'top_p' is 'xxxxxxxxxxxx...xxxxxxxxxxxxx'"),
        ({"x" * 10**5: 1}, "no setting 'x{80}'"),
        ({"min_tokens": 9, "max_tokens": 5}, "min_tokens"),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    served: Served, settings: dict[str, Any], said: str
) -> None:
    for endpoint in ("/chat", "/estimate"):
        with pytest.raises(AppError, match=said):
            served.stranger.predict(message={"text": "Hi"}, settings=settings, api_name=endpoint)
    assert served.backend.calls == []


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"text": "", "files": []},
        {"text": 3},
        {"files": "a.png"},
        {"text": "Hi", "conversation": []},
        {"text": "Hi", "files": ["/etc/passwd"]},
        {"text": "Hi", "files": [{"path": "/etc/passwd"}]},
        {"text": "Hi", "files": [{"path": "http://127.0.0.1/a.png"}]},
        {"text": "Hi", "files": [{"path": None}]},
        {"text": "Hi", "files": [None] * 65},
        [],
        "Hi",
        None,
    ],
)
def test_a_malformed_message_is_refused_in_a_sentence(served: Served, message: Any) -> None:
    with pytest.raises(AppError) as refusal:
        served.stranger.predict(message=message, settings={}, api_name="/chat")
    said = str(refusal.value)
    assert said.endswith(".") and not any(words in said for words in UNHANDLED)
    assert served.backend.calls == []


def test_a_failure_shows_its_sentence_and_a_bug_shows_none_of_itself(served: Served) -> None:
    served.backend.events = [MediaError("Picture 1 is gone.")]
    with pytest.raises(AppError, match=r"Picture 1 is gone\."):
        ask(served.client())
    served.backend.events = [RuntimeError("secret")]
    with pytest.raises(AppError) as error:
        ask(served.client())
    assert "secret" not in str(error.value)


def test_a_failed_message_leaves_the_conversation_as_it_was(served: Served) -> None:
    client = served.client()
    served.backend.events = [MediaError("No.")]
    with pytest.raises(AppError):
        ask(client, "lost")
    kept = [tab.chat.undelivered for tab in served.page.tabs.open_tabs]
    assert "lost" not in [run.conversation.messages[0].text for run in kept if run]
    served.backend.events = [Delta("Hello")]
    ask(client, "kept")
    assert served.backend.calls[-1].conversation.turns == 1


def test_a_client_that_cancels_frees_the_place(served: Served) -> None:
    served.backend.gate = threading.Event()
    client = served.client()
    job = client.submit(message={"text": "Hi"}, settings={}, api_name="/chat")
    # Before that there is nothing to cancel.
    wait_until(lambda: served.backend.calls and job.outputs())
    job.cancel()
    assert served.backend.calls[0].cancel.wait(PATIENCE_S)


def test_a_client_that_has_cancelled_can_ask_again_at_once(served: Served) -> None:
    over = threading.Event()
    served.backend.answer = in_two_parts(over)
    client = served.client()
    job = client.submit(message={"text": "Hi"}, settings={}, api_name="/chat")
    wait_until(lambda: "Hel" in [answer for answer, _ in job.outputs()])
    job.cancel()
    again = client.submit(message={"text": "Hi"}, settings={}, api_name="/chat")
    time.sleep(0.5)  # it arrives while the first is still being stopped
    over.set()
    assert again.result(PATIENCE_S)[0] == "Hello"


def test_pages_of_a_document_are_pictures_and_their_text_is_sent_if_asked_for(
    served: Served, tmp_path: Path
) -> None:
    paper = documents.pdf(tmp_path / "report.pdf", [["one"], documents.table(), ["three"]])
    client = served.client()
    message = {"text": "Sum?", "files": [handle_file(paper)], "pages": "2-3", "pages_text": True}
    cost = client.predict(message=message, settings={}, api_name="/estimate")
    assert [item["kind"] for item in cost["items"]] == ["image", "image"]
    made = set((served.uploads / "pages").iterdir())
    assert client.predict(message=message, settings={}, api_name="/chat")[0] == "Hello"
    (sent,) = served.backend.calls[0].conversation.messages
    assert [part.name for part in sent.media] == ["report-p2.png", "report-p3.png"]
    assert sent.text.startswith("report.pdf, p. 2:\nItem Price\n") and sent.text.endswith(
        "three\n\nSum?"
    )
    assert set((served.uploads / "pages").iterdir()) == made, "they were drawn once"


def test_a_document_with_too_many_pages_is_refused_in_a_sentence(
    served: Served, tmp_path: Path
) -> None:
    paper = documents.pdf(tmp_path / "long.pdf", [[str(n)] for n in range(300)])
    locked = documents.pdf(tmp_path / "locked.pdf", [["x"]], password="geheim")
    with pytest.raises(
        AppError, match=r"^long\.pdf has 300 pages, and a message can hold 64 files;"
    ):
        ask(served.stranger, files=[handle_file(paper)])
    with pytest.raises(AppError, match=r"^locked\.pdf is protected by a password;"):
        ask(served.stranger, files=[handle_file(locked)])
    both = {"text": "x", "files": [handle_file(paper)] * 2, "pages": "1-33"}
    with pytest.raises(AppError, match="can hold 64 files; this one has 66"):
        served.stranger.predict(message=both, settings={}, api_name="/chat")
    for wrong in ({"pages": ["1"]}, {"pages_text": "yes"}):
        with pytest.raises(AppError, match="The message's 'pages' must be text such as"):
            served.stranger.predict(message={"text": "x"} | wrong, settings={}, api_name="/chat")
    assert not served.backend.calls
