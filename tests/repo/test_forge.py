"""What a forge reads under .github fits the project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from packaging.specifiers import SpecifierSet

from tests.support.project import MAKEFILE, PROJECT, ROOT

FORGE = ROOT / ".github"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps() -> list[dict[str, Any]]:
    jobs = {
        name: job
        for workflow in (FORGE / "workflows").iterdir()
        for name, job in read(workflow)["jobs"].items()
    }
    assert {"audit", "check", "unit", "browser", "wheel"} <= set(jobs)
    return [step for job in jobs.values() for step in job["steps"]]


def test_the_jobs_run_targets_and_tests_that_exist() -> None:
    commands = [step["run"] for step in steps() if "run" in step]
    for target in re.findall(r"make ([a-z-]+)", "\n".join(commands)):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
    for name in re.findall(r"tests/[\w/.]+", "\n".join(commands)):
        assert (ROOT / name).exists(), name


def test_every_action_is_pinned_to_a_version() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action) for action in used)


def test_every_python_of_the_matrix_is_supported_and_declared() -> None:
    matrix = read(FORGE / "workflows" / "test.yml")["jobs"]["unit"]["strategy"]["matrix"]
    assert all(version in SpecifierSet(PROJECT["requires-python"]) for version in matrix["python"])
    declared = {line.split(" :: ")[-1] for line in PROJECT["classifiers"] if " 3." in line}
    assert declared == set(matrix["python"])


def test_a_report_of_a_bug_comes_with_what_the_check_says() -> None:
    fields = {
        field.get("id"): field for field in read(FORGE / "ISSUE_TEMPLATE" / "bug.yml")["body"]
    }
    assert "--check" in fields["check"]["attributes"]["description"]
    assert fields["check"]["validations"]["required"]


def test_ruff_before_a_commit_is_the_ruff_of_the_tests() -> None:
    repos = read(ROOT / ".pre-commit-config.yaml")["repos"]
    (revision,) = (repo["rev"] for repo in repos if "ruff" in repo["repo"])
    pinned = (ROOT / "requirements_test.txt").read_text(encoding="utf-8")
    assert f"ruff=={revision.removeprefix('v')}\n" in pinned
