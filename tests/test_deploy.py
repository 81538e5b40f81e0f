"""The files for running the page and an engine in containers fit the program and each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

import app
from tests.test_readme import PROJECT
from ui import health
from ui.flags import parser

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def filled_in(text: str, **given: str) -> str:
    """As `docker compose` replaces variables."""
    return VARIABLE.sub(lambda match: given.get(match[1]) or match[2], text)


def services(**given: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(filled_in(COMPOSE, **given))["services"]
    return found


def test_every_variable_is_explained_and_has_a_default() -> None:
    explained = set(re.findall(r"\b[A-Z_]{4,}\b", COMPOSE.partition("name:")[0]))
    assert {name for name, _ in VARIABLE.findall(COMPOSE)} == explained
    assert "$" not in filled_in(COMPOSE)


def test_the_page_asks_the_engine_with_the_key_that_the_engine_expects() -> None:
    both = services(API_KEY="secret")
    options = parser(both["page"]["environment"]).parse_args([])
    server = app.connection(options, both["page"]["environment"])
    assert server is not None
    assert server.base_url == "http://engine:8000/v1"
    assert server.key == both["engine"]["environment"]["VLLM_API_KEY"] == "secret"
    assert "ports" not in both["engine"]


def test_what_the_page_is_told_are_flags_of_it() -> None:
    environment = services()["page"]["environment"]
    flags = vars(parser({}).parse_args([]))
    told = {name.removeprefix("QWEN_VL_").lower() for name in environment if "QWEN" in name}
    assert told and told <= flags.keys()
    assert parser(environment).parse_args([]).auth is None
    asked = services(LOGINS="ann:one,bob:two")["page"]["environment"]
    assert parser(asked).parse_args([]).auth == ["ann:one", "bob:two"]


def test_the_engine_spreads_one_model_over_as_many_gpus_as_it_is_given() -> None:
    engine = services(GPUS="4", MODEL="Qwen/Qwen2-VL-72B-Instruct")["engine"]
    assert engine["command"][0] == "Qwen/Qwen2-VL-72B-Instruct"
    assert "--tensor-parallel-size=4" in engine["command"]
    (devices,) = engine["deploy"]["resources"]["reservations"]["devices"]
    assert (devices["count"], devices["capabilities"]) == (4, ["gpu"])
    (limit,) = (flag for flag in engine["command"] if "limit-mm" in flag)
    assert yaml.safe_load(limit.partition("=")[2]) == {"image": 64, "video": 8}


def test_the_model_cache_and_the_uploads_outlive_the_containers() -> None:
    document = yaml.safe_load(filled_in(COMPOSE))
    mounted = [mount for service in document["services"].values() for mount in service["volumes"]]
    assert {mount.partition(":")[0] for mount in mounted} == document["volumes"].keys()
    engine = document["services"]["engine"]
    assert f"models:{engine['environment']['HF_HOME']}" in engine["volumes"]
    assert "uploads:/uploads" in mounted and "GRADIO_TEMP_DIR=/uploads" in DOCKERFILE


def test_both_say_whether_they_are_well() -> None:
    assert "/health" in services()["engine"]["healthcheck"]["test"][-1]
    asked = rf"^HEALTHCHECK .*\n +CMD \[.*127\.0\.0\.1:7860{health.PATH}'"
    assert re.search(asked, DOCKERFILE, re.MULTILINE)


def test_the_image_is_built_from_files_that_are_there() -> None:
    build = services()["page"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert ROOT / build["dockerfile"] == DEPLOY / "Dockerfile"
    lines = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY")]
    copied = [name for line in lines for name in line]
    assert {"app.py", "model", "ui", "assets"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in IGNORED.splitlines(), name


def test_the_image_holds_a_model_or_not_and_checks_what_it_installs() -> None:
    (default,) = re.findall(r"^ARG MODEL=(\w+)$", DOCKERFILE, re.MULTILINE)
    stages = dict(re.findall(r"^FROM (\S+) AS (\w+)$", DOCKERFILE, re.MULTILINE))
    assert default in re.findall(r" AS (\w+)$", DOCKERFILE, re.MULTILINE) and len(stages) == 2
    none, *with_torch, _ = DOCKERFILE.split("\nFROM ")[1:]
    assert "--require-hashes -r requirements_page.lock" in none and "torch" not in none
    # tools/install.py checks hashes, too: tests/test_install.py.
    assert [re.findall(r"install\.py --torch (\w+)", stage) for stage in with_torch] == [
        ["cpu"],
        ["cuda"],
    ]
    assert services()["page"]["build"]["args"] == {"MODEL": "none"}


def test_the_program_in_the_image_is_nobody_special_and_listens() -> None:
    lines = DOCKERFILE.splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users and "root" not in users
    assert lines[-1] == 'ENTRYPOINT ["python", "app.py"]'
    assert "QWEN_VL_SERVER_NAME=0.0.0.0" in DOCKERFILE
    (version,) = re.findall(r"^FROM python:([\d.]+)-slim-\w+ AS none$", DOCKERFILE, re.MULTILINE)
    assert version in SpecifierSet(PROJECT["requires-python"])


@pytest.mark.parametrize("text", [COMPOSE, DOCKERFILE])
def test_images_are_pinned(text: str) -> None:
    images = re.findall(r"^(?:FROM| +image:) (\S+)", filled_in(text), re.MULTILINE)
    stages = [*re.findall(r"^FROM \S+ AS (\w+)$", text, re.MULTILINE), "${MODEL}"]
    assert images
    for image in (image for image in images if image not in stages):
        assert ":" in image and not image.endswith(":latest")
