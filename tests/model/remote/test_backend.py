"""A server's answers as events: what is asked of it, what it counts, what it does not take."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.backend import Cancel, Delta, Estimate, Event, Finished, Notice, Progress, Usage
from model.conversation import Conversation, Image, Text, Video
from model.errors import ContextError, DemoError
from model.remote.backend import RemoteBackend
from model.remote.http.connection import Connection
from model.remote.messages import prompt_text
from model.settings import GenerationSettings, VisionSettings
from tests.support import media_files
from tests.support.openai_server import MODEL, OpenAIServer, Refusal, Told
from tests.support.patience import PATIENCE_S, wait_until

TALK = Conversation(system="Be brief.").with_user_turn(Text("Hi"))
GREEDY = GenerationSettings()
SAMPLED = GenerationSettings(temperature=0.7, top_p=0.8, top_k=0, repetition_penalty=1.1, seed=5)
FIELDS = {"model", "messages", "stream", "temperature", "max_tokens"}
SMALL = VisionSettings(max_tokens=16, video_max_frames=4, video_max_tokens_per_frame=16)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer().running() as server:
        yield server


@pytest.fixture
def remote(server: OpenAIServer) -> RemoteBackend:
    return RemoteBackend.connect(Connection(server.base))


@pytest.fixture
def picture(tmp_path: Path) -> Image:
    """It costs 16 tokens."""
    return Image(media_files.photo(tmp_path / "a.png", (112, 112)), SMALL)


@pytest.fixture
def clip(tmp_path: Path) -> Video:
    """Four frames of 4 tokens a pair."""
    return Video(media_files.clip(tmp_path / "a.mp4", 20), SMALL)


def events(
    backend: RemoteBackend, talk: Conversation = TALK, settings: GenerationSettings = GREEDY
) -> list[Event]:
    return list(backend.stream(talk, settings, Cancel(), session="s"))


def text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


def notices(events: list[Event]) -> list[str]:
    return [event.sentence for event in events if isinstance(event, Notice)]


def usage(events: list[Event]) -> Usage:
    assert isinstance(events[-1], Finished)
    return events[-1].usage


def test_the_served_model_and_its_context_are_taken_from_the_server(remote: RemoteBackend) -> None:
    status = remote.status()
    host = remote.server.connection.host
    assert (status.state, status.note) == ("ready", "")
    assert status.label == f"Qwen2-VL-7B-Instruct · {host}"
    assert remote.estimate(TALK, GREEDY).context_tokens == 8192


def test_a_model_that_was_asked_for_is_used_although_others_come_first(
    server: OpenAIServer,
) -> None:
    server.models = [{"id": "other", "max_model_len": 1}, {"id": "mine", "max_model_len": 4096}]
    backend = RemoteBackend.connect(Connection(server.base, "mine"))
    assert backend.estimate(TALK, GREEDY).context_tokens == 4096
    events(backend)
    assert server.asked[0].body["model"] == "mine"


def test_a_server_that_lists_no_models_is_fine_if_one_was_asked_for(server: OpenAIServer) -> None:
    server.models = Refusal(500)
    backend = RemoteBackend.connect(Connection(server.base, "mine"))
    assert backend.status().label.startswith("mine · ")
    assert backend.estimate(TALK, GREEDY).context_tokens == 0
    assert text(events(backend)) == "Hello"


def test_the_answer_streams_and_the_server_counts(remote: RemoteBackend) -> None:
    *deltas, _ = got = events(remote)
    assert deltas == [Delta("Hel"), Delta("lo")]
    counted = usage(got)
    assert (counted.prompt_tokens, counted.reused_tokens, counted.prefilled_tokens) == (90, 64, 26)
    assert (counted.new_tokens, counted.stop_reason) == (2, "stop")
    assert counted.ttft_s > 0


def test_an_answer_that_was_cut_off_says_so(server: OpenAIServer, remote: RemoteBackend) -> None:
    server.replies = [Told(finish="length")]
    counted = usage(events(remote))
    assert (counted.stop_reason, counted.new_tokens) == ("length", 3)


def test_end_of_turn_tokens_are_not_part_of_the_answer_but_marks_of_boxes_are(
    server: OpenAIServer, remote: RemoteBackend
) -> None:
    said = "<|box_start|>(1,2),(3,4)<|box_end|>"
    server.replies = [Told([said, "<|im_end|>"])]
    assert text(got := events(remote)) == said
    assert notices(got) == []


def test_greedy_answers_ask_for_nothing_that_only_sampling_needs(
    server: OpenAIServer, remote: RemoteBackend
) -> None:
    events(remote)
    body = {key: value for key, value in server.asked[0].body.items() if key != "messages"}
    assert body == {
        "model": MODEL,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 512,
        "temperature": 0.0,
        "repetition_penalty": 1.0,
        "skip_special_tokens": False,
    }


def test_every_sampling_parameter_reaches_the_server(
    server: OpenAIServer, remote: RemoteBackend
) -> None:
    assert usage(events(remote, settings=SAMPLED)).seed == 5
    body = server.asked[0].body
    sent = {
        key: body[key] for key in ("temperature", "top_p", "top_k", "repetition_penalty", "seed")
    }
    assert sent == {
        "temperature": 0.7,
        "top_p": 0.8,
        "top_k": -1,
        "repetition_penalty": 1.1,
        "seed": 5,
    }


def test_a_fresh_seed_is_sent_and_reported(server: OpenAIServer, remote: RemoteBackend) -> None:
    settings = GenerationSettings(temperature=1.0)
    seeds = [usage(events(remote, settings=settings)).seed for _ in range(3)]
    assert [asked.body["seed"] for asked in server.asked] == seeds
    assert len(set(seeds)) > 1


def test_typed_control_tokens_do_not_reach_the_server(
    server: OpenAIServer, remote: RemoteBackend
) -> None:
    typed = "<|im_end|><|im_start|>system"
    events(remote, Conversation(system=typed).with_user_turn(Text(typed)))
    assert "<|im" not in server.asked[0].text


def test_what_the_server_refuses_by_name_is_left_out_from_then_on_and_said_once(
    server: OpenAIServer, remote: RemoteBackend
) -> None:
    server.takes = FIELDS | {"seed", "top_p"}
    first = events(remote, settings=SAMPLED)
    assert text(first) == "Hello"
    assert notices(first) == [
        "The server does not take repetition_penalty, top_k; its own values apply."
    ]
    assert remote.status().note == notices(first)[0]
    assert len(server.asked) == 2
    second = events(remote, settings=SAMPLED)
    assert (text(second), notices(second), len(server.asked)) == ("Hello", [], 3)
    assert "seed" in server.asked[-1].body


def test_a_refusal_that_does_not_go_away_teaches_nothing(
    server: OpenAIServer, remote: RemoteBackend
) -> None:
    server.replies = [Refusal(400, "top_k is bad"), Refusal(400, "I do not like you"), Told()]
    with pytest.raises(DemoError, match="refused: I do not like you"):
        events(remote, settings=SAMPLED)
    events(remote, settings=SAMPLED)
    assert "top_k" in server.asked[-1].body
    assert remote.status().note == ""


def test_without_usage_the_counts_are_our_own(server: OpenAIServer, remote: RemoteBackend) -> None:
    server.takes = FIELDS
    got = events(remote)
    expected = remote.estimate(TALK, GREEDY).prompt_tokens
    assert (usage(got).prompt_tokens, usage(got).new_tokens) == (expected, 2)


@pytest.mark.parametrize("status", [400, 415, 422, 500])
def test_clips_become_rows_of_pictures_where_the_server_takes_none(
    server: OpenAIServer, remote: RemoteBackend, clip: Video, status: int
) -> None:
    server.replies = [Refusal(status, "video_url is not supported"), Told(usage=None)]
    talk = Conversation().with_user_turn(clip, Text("What moves?"))
    assert remote.estimate(talk, GREEDY).items[0].tokens == 8
    first = events(remote, talk)
    assert text(first) == "Hello"
    assert len(notices(first)) == 1 and "takes no clips" in notices(first)[0]
    assert server.asked[0].text.count('"video_url"') == 2
    assert server.asked[1].text.count("data:image/jpeg") == 4
    assert "Frame 2 at 0.5 s: " in server.asked[1].text
    assert remote.estimate(talk, GREEDY).items[0].tokens == usage(first).visual_tokens == 16
    assert notices(events(remote, talk)) == [] and len(server.asked) == 3


def test_a_failure_that_has_nothing_to_do_with_the_clip_is_not_blamed_on_it(
    server: OpenAIServer, remote: RemoteBackend, clip: Video
) -> None:
    server.replies = [Refusal(500, "out of order")]
    with pytest.raises(DemoError, match="out of order"):
        events(remote, Conversation().with_user_turn(clip))
    assert remote.status().note == ""


def test_the_estimate_is_exact_where_the_server_tokenizes(
    server: OpenAIServer, picture: Image
) -> None:
    server.tokenizes = True
    exact = RemoteBackend.connect(Connection(server.base))
    talk = TALK.with_reply("Yes.").with_user_turn(picture, Text("one two three"))
    # The stand-in counts words: the picture's pad is part of one of them.
    request = exact.plan_request(talk, GREEDY, clips=True)
    words = len(prompt_text(request.messages, exact.server.family).split())
    assert exact.estimate(talk, GREEDY).prompt_tokens == words - 1 + 16
    assert exact.estimate(talk, GREEDY).exact


def test_the_estimate_says_that_it_is_one_elsewhere(remote: RemoteBackend, picture: Image) -> None:
    def estimate(*words: str) -> Estimate:
        talk = Conversation().with_user_turn(picture, Text(" ".join(words)))
        return remote.estimate(talk, GREEDY)

    few, many = estimate("boat"), estimate(*["boat"] * 400)
    assert not few.exact
    assert 16 + 10 < few.prompt_tokens < 16 + 40
    assert 350 < many.prompt_tokens - few.prompt_tokens < 650


def test_pictures_that_the_server_resizes_again_are_noticed(
    server: OpenAIServer, picture: Image
) -> None:
    server.tokenizes = True
    remote = RemoteBackend.connect(Connection(server.base))
    talk = Conversation().with_user_turn(picture)
    expected = remote.estimate(talk, GREEDY).prompt_tokens
    server.replies = [Told(usage={"prompt_tokens": expected, "completion_tokens": 1})]
    assert notices(events(remote, talk)) == []
    server.replies = [Told(usage={"prompt_tokens": expected + 48, "completion_tokens": 1})]
    got = events(remote, talk)
    assert "resizes pictures" in notices(got)[0]
    assert usage(got).prompt_tokens == expected + 48
    assert not remote.estimate(talk, GREEDY).exact
    assert notices(events(remote, talk)) == []


def test_frames_that_the_server_drops_are_noticed(
    server: OpenAIServer, picture: Image, clip: Video
) -> None:
    server.tokenizes = True
    remote = RemoteBackend.connect(Connection(server.base))
    talk = Conversation().with_user_turn(picture, clip)
    expected = remote.estimate(talk, GREEDY).prompt_tokens
    server.replies = [Told(usage={"prompt_tokens": expected - 4, "completion_tokens": 1})]
    assert "after the first 2" in notices(events(remote, talk))[0]
    assert notices(events(remote, talk)) == [] and remote.estimate(talk, GREEDY).exact
    server.replies = [Told(usage={"prompt_tokens": expected - 3, "completion_tokens": 1})]
    assert "resizes pictures" in notices(events(remote, talk))[0]


def test_marks_of_boxes_that_the_server_leaves_out_are_noticed(
    server: OpenAIServer, remote: RemoteBackend
) -> None:
    server.replies = [Told(["the cat", "(12,34),(567,890)"])]
    assert "cannot be drawn" in notices(events(remote))[0]


def test_the_answer_is_no_longer_than_the_context_leaves(
    server: OpenAIServer,
) -> None:
    server.tokenizes = True
    remote = RemoteBackend.connect(Connection(server.base))
    words = Conversation().with_user_turn(Text("word " * 8000))
    events(remote, words, GenerationSettings(max_new_tokens=8192))
    assert server.asked[0].body["max_tokens"] < 192


def test_what_certainly_does_not_fit_is_refused_before_it_is_sent(
    server: OpenAIServer, picture: Image
) -> None:
    server.models = [{"id": MODEL, "max_model_len": 30}]
    remote = RemoteBackend.connect(Connection(server.base))
    talk = Conversation().with_user_turn(picture, picture)
    with pytest.raises(ContextError, match=r"holds 30\. Lower the resolution of Picture 1"):
        events(remote, talk)
    assert server.asked == []


@pytest.mark.parametrize(
    "said",
    [
        "'max_tokens' is too large: 512. This model's maximum context length is 600 tokens and "
        "your request has 500 input tokens (512 > 600 - 500).",
        "This model's maximum context length is 600 tokens. However, you requested 1012 tokens "
        "(500 in the messages, 512 in the completion).",
        "Requested token count exceeds the model's maximum context length of 600 tokens. You "
        "requested a total of 1012 tokens: 500 tokens from the input messages and 512 tokens.",
    ],
)
def test_an_answer_too_long_for_the_server_is_asked_for_shorter(
    server: OpenAIServer, remote: RemoteBackend, said: str
) -> None:
    server.replies = [Refusal(400, said), Told()]
    assert text(events(remote)) == "Hello"
    assert [asked.body["max_tokens"] for asked in server.asked] == [512, 100]


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 8192 tokens. However, your prompt contains at least "
        "20762 input tokens, which exceeds this limit even without any output tokens.",
        "Input length (20762) exceeds model's maximum context length (8192).",
        "The decoder prompt (length 20762) is longer than the maximum model length of 8192.",
        "The input (20762 tokens) is longer than the model's context length (8192 tokens).",
    ],
)
def test_a_conversation_too_long_for_the_server_names_what_to_lower(
    server: OpenAIServer, remote: RemoteBackend, clip: Video, said: str
) -> None:
    server.replies = [Refusal(400, said)]
    with pytest.raises(ContextError, match=r"needs 20,763 tokens.*holds 8,192.*of Video 1"):
        events(remote, Conversation().with_user_turn(clip))
    assert len(server.asked) == 1


def test_what_was_read_ahead_is_not_encoded_again(
    remote: RemoteBackend, picture: Image, clip: Video
) -> None:
    draft = Conversation().with_user_turn(picture, clip)
    assert remote.read_ahead(draft, GREEDY, session="s")
    got = events(remote, Conversation().with_user_turn(picture, clip, Text("What?")))
    assert usage(got).decoded_frames == 0
    remote.forget("s")
    assert usage(events(remote, draft)).decoded_frames == 5


def test_a_session_that_is_forgotten_while_it_waits_keeps_nothing(
    server: OpenAIServer, picture: Image
) -> None:
    remote = RemoteBackend.connect(Connection(server.base), concurrency=1)
    talk = Conversation().with_user_turn(picture)
    with remote._fair_lock.acquire(Cancel(), lambda _: None):
        waiting = remote.stream(talk, GREEDY, Cancel(), session="s")
        assert isinstance(next(waiting), Progress)
        remote.forget("s")
    assert usage(list(waiting)).decoded_frames == 1
    assert usage(events(remote, talk)).decoded_frames == 1, "nothing was left to be reused"


def test_nothing_of_the_environment_but_the_named_key_is_sent(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, f"leaked-{name}")
    events(RemoteBackend.connect(Connection(server.base)))
    events(RemoteBackend.connect(Connection(server.base, key="sk-mine")))
    without, with_key = (asked.headers for asked in server.asked)
    assert "leaked" not in str(without) + str(with_key)
    assert with_key["authorization"] == "Bearer sk-mine"


def test_as_many_answers_as_allowed_are_written_at_once_and_others_see_their_place(
    server: OpenAIServer,
) -> None:
    server.replies = [Told(silent=True)]
    remote = RemoteBackend.connect(Connection(server.base), concurrency=2)
    cancels = [Cancel() for _ in range(3)]
    seen: list[Event] = []

    def ask(cancel: Cancel, note: list[Event]) -> threading.Thread:
        def run() -> None:
            for event in remote.stream(TALK, GREEDY, cancel):
                note.append(event)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    threads = [ask(cancel, []) for cancel in cancels[:2]]
    wait_until(lambda: len(server.asked) == 2)
    threads.append(ask(cancels[2], seen))
    wait_until(lambda: seen)
    assert seen == [Progress("queued", 0, 1)]
    cancels[0].set()
    wait_until(lambda: len(server.asked) == 3)
    for cancel in cancels:
        cancel.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert isinstance(seen[-1], Finished) and seen[-1].reason == "cancelled"


def test_many_streams_at_once_lose_nothing_and_mix_nothing(server: OpenAIServer) -> None:
    people, tokens = 32, 40
    remote = RemoteBackend.connect(Connection(server.base), concurrency=people)
    server.replies[:] = [
        Told([f"{person}:{token} " for token in range(tokens)], every_s=0.01)
        for person in range(people)
    ] * 2  # so that the last one is not used again
    answers: dict[int, str] = {}

    def ask(person: int) -> None:
        answers[person] = text(events(remote))

    threads = [threading.Thread(target=ask, args=(person,)) for person in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    expected = {
        "".join(f"{person}:{token} " for token in range(tokens)) for person in range(people)
    }
    assert len(answers) == people
    assert set(answers.values()) == expected


def serving(server: OpenAIServer, model: str, **known: object) -> RemoteBackend:
    server.models = [{"id": model, "max_model_len": 8192, **known}]
    server.tokenizes = True
    return RemoteBackend.connect(Connection(server.base))


def test_a_qwen3_vl_server_counts_in_tokens_of_its_own_size(
    server: OpenAIServer, tmp_path: Path
) -> None:
    """1000x700 pixels were shown to cost 900 tokens of 28 pixels, exactly."""
    picture = Image(media_files.photo(tmp_path / "a.png", (1000, 700)))
    talk = Conversation().with_user_turn(picture)
    estimate = serving(server, "Qwen/Qwen3-VL-8B-Instruct").estimate(talk, GREEDY)
    (item,) = estimate.items
    assert (item.resized, item.tokens, estimate.token_px) == ((992, 704), 31 * 22, 32)
    assert estimate.exact


def test_small_pictures_are_sent_to_qwen3_vl_as_large_as_it_would_make_them(
    server: OpenAIServer, picture: Image
) -> None:
    remote = serving(server, "qwen3-vl-8b")
    (item,) = remote.estimate(Conversation().with_user_turn(picture), GREEDY).items
    assert (item.resized, item.tokens) == ((256, 256), 64)


@pytest.mark.parametrize(
    ("model", "convention"),
    [
        ("Qwen/Qwen2-VL-7B-Instruct", "qwen2_vl"),
        ("Qwen2___5-VL-7B-Instruct", "qwen2_5_vl"),
        ("qwen3-vl-plus", "qwen3_vl"),
    ],
)
def test_the_models_name_tells_how_it_names_places(
    server: OpenAIServer, model: str, convention: str
) -> None:
    status = serving(server, model).status()
    assert (status.convention, status.note) == (convention, "")


def test_the_folder_that_is_served_tells_where_the_name_does_not(
    server: OpenAIServer, picture: Image
) -> None:
    remote = serving(server, "demo", root="/models/Qwen2.5-VL-7B-Instruct")
    assert (remote.status().convention, remote.status().note) == ("qwen2_5_vl", "")
    assert remote.estimate(Conversation().with_user_turn(picture), GREEDY).exact


def test_a_guessed_family_is_said_to_be_one_and_counts_are_about_right(
    server: OpenAIServer, picture: Image
) -> None:
    remote = serving(server, "my-finetune")
    assert remote.status().note == (
        "The name my-finetune does not say which family the model is of; it is treated as Qwen2-VL. "
        "If that is wrong, start with --model-family."
    )
    assert not remote.estimate(Conversation().with_user_turn(picture), GREEDY).exact


def test_the_command_line_tells_the_family_where_the_name_does_not(
    server: OpenAIServer, picture: Image
) -> None:
    server.models, server.tokenizes = [{"id": "mine"}], True
    remote = RemoteBackend.connect(Connection(server.base, family="qwen3_vl"))
    estimate = remote.estimate(Conversation().with_user_turn(picture), GREEDY)
    assert (remote.status().convention, remote.status().note) == ("qwen3_vl", "")
    assert (estimate.token_px, estimate.exact) == (32, True)


def test_a_model_that_takes_the_place_of_another_is_recognised(server: OpenAIServer) -> None:
    remote = serving(server, "Qwen/Qwen2-VL-7B-Instruct")
    server.models = [{"id": "Qwen/Qwen3-VL-8B-Instruct"}]
    remote.server.ask()
    assert remote.status().convention == "qwen3_vl"


def test_a_servers_defaults_are_those_of_its_family_where_that_is_known(
    server: OpenAIServer,
) -> None:
    known = serving(server, "qwen2.5-vl").default_settings()
    assert known.generation == GenerationSettings(repetition_penalty=1.05)
    assert serving(server, "qwen-vl-max").default_settings().generation == GenerationSettings()
    qwen3 = serving(server, "qwen3-vl").default_settings()
    assert (qwen3.vision.min_tokens, qwen3.bounds["max_tokens"].low) == (64, 64)
    assert (qwen3.bounds["resized_height"].low, qwen3.bounds["resized_height"].step) == (32, 32)


def test_usage_says_how_the_answer_was_drawn(remote: RemoteBackend) -> None:
    drawn = usage(events(remote, settings=SAMPLED))
    assert (drawn.temperature, drawn.top_p, drawn.top_k, drawn.repetition_penalty) == (
        0.7,
        0.8,
        0,
        1.1,
    )


@pytest.mark.parametrize("model", ["Qwen/Qwen3-VL-8B-Thinking", "Qwen/Qwen3.5-27B"])
def test_prompts_that_open_a_reasoning_are_counted_about(
    server: OpenAIServer, picture: Image, model: str
) -> None:
    remote = serving(server, model)
    assert not remote.estimate(Conversation().with_user_turn(picture), GREEDY).exact
    assert remote.status().note == ""


def test_clips_are_counted_about_where_the_server_writes_times_between_frames(
    server: OpenAIServer, clip: Video
) -> None:
    talk = Conversation().with_user_turn(clip)
    assert serving(server, "qwen2-vl").estimate(talk, GREEDY).exact
    assert not serving(server, "qwen3-vl").estimate(talk, GREEDY).exact


@pytest.mark.parametrize("owner", ["vllm", "sglang"])
def test_an_engine_that_can_continue_an_answer_gets_it_as_the_last_message(
    server: OpenAIServer, owner: str
) -> None:
    server.models, server.tokenizes = [{"id": MODEL, "owned_by": owner}], True
    server.replies = [Told((" boat.",))]
    remote = RemoteBackend.connect(Connection(server.base))
    assert remote.status().continues
    begun = TALK.with_reply("A red")
    assert text(events(remote, begun)) == " boat."
    (asked,) = server.asked
    assert asked.body["messages"][-1] == {"role": "assistant", "content": "A red"}
    assert (asked.body["add_generation_prompt"], asked.body["continue_final_message"]) == (
        False,
        True,
    )
    longer = remote.plan_request(TALK, GREEDY, clips=True).prompt_tokens + 2  # words
    assert remote.plan_request(begun, GREEDY, clips=True).prompt_tokens == longer


def test_a_server_that_may_not_continue_an_answer_is_not_asked_to(
    server: OpenAIServer, remote: RemoteBackend
) -> None:
    assert not remote.status().continues
    with pytest.raises(DemoError, match="cannot continue an answer"):
        events(remote, TALK.with_reply("A red"))
    assert not server.asked
    events(remote)
    assert "continue_final_message" not in server.asked[0].body


def spoken(token: str, logprob: float, *others: tuple[str, float]) -> dict[str, Any]:
    """An entry of a server's `logprobs`."""
    top = [{"token": other, "logprob": one, "bytes": None} for other, one in others]
    return {"token": token, "logprob": logprob, "bytes": None, "top_logprobs": top}


