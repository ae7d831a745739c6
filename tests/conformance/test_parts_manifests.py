"""Parts of workflows, as other tools see them: schemas of ../shared, hera's models, tekton-lint's shell and jq.

COULER names the binary. What is not installed is skipped, and says so.
"""

import json
import os
import random
import shutil
import stat
import subprocess

import pytest

yaml = pytest.importorskip("yaml", reason="pip install -r tests/conformance/requirements.txt")

from test_manifests import validate  # noqa: E402

COULER = os.environ.get("COULER") or shutil.which("couler")
LIMIT = 1 << 20

pytestmark = pytest.mark.skipif(COULER is None, reason="set COULER to the binary")


def program():
    """1,000 steps with values, files, conditions and plain order between them."""
    rng = random.Random(8)
    steps = []
    for number in range(1000):
        parents = sorted({rng.randrange(max(0, number - 120), number) for _ in range(2)}) if number >= 40 else []
        run = {"function": "run_container", "image": "acme/work:1", "command": ["work"], "args": [f"--number={number}"]}
        step = {"name": f"s{number}", "run": run, "after": [f"s{p}" for p in parents]}
        step["outputs"] = [
            {"name": "score", "source": {"kind": "parameter", "path": "/tmp/out/score"}},
            {"name": "file", "source": {"kind": "artifact", "path": "/tmp/files/data"}},
        ]
        if parents and number % 3 == 0:
            run["args"].append("{{steps.s%d.score}}" % parents[0])
        if parents and number % 5 == 0:
            source = {"kind": "artifact", "name": "data", "step": f"s{parents[-1]}", "output": "file", "path": "/tmp/in/data"}
            step["inputs"] = [source]
        if parents and number % 11 == 0:
            step["when"] = f"s{parents[0]}.score > 0.5"
        steps.append(step)
    tell = {"name": "tell", "run": {"function": "run_container", "image": "acme/tell:1"}}
    parameters = {"day": {"default": "monday"}}
    return {"version": "couler/v1", "name": "large", "parameters": parameters, "steps": steps, "on_exit": [tell]}


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """The program in parts for each engine that reads YAML, with gates and with barriers."""
    folder = tmp_path_factory.mktemp("parts")
    (folder / "p.json").write_text(json.dumps(program()))
    made = {}
    for engine in ("argo", "tekton"):
        for mode, more in (("gated", []), ("barrier", ["--barrier"])):
            output = folder / engine / mode
            command = [COULER, "compile", folder / "p.json", "--engine", engine, "-o", f"{output}/", *more]
            subprocess.run(command, check=True)
            made[engine, mode] = sorted(output.glob("*.yaml"))
            subprocess.run([COULER, "lint", *made[engine, mode]], check=True)
    return made


def documents(paths):
    return [found for path in paths for found in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader) if found]


MODES = [(engine, mode) for engine in ("argo", "tekton") for mode in ("gated", "barrier")]


@pytest.mark.parametrize("key", MODES)
def test_every_document_is_small_enough_for_a_cluster(compiled, key):
    for found in documents(compiled[key]):
        assert len(yaml.dump(found, Dumper=yaml.CSafeDumper)) <= LIMIT and len(json.dumps(found)) <= LIMIT


@pytest.mark.parametrize("mode", ["gated", "barrier"])
def test_argo_parts_keep_to_the_schema(compiled, mode, tmp_path):
    validate("argo_schema.py", own(compiled["argo", mode], "argoproj.io/", tmp_path))


@pytest.mark.parametrize("mode", ["gated", "barrier"])
def test_tekton_parts_keep_to_the_schema(compiled, mode, tmp_path):
    validate("tekton_schema.py", own(compiled["tekton", mode], "tekton.dev/", tmp_path))


