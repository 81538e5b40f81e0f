"""The family of a model is read from its name in any spelling, and the table agrees with transformers."""

from __future__ import annotations

import pytest
from transformers import AutoConfig
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

from model.families import (
    BY_MODEL_TYPE,
    FAMILIES,
    QWEN2_5_VL,
    QWEN2_VL,
    QWEN3_VL,
    Family,
    of_key,
    recognised,
)

SPELLINGS = {
    "qwen2_vl": [
        "Qwen/Qwen2-VL-7B-Instruct-AWQ",
        "qwen/qwen-2-vl-72b-instruct",
        "Qwen2VLForConditionalGeneration",
        "mlx-community/Qwen2-VL-2B-Instruct-4bit",
        "mmproj-Qwen2-VL-7B-Instruct-f16.gguf",
        "prithivMLmods/Qwen2-VL-OCR-2B-Instruct",
        "neuralmagic/Qwen2-VL-72B-Instruct-FP8-dynamic",
        "qwen2vl_7b_lora_epoch3",
        "/models/qwen2-vl/7b",
        "allenai/olmOCR-7B-0225-preview",
        "bytedance-research/UI-TARS-7B-DPO",
        "osunlp/UGround-V1-7B",
        "Qwen/Qwen2-VL-7B-Instruct",
        "Qwen2-VL-72B-Instruct-GPTQ-Int4",
        "Qwen/Qwen2-VL-2B-Instruct-AWQ",
        "qwen2_vl",
        "qwen2vl",
        "Qwen2VL-7B-q4_k_m.gguf",
        "qwen2-vl:7b",
        "Qwen 2 VL",
        "qwen-2-vl-7b-instruct",
        "unsloth/Qwen2-VL-2B-Instruct-bnb-4bit",
        "someone/receipts-qwen2-vl-7b-lora-merged",
        "/data/checkpoints/qwen2-vl-7b/checkpoint-1200",
        "/home/ann/.cache/modelscope/hub/models/Qwen/Qwen2-VL-7B-Instruct",
        "/data/qwen3-vl-runs/Qwen2-VL-7B-Instruct",
        "models--Qwen--Qwen2-VL-7B-Instruct/snapshots/eed13092ef92e448dd6875b2a00151bd3f7db0ac",
        "qwen-vl-max-0809",
        "qwen-vl-plus-0809",
        "Qwen/QVQ-72B-Preview",
    ],
    "qwen2_5_vl": [
        "Qwen/Qwen2.5-VL-72B-Instruct",
        "unsloth/Qwen2.5-VL-3B-Instruct-bnb-4bit",
        "qwen2.5vl:72b-q4_K_M",
        "qwen/qwen2.5-vl-72b-instruct:free",
        "ggml-org/Qwen2.5-VL-7B-Instruct-GGUF:Q4_K_M",
        "Qwen2_5_VLForConditionalGeneration",
        "qwen2 5 vl",
        "Qwen2\u20115-VL",
        "qwen2--5-vl",
        "my-qwen2_5vl-7b-sft",
        "Qwen_2.5_VL_7B",
        "/mnt/qwen2.5-7b-vl/final",
        "azureml://registries/x/models/qwen-qwen2.5-vl-7b-instruct/versions/1",
        "omlab/Qwen2.5VL-3B-VLM-R1-REC-500steps",
        "remyxai/SpaceQwen2.5-VL-3B-Instruct",
        "allenai/olmOCR-2-7B-1025-FP8",
        "allenai/olmOCR-7B-0725",
        "ByteDance-Seed/UI-TARS-1.5-7B",
        "reducto/RolmOCR",
        "nanonets/Nanonets-OCR2-3B",
        "nvidia/Cosmos-Reason1-7B",
        "mPLUG/GUI-Owl-7B",
        "Qwen/Qwen2.5-VL-7B-Instruct",
        "Qwen2___5-VL-7B-Instruct",
        "/home/ann/.cache/modelscope/hub/models/Qwen/Qwen2___5-VL-3B-Instruct",
        "qwen25-vl",
        "Qwen25VL-7B",
        "qwen2.5vl:7b",
        "qwen2_5_vl",
        "qwen2-5-vl-72b-instruct",
        "qwen-2.5-vl-72b",
        "Qwen 2.5 VL",
        "accounts/fireworks/models/qwen2p5-vl-32b-instruct",
        "Qwen/Qwen2_5-VL-3B-Instruct-AWQ",
        "RedHatAI/Qwen2.5-VL-72B-Instruct-quantized.w8a8",
        "my-org/invoices-Qwen2.5-VL-7B-dpo",
        "Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf",
        "qwen2-vl-experiments/qwen2.5-vl-3b",
        "Qwen/Qwen2.5-Omni-7B",
    ],
    "qwen3_vl": [
        "hf.co/unsloth/Qwen3-VL-8B-Instruct-GGUF:UD-Q4_K_XL",
        "Qwen_Qwen3-VL-8B-Instruct-Q6_K.gguf",
        "qwen3-vl:235b-cloud",
        "qwen3-vl-plus-2025-09-23",
        "qwen.qwen3-vl-235b-a22b-v1:0",
        "accounts/fireworks/models/qwen3-vl-235b-a22b-thinking",
        "Qwen3VLMoeForConditionalGeneration",
        "qwen3vlmoe",
        "mlx-community/Qwen3-VL-4B-Instruct-8bit",
        "Qwen/Qwen3-VL-Embedding-8B",
        "Qwen3_5ForConditionalGeneration",
        "nvidia/Cosmos-Reason2-8B",
        "mPLUG/GUI-Owl-1.5-8B-Instruct",
        "Qwen/Qwen3-VL-8B-Instruct",
        "Qwen/Qwen3-VL-30B-A3B-Instruct-FP8",
        "qwen/qwen3-vl-235b-a22b-thinking",
        "Qwen3-VL-2B-Thinking",
        "qwen3-vl-plus",
        "qwen3-vl-4b",
        "qwen3vl:8b",
        "qwen3_vl_moe",
        "Qwen3VL-8B-q4_k_m.gguf",
        "qwen3-omni-30b-a3b-instruct",
        "Qwen/Qwen3.5-397B-A17B",
        "Qwen3___5-27B",
        "qwen3.5-plus",
        "qwen3_5_moe",
        "qwen35-4b",
        "Qwen/Qwen3.6-35B-A3B-FP8",
        "qwen4-vl",
    ],
}
# What follows is guessed: the name of a service's model without a date, of a model for texts, of anything else.
GUESSES = {
    "qwen2_vl": [
        "qwen-max",
        "Qwen/Qwen2-7B-Instruct",
        "vikhyatk/moondream2",
        "Kwai-Keye/Keye-VL-8B",
        "my-finetune",
        "",
        "gpt-4o",
        "Qwen-VL-Chat",
        "qwen-72b-vl",
        "colqwen2-v1.0",
    ],
    "qwen2_5_vl": [
        "qwen-vl-max-latest",
        "qwen-vl-max-2025-04-08",
        "Qwen/Qwen2.5-Coder-7B",
        "vidore/colqwen2.5-v0.2",
        "Qwen2.5-7B-Instruct-1M",
        "qwen-vl-max",
        "qwen-vl-plus-latest",
        "qwen-vl-ocr",
        "qwen2.5-7b-instruct",
    ],
    "qwen3_vl": [
        "qwen3-max",
        "Qwen3-Coder-480B-A35B",
        "Qwen3 4-bit",
        "qwen3-8b",
        "Qwen/Qwen3-1.7B",
        "qwen3-235b-a22b-2507",
        "Qwen3-4B-4bit",
    ],
}