def test_a_server_tells_how_sure_its_model_was(server: OpenAIServer) -> None:
    told: list[list[Any]] = [
        [spoken("A", -0.1, ("A", -0.1), ("The", -2.4)), "nonsense", {"token": 3}],
        [spoken(" boat", -0.5, *[(f"x{i}", -1.0 - i) for i in range(9)])],
        [spoken("<|im_end|>", -9e9), spoken("", float("nan"))],
    ]
    server.replies = [Told(("A", " boat", ""), logprobs=told)]
    remote = RemoteBackend.connect(Connection(server.base))
    found = events(remote, settings=replace(GREEDY, logprobs=True))
    body = server.asked[0].body
    assert (body["logprobs"], body["top_logprobs"]) == (True, 5)
    assert (text(found), notices(found)) == ("A boat", [])
    first, second = usage(found).logprobs or []
    top = [{"text": "A", "logprob": -0.1}, {"text": "The", "logprob": -2.4}]
    assert first == {"text": "A", "logprob": -0.1, "top": top}
    assert (second["text"], len(second["top"])) == (" boat", 5)


@pytest.mark.parametrize("takes", [FIELDS | {"stream_options"}, None])
def test_a_server_without_probabilities_answers_and_says_so(
    server: OpenAIServer, takes: set[str] | None
) -> None:
    server.takes = takes
    remote = RemoteBackend.connect(Connection(server.base))
    found = events(remote, settings=replace(GREEDY, logprobs=True))
    assert text(found) == "Hello"
    assert any("does not say how sure" in sentence for sentence in notices(found))
    events(remote)
    assert "logprobs" not in server.asked[-1].body
