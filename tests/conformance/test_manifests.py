"""The systems' own tools read manifests of Argo and Tekton: hera's models, tekton-lint, and the schemas of ../shared.

COULER names the binary. COULER_SAMPLES is a folder with files of random programs, which the Rust tests write there
(`make conformance` does so). What is not installed is skipped, and says so.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

yaml = pytest.importorskip("yaml", reason="pip install -r tests/conformance/requirements.txt")

HERE = pathlib.Path(__file__).parent
REPOSITORY = HERE.parents[1]
COULER = os.environ.get("COULER") or shutil.which("couler")
SAMPLES = pathlib.Path(os.environ.get("COULER_SAMPLES") or REPOSITORY / "target" / "samples")
VALIDATORS = REPOSITORY.parent / "shared" / "validators"
LINT = REPOSITORY / "target" / "node-conformance" / "node_modules" / ".bin" / "tekton-lint"
ENOUGH = 100
# Exit steps that read each other; how a step ended, before the end on Tekton and at the end on Argo.
REFUSED = {("failure", "tekton"), ("status", "tekton"), ("unhandled", "tekton"), ("exit-status", "argo")}

pytestmark = pytest.mark.skipif(COULER is None, reason="set COULER to the binary")


def documents(path):
    return [found for found in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader) if found]


def samples(engine, ending):
    found = sorted((SAMPLES / engine).glob(f"*.{ending}"))
    if not found:
        pytest.skip(f"no files of random programs in {SAMPLES}; `make conformance` writes them")
    assert len(found) >= ENOUGH, len(found)
    return found


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """The programs of this folder, compiled for Argo and Tekton."""
    made = {}
    for engine in ("argo", "tekton"):
        folder = tmp_path_factory.mktemp(engine)
        for program in sorted((HERE / "programs").glob("*.yaml")):
            output = folder / f"{program.stem}.yaml"
            command = [COULER, "compile", program, "--engine", engine, "-o", output]
            refused = (program.stem, engine) in REFUSED
            run = subprocess.run(command, cwd=REPOSITORY)
            assert (run.returncode, output.exists()) == ((3, False) if refused else (0, True)), program
        made[engine] = sorted(folder.glob("*.yaml"))
    return made


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory):
    """Writes what is Tekton's own of manifests, with names instead of beginnings of names, and gives the files."""
    folder = tmp_path_factory.mktemp("pipelines")

    def write(paths):
        written = []
        for path in paths:
            own = [found for found in documents(path) if found["apiVersion"].startswith("tekton.dev/")]
            for found in own:
                if "generateName" in found["metadata"]:
                    found["metadata"]["name"] = found["metadata"].pop("generateName").rstrip("-")
            copy = folder / path.name
            copy.write_text(yaml.dump_all(own, Dumper=yaml.CSafeDumper, sort_keys=False))
            written.append(copy)
        return written

    return write


@pytest.fixture(scope="session")
def models():
    """hera's models of Argo, which take no field that they do not know."""
    pytest.importorskip("hera", reason="pip install -r tests/conformance/requirements.txt")
    import hera.workflows.models as found
    from hera.shared._pydantic import APIBaseModel

    strict = [APIBaseModel]
    for model in strict:
        strict += [inner for inner in model.__subclasses__() if inner not in strict]
    for model in strict:
        model.model_config["extra"] = "forbid"
    for model in strict:
        model.model_rebuild(force=True)
    with pytest.raises(ValueError, match="[Ee]xtra"):
        found.Workflow.model_validate({"metadata": {}, "spec": {"entrypont": "main"}})
    return found


def assert_hera_takes(models, paths):
    for path in paths:
        for found in documents(path):
            getattr(models, found["kind"]).model_validate(found)


def test_hera_knows_every_field_of_the_programs(models, compiled):
    assert_hera_takes(models, compiled["argo"])


def test_hera_knows_every_field_of_random_workflows(models):
    assert_hera_takes(models, samples("argo", "yaml"))


def lint(paths):
    """What tekton-lint calls an error."""
    if not LINT.exists():
        pytest.skip(f"{LINT} is missing: npm install --prefix target/node-conformance @ibm/tekton-lint@1.1.0")
    run = subprocess.run([LINT, "--format", "json", *paths], capture_output=True, text=True)
    tasks = {}
    for path in paths:
        spec = documents(path)[0]["spec"]
        tasks[str(path)] = {task["name"]: task for task in [*spec["tasks"], *spec.get("finally", [])]}
    errors = [one for one in json.loads(run.stdout) if one["level"] == "error"]
    return [(one["path"], one["message"]) for one in errors if not is_blind_spot(one, tasks[one["path"]])]


def is_blind_spot(error, tasks):
    """What tekton-lint 1.1.0 does not know of Tekton: parameters that a matrix supplies, and lists as results."""
    words = error["message"].split("'")
    if error["rule"] == "no-missing-param":
        matrix = tasks[words[3]].get("matrix") or {}
        given = [param for part in [matrix, *matrix.get("include", [])] for param in part.get("params", [])]
        return words[5] in {param["name"] for param in given}
    if error["rule"] == "no-undefined-result" and "[*]" in error["message"]:
        reference = next(word for word in words if word.startswith("$(tasks."))
        task, _, result = reference.removeprefix("$(tasks.").removesuffix("[*])").partition(".results.")
        return result in {one["name"] for one in tasks[task]["taskSpec"].get("results", [])}
    return False


def test_tekton_lint_finds_nothing_in_the_programs(compiled, pipelines):
    assert lint(pipelines(compiled["tekton"])) == []


def test_tekton_lint_finds_nothing_in_random_workflows(pipelines):
    assert lint(pipelines(samples("tekton", "yaml")[:ENOUGH])) == []


def validate(name, paths):
    validator = VALIDATORS / name
    if not validator.exists():
        pytest.skip(f"{validator} is not there")
    run = subprocess.run([sys.executable, validator, *paths], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]


def test_argo_manifests_keep_to_the_schema(compiled):
    validate("argo_schema.py", [*compiled["argo"], *samples("argo", "yaml")])


def test_tekton_manifests_keep_to_the_schema(compiled, pipelines):
    validate("tekton_schema.py", pipelines([*compiled["tekton"], *samples("tekton", "yaml")]))


@pytest.mark.parametrize("target", ["airflow", "airflow-local"])
def test_airflow_imports_random_dags(target):
    pytest.importorskip("airflow", reason="pip install -r tests/conformance/requirements.txt")
    files = samples(target, "py")
    subprocess.run([sys.executable, HERE / "airflow_dagbag.py", files[0].parent], check=True)
    validate("airflow_dagbag.py", [files[0].parent])