def listed(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, key) for key, names in table.items() for name in names]


def test_the_table_of_spellings_is_long() -> None:
    assert len(listed(SPELLINGS)) >= 80


@pytest.mark.parametrize(("name", "key"), listed(SPELLINGS))
def test_a_name_tells_the_family_in_any_spelling(name: str, key: str) -> None:
    for spelt in (name, name.upper()):
        found = recognised([spelt])
        assert (found.family.key, found.sure) == (key, True)


@pytest.mark.parametrize(("name", "key"), listed(GUESSES))
def test_a_name_that_does_not_tell_is_guessed_from(name: str, key: str) -> None:
    found = recognised([name])
    assert (found.family.key, found.sure) == (key, False)


def test_of_several_names_the_one_counts_that_tells() -> None:
    assert recognised(["demo", "/models/Qwen2.5-VL-7B-Instruct"]).family is QWEN2_5_VL
    assert recognised(["qwen2.5-7b", "Qwen/Qwen3-VL-8B-Instruct"]).family is QWEN3_VL
    assert recognised(["Qwen/Qwen2-VL-2B-Instruct", "/models/qwen3-vl"]).family is QWEN2_VL
    assert recognised(["qwen2.5-7b", "qwen3-8b"]).family is QWEN2_5_VL


@pytest.mark.parametrize(
    ("name", "thinks"),
    [
        ("Qwen/Qwen3-VL-8B-Instruct", False),
        ("Qwen/Qwen3-VL-8B-Thinking", True),
        ("Qwen/Qwen3.5-27B", True),
        ("Qwen/Qwen2.5-VL-7B-Instruct", False),
    ],
)
def test_a_name_tells_whether_the_chat_template_opens_a_reasoning(name: str, thinks: bool) -> None:
    assert recognised([name]).thinks is thinks


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.key)
def test_the_geometry_is_that_of_transformers_own_configuration(family: Family) -> None:
    assert of_key(family.key) is family
    vision, geometry = AutoConfig.for_model(family.key).vision_config, family.geometry
    assert (geometry.patch_size, geometry.merge_size, geometry.temporal_patch_size) == (
        vision.patch_size,
        vision.spatial_merge_size,
        vision.temporal_patch_size,
    )


@pytest.mark.parametrize("model_type", ["qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"])
def test_later_models_have_the_vision_tower_of_qwen3_vl(model_type: str) -> None:
    vision = AutoConfig.for_model(model_type).vision_config
    assert recognised([model_type]).family is QWEN3_VL
    assert (vision.patch_size, vision.spatial_merge_size, vision.temporal_patch_size) == (16, 2, 2)


def test_each_family_is_known_by_its_configurations_and_its_processor() -> None:
    for model_type, family in BY_MODEL_TYPE.items():
        config = AutoConfig.for_model(model_type)
        kind = PROCESSOR_MAPPING[type(config)]
        assert kind.__name__ == family.processor_class


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.key)
def test_an_exact_size_goes_in_steps_of_the_familys_tokens(family: Family) -> None:
    table = {spec.name: spec for spec in family.default_settings.setting_specs}
    px = family.geometry.token_px
    for side in (table["resized_width"], table["resized_height"]):
        assert (side.low, side.high, side.step) == (px, None, px)