def own(paths, version, folder):
    """One file for each document of an engine, with names instead of beginnings of names."""
    written = []
    for number, found in enumerate(documents(paths)):
        if not found["apiVersion"].startswith(version):
            continue
        if version == "tekton.dev/" and "generateName" in found["metadata"]:
            found["metadata"]["name"] = found["metadata"].pop("generateName").rstrip("-")
        written.append(folder / f"{number}.yaml")
        written[-1].write_text(yaml.dump(found, Dumper=yaml.CSafeDumper))
    assert len(written) >= 6
    return written


def test_manifests_inside_of_argo_parts_are_resources(compiled):
    """What a part creates or changes is YAML once Argo has put its values in."""
    import re

    for found in documents(compiled["argo", "gated"]):
        for template in found.get("spec", {}).get("templates", []):
            text = template.get("resource", {}).get("manifest")
            if text:
                inner = yaml.safe_load(re.sub(r"\{\{=.*?\}\}", '"x: \\"y\\"\\n"', text).replace("{{", "").replace("}}", ""))
                assert inner["kind"] in ("ConfigMap", "Workflow") and inner["metadata"], text


KUBECTL = """#!/bin/sh
# Says what the files of a folder say: the run of a part, and its tasks.
for word in "$@"; do case "$word" in *-p[0-9]*) part=${word##*-p};; esac; done
case "$2" in
  pipelinerun) cat "$STATES/run-$part" 2> /dev/null || true;;
  taskruns) cat "$STATES/tasks-$part" 2> /dev/null || echo '{"items": []}';;
esac
"""


@pytest.fixture
def gate(compiled, tmp_path):
    """Runs the script of a gate of Tekton with a kubectl that reads files."""
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    pipelines = [found for found in documents(compiled["tekton", "gated"]) if found["kind"] == "Pipeline"]
    tasks = [task for found in pipelines for task in found["spec"]["tasks"]]
    gates = [task for task in tasks if task["name"].startswith("gate-")]
    variables_of = lambda task: {one["name"]: one["value"] for one in task["taskSpec"]["steps"][0]["env"]}
    task = next(task for task in gates if len(json.loads(variables_of(task)["VALUES"])) > 0)
    step, variables = task["taskSpec"]["steps"][0], variables_of(task) | {"RUN": "run"}
    values = json.loads(variables["VALUES"])
    wait = json.loads(variables["WAIT"])
    (tmp_path / "bin").mkdir()
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(kubectl.stat().st_mode | stat.S_IEXEC)
    script = step["script"].replace("sleep 10", "exit 9")
    for result in task["taskSpec"]["results"]:
        script = script.replace(f"$(results.{result['name']}.path)", str(tmp_path / result["name"]))
    assert "$(results." not in script

    def run(state, skipped=()):
        for part, tasks in wait.items():
            (tmp_path / f"run-{part}").write_text(json.dumps({"status": {"skippedTasks": [{"name": t} for t in skipped]}}))
            items = [
                {"metadata": {"labels": {"tekton.dev/pipelineTask": name}}, "status": state(name)}
                for name in tasks if name not in skipped
            ]
            (tmp_path / f"tasks-{part}").write_text(json.dumps({"items": items}))
        environment = os.environ | variables | {"STATES": str(tmp_path)}
        environment["PATH"] = f"{kubectl.parent}:{environment['PATH']}"
        done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True)
        read = lambda name: (tmp_path / name).read_text() if done.returncode == 0 else None
        return done.returncode, read("value-0"), read("written-0")

    run.producer = values[0][2]
    return run


def ended(status, value="0.7"):
    results = [{"name": "score", "value": value}]
    return {"completionTime": "t", "conditions": [{"type": "Succeeded", "status": status}], "results": results}


def test_a_gate_of_tekton_opens_waits_and_closes(gate):
    assert gate(lambda name: ended("True")) == (0, "0.7", "true")
    assert gate(lambda name: {} if name == gate.producer else ended("True"))[0] == 9  # it looks again
    assert gate(lambda name: ended("False"))[0] == 1
    assert gate(lambda name: ended("True"), skipped=[gate.producer]) == (0, "", "false")
