"""Airflow 3 reads and really runs what couler writes.

COULER names the binary. Without it, or without Airflow, the tests are skipped and say so.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
REPOSITORY = HERE.parents[1]
COULER = os.environ.get("COULER") or shutil.which("couler")
PROGRAMS = sorted((HERE / "programs").glob("*.yaml"))

airflow = pytest.importorskip("airflow", reason="pip install -r tests/conformance/requirements.txt")
pytestmark = pytest.mark.skipif(COULER is None, reason="set COULER to the binary")


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """The programs, compiled for both targets."""
    made = {}
    for target in ("kubernetes", "local"):
        made[target] = tmp_path_factory.mktemp(target)
        for program in PROGRAMS:
            output = made[target] / f"{program.stem}.py"
            command = [COULER, "compile", program, "--engine", "airflow", "--target", target, "-o", output]
            subprocess.run(command, check=True, cwd=REPOSITORY)
    return made


@pytest.fixture(scope="session")
def results(folders, tmp_path_factory):
    """How the runs of all local DAGs went."""
    for folder in ("failure", "loop", "linear", "texts", "volumes"):
        shutil.rmtree(f"/tmp/couler-{folder}", ignore_errors=True)
    pathlib.Path("/tmp/couler-texts").mkdir()
    environment = os.environ | {
        "COULER_HOME": str(tmp_path_factory.mktemp("home")),
        "COULER_WORKING_DIR": str(REPOSITORY),
    }
    files = sorted(folders["local"].glob("*.py"))
    command = [sys.executable, HERE / "airflow_run.py", *files]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    lines = [line.removeprefix("RESULT ") for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    found = {result["dag"]: result for result in map(json.loads, lines)}
    assert run.returncode == 0 and len(found) == len(files), run.stdout[-3000:] + run.stderr[-3000:]
    return found


@pytest.mark.parametrize("target", ["kubernetes", "local"])
def test_airflow_imports_and_stores_every_dag(folders, target):
    subprocess.run([sys.executable, HERE / "airflow_dagbag.py", folders[target]], check=True)


@pytest.mark.parametrize("target", ["kubernetes", "local"])
def test_ruff_and_the_linter_find_nothing(folders, target):
    rules = ["--select", "E9,F,AIR", "--output-format", "json"]
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", *rules, folders[target]]
    found = json.loads(subprocess.run(ruff, capture_output=True, text=True).stdout)
    assert [one for one in found if not is_about_a_dash(one)] == []
    subprocess.run([COULER, "lint", *folders[target].glob("*.py")], check=True)


def is_about_a_dash(finding):
    """AIR001 wants variables named as their tasks, which no variable of Python can be if the name has a dash."""
    task = re.search('"(.+)"', finding["message"])
    return finding["code"] == "AIR001" and task is not None and not task[1].isidentifier()


EXPECTED = {
    "linear": ("success", {"write": "success", "read": "success"}),
    "branch": (
        "success",
        {
            "flip": "success",
            "heads": "success",
            "tails": "skipped",
            "after-tails": "success",
            "missing": "skipped",
            "join": "success",
        },
    ),
    "map": (
        "success",
        {
            "words[2]": "success",
            "numbers[2]": "success",
            "padded[2]": "success",
            "leaps[2]": "success",
            "combined[3]": "success",
            "collect-more": "success",
            "objects[0]": "skipped",
            "objects[1]": "success",
            "given[1]": "success",
            "produced[2]": "success",
            "none": "skipped",
            "collect": "success",
        },
    ),
    "failure": (
        "failed",
        {
            "breaks": "failed",
            "never": "upstream_failed",
            "tolerated": "skipped",
            "late": "skipped",
            "goes-on": "success",
            "alarm": "success",
            "praise": "skipped",
            "last": "success",
        },
    ),
    "status": (
        "success",
        {
            "breaks": "failed",
            "never": "upstream_failed",
            "handles": "success",
            "unneeded": "skipped",
            "behind-unneeded": "success",
            "both": "success",
            "tolerated": "skipped",
            "knows": "success",
            "blocked": "failed",
            "behind-blocked": "success",
            "items[1]": "success",
            "verdict": "success",
            "praise": "success",
            "alarm": "skipped",
        },
    ),
    "unhandled": (
        "failed",
        {"breaks": "failed", "sees": "skipped", "last": "success", "verdict": "failed", "alarm": "success"},
    ),
    "exit-status": (
        "failed",
        {"breaks": "failed", "never": "upstream_failed", "failed": "success", "skipped": "success", "neither": "skipped"},
    ),
    "facts": ("success", dict.fromkeys(["tell", "again", "written", "last"], "success")),
    "exit": ("success", {"work": "success", "praise": "success", "alarm": "skipped"}),
    "loop": ("success", {"count": "success", "bounded": "success", "check": "success"}),
    "texts": ("success", dict.fromkeys(["bash", "python", "notes", "check"], "success")),
    "volumes": ("success", {"write": "success", "read": "success"}),
    "train": ("success", {"train": "success", "evaluate": "success", "good": "success", "bad": "skipped"}),
}


def test_every_program_has_an_expectation():
    assert {program.stem for program in PROGRAMS} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_runs_end_as_they_should(results, name):
    state, tasks = EXPECTED[name]
    assert results[name]["state"] == state, results[name]
    assert {task: results[name]["tasks"].get(task) for task in tasks} == tasks


def test_a_failing_step_is_tried_again(results):
    assert results["failure"]["state"] == "failed"
    assert pathlib.Path("/tmp/couler-failure/tries").read_text().count("try") == 3


def test_the_longest_time_holds_for_all_waits_together(results):
    assert results["failure"]["tasks"]["late"] == "skipped"
    assert pathlib.Path("/tmp/couler-failure/late").read_text().count("try") == 2
