"""A chat becomes an example that has a place for each of its files."""

from __future__ import annotations

from model.conversation import Conversation, Image, Text, Video
from model.reproduce.annotations.sharegpt import data_set_info, sharegpt

NAMES = {"/u/a.png": "media/1-a.png", "/u/b.mp4": "media/2-b.mp4"}


def test_an_example_has_its_messages_and_files_in_their_order() -> None:
    talk = (
        Conversation(system="Be brief.")
        .with_user_turn(Image("/u/a.png"), Text("Before. "), Video("/u/b.mp4"), Text("After?"))
        .with_reply("Yes.")
        .with_user_turn(Image("/u/a.png"), Text("And?"))
        .with_reply("No.")
    )
    (example,) = sharegpt([talk], NAMES)
    assert example == {
        "conversations": [
            {"from": "human", "value": "<image>Before. <video>After?"},
            {"from": "gpt", "value": "Yes."},
            {"from": "human", "value": "<image>And?"},
            {"from": "gpt", "value": "No."},
        ],
        "system": "Be brief.",
        "images": ["media/1-a.png", "media/1-a.png"],
        "videos": ["media/2-b.mp4"],
    }


def test_a_typed_place_is_none() -> None:
    talk = Conversation().with_user_turn(Image("/u/a.png"), Text("What is <image> or <video>?"))
    (example,) = sharegpt([talk.with_reply("<image>")], NAMES)
    said = "".join(message["value"] for message in example["conversations"])
    assert said.count("<image>") == len(example["images"]) == 1 and "<video>" not in said
    assert said.replace("\u200b", "") == "<image>What is <image> or <video>?<image>"


def test_a_question_without_an_answer_is_left_out_with_its_files() -> None:
    asked = Conversation().with_user_turn(Image("/u/a.png"), Text("What is this?"))
    assert sharegpt([asked, Conversation()], NAMES) == []
    (example,) = sharegpt([asked.with_reply("A boat.").with_user_turn(Video("/u/b.mp4"))], NAMES)
    assert len(example["conversations"]) == 2 and example["videos"] == []


def test_the_entry_of_the_data_set_names_the_columns_of_an_example() -> None:
    talk = Conversation().with_user_turn(Text("Hi")).with_reply("Hello")
    (entry,) = data_set_info("chat.json").values()
    assert entry["file_name"] == "chat.json" and entry["formatting"] == "sharegpt"
    assert set(entry["columns"].values()) == sharegpt([talk], {})[0].keys()
