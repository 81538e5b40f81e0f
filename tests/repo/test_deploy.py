"""The files for running the page and an engine in containers fit the program and each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from cli.flags import connection, parser
from model.settings import SETTING_SPECS
from tests.support.project import PROJECT
from ui.http import health
from ui.http.access import metrics_route
from ui.http.asker import BROWSER_COOKIE

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
TLS = (DEPLOY / "compose.tls.yaml").read_text(encoding="utf-8")
CADDY = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
NGINX = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def filled_in(text: str, **given: str) -> str:
    """As `docker compose` replaces variables."""
    return VARIABLE.sub(lambda match: given.get(match[1]) or match[2], text)


def overriding(**given: str) -> dict[str, Any]:
    """The second file, as if what it resets and overrides were all that there is."""
    told = filled_in(TLS, **given).replace(" !reset", "").replace(" !override", "")
    found: dict[str, Any] = yaml.safe_load(told)
    return found


def services(**given: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(filled_in(COMPOSE, **given))["services"]
    return found


@pytest.mark.parametrize("text", [COMPOSE, TLS])
def test_every_variable_is_explained_and_has_a_default(text: str) -> None:
    explained = set(re.findall(r"^# +([A-Z][A-Z_, ]{3,}?)(?: {2}|$)", text, re.MULTILINE))
    named = {name for names in explained for name in names.split(", ")}
    assert {name for name, _ in VARIABLE.findall(text)} == named
    assert "$" not in filled_in(text)


def test_the_page_asks_the_engine_with_the_key_that_the_engine_expects() -> None:
    both = services(API_KEY="secret")
    options = parser(both["page"]["environment"]).parse_args([])
    server = connection(options, both["page"]["environment"])
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


def test_the_engine_is_reached_by_the_page_alone_and_reaches_nothing() -> None:
    document = yaml.safe_load(filled_in(COMPOSE))
    engine, page = document["services"]["engine"], document["services"]["page"]
    assert document["networks"]["inside"] == {"internal": True}
    assert engine["networks"] == ["inside"] and page["networks"] == ["inside", "outside"]
    assert "ports" not in engine and "ipc" not in engine
    # So somebody else has to fetch the checkpoint.
    weights = document["services"]["weights"]
    assert engine["environment"]["HF_HUB_OFFLINE"] == "1"
    assert engine["depends_on"]["weights"]["condition"] == "service_completed_successfully"
    assert weights["command"] == engine["command"][:1] and weights["networks"] == ["outside"]
    assert weights["environment"].keys() == {"HF_HOME", "HF_TOKEN"}
    assert "HF_TOKEN" not in engine["environment"] | page["environment"]
    assert page["ports"] == ["127.0.0.1:7860:7860"]


def test_the_engine_fetches_no_media_and_takes_no_longer_clip_than_the_page_sends() -> None:
    engine = services()["engine"]
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in engine["command"] if "=" in flag)
    (frames,) = (spec.high for spec in SETTING_SPECS if spec.name == "video_max_frames")
    assert yaml.safe_load(flags["media-io-kwargs"]) == {"video": {"num_frames": frames}}
    assert flags["allowed-media-domains"].endswith(".invalid")
    assert not any("local-media" in flag for flag in engine["command"])
    assert engine["environment"]["VLLM_MEDIA_URL_ALLOW_REDIRECTS"] == "0"
    assert engine["environment"]["VLLM_MAX_N_SEQUENCES"] == "1"
    assert "--media-io-kwargs" in (ROOT / "docs/deploy.md").read_text(encoding="utf-8")


def test_the_containers_that_strangers_reach_have_no_rights_that_they_do_not_need() -> None:
    page = services()["page"]
    for service in (page, overriding()["services"]["proxy"]):
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert page["mem_limit"] and page["pids_limit"]


def test_over_tls_only_the_proxy_is_published_and_pages_can_be_many() -> None:
    document = overriding(DOMAIN="chat.example.org", PAGES="3")
    page, proxy = document["services"]["page"], document["services"]["proxy"]
    assert page["ports"] == [] and page["deploy"]["replicas"] == 3
    assert page["volumes"] == ["/uploads"], "no page removes what another needs"
    assert parser(page["environment"]).parse_args([]).allow_host == ["chat.example.org"]
    assert proxy["networks"] == ["outside"] and "443:443" in proxy["ports"]
    assert "./Caddyfile:/etc/caddy/Caddyfile:ro" in proxy["volumes"]
    assert set(re.findall(r"\{\$(\w+):", CADDY)) == proxy["environment"].keys()


def test_both_proxies_keep_a_person_on_one_page_and_let_whole_files_through() -> None:
    largest = 2**20 * parser({}).parse_args([]).max_file_mb
    (caddy,) = re.findall(r"max_size (\d+)MB", CADDY)
    (nginx,) = re.findall(r"client_max_body_size (\d+)m;", NGINX)
    assert largest < int(caddy) * 10**6 and largest < int(nginx) * 2**20
    assert "lb_policy cookie " in CADDY and "dynamic a page 7860 {" in CADDY
    assert f'"~{BROWSER_COOKIE}=(?<browser>[0-9a-f]+)" $browser;' in NGINX
    assert "hash $person consistent;" in NGINX


def test_both_proxies_hide_what_is_for_operators_and_stream() -> None:
    for path in (health.PATH, metrics_route.PATH):
        assert re.search(rf"^\t@operators path .*{path}\b", CADDY, re.MULTILINE)
        assert f"location = {path} {{ return 404; }}" in NGINX
    assert "respond @operators 404" in CADDY and "flush_interval -1" in CADDY
    assert "proxy_buffering off;" in NGINX
    # A client's own word on where it comes from is not handed on; Caddy replaces it by itself.
    assert "X-Forwarded-For $remote_addr;" in NGINX


def test_the_model_cache_and_the_uploads_outlive_the_containers() -> None:
    document = yaml.safe_load(filled_in(COMPOSE))
    mounted = [mount for service in document["services"].values() for mount in service["volumes"]]
    assert {mount.partition(":")[0] for mount in mounted} == document["volumes"].keys()
    for name in ("weights", "engine"):
        service = document["services"][name]
        assert service["volumes"] == [f"models:{service['environment']['HF_HOME']}"]
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
    # tools/install.py checks hashes, too: tests/tools/test_install.py.
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


@pytest.mark.parametrize("text", [COMPOSE, TLS, DOCKERFILE])
def test_images_are_pinned(text: str) -> None:
    images = re.findall(r"^(?:FROM| +image:) (\S+)", filled_in(text), re.MULTILINE)
    stages = [*re.findall(r"^FROM \S+ AS (\w+)$", text, re.MULTILINE), "${MODEL}"]
    assert images
    for image in (image for image in images if image not in stages):
        assert ":" in image and not image.endswith(":latest")
