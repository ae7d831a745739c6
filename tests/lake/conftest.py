"""Runs components of the code lake the way an engine does: prelude and script in one file, everything else by environment."""
import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAKE, DATA = ROOT / "prompts" / "code-lake", ROOT / "eval" / "data"
PRELUDE = (LAKE / "_runtime" / "couler_runtime.py").read_text()
NAMES = sorted(folder.name for folder in LAKE.iterdir() if folder.is_dir() and not folder.name.startswith("_"))

INNER = sorted(f"_inner/{folder.name}" for folder in (LAKE / "_inner").iterdir())


def component(name):
    return yaml.safe_load((LAKE / name / "component.yaml").read_text())


class Result:
    def __init__(self, done, outputs, values):
        self.code, self.stdout, self.stderr, self.outputs, self.folder = (
            done.returncode, done.stdout, done.stderr, outputs, values)
        self.last = (done.stdout.strip().splitlines() or [""])[-1]

    def __getitem__(self, port):
        return self.outputs[port]

    def table(self, port="data"):
        import pandas
        return pandas.read_parquet(self.outputs[port])

    def json(self, port="metrics"):
        return json.loads(pathlib.Path(self.outputs[port]).read_text())

    def value(self, name):
        text = (self.folder / name).read_text()
        try:
            return json.loads(text)
        except ValueError:
            return text


class Lake:
    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def attempt(self, name, arguments=None, inputs=None, environment=None, cwd=None):
        """Runs a component whatever comes of it; checks nothing."""
        spec, self.count = component(name), self.count + 1
        work = self.folder / f"{self.count:02}-{name.replace('/', '-')}"
        script = work / "step.py"
        work.mkdir(parents=True)
        script.write_text(PRELUDE + "\n" + (LAKE / name / spec["run"]["file"]).read_text())
        outputs = {port["name"]: str(work / "out" / port["name"]) for port in spec["outputs"]}
        clean = {key: value for key, value in os.environ.items()
                 if not key.startswith(("COULER_", "SMTP_", "SLACK_", "WEBHOOK_", "MLFLOW_"))}
        clean.update({"COULER_ARGS": json.dumps(arguments or {}), "COULER_INPUTS": json.dumps(inputs or {}),
                      "COULER_OUTPUTS": json.dumps(outputs), "COULER_VALUES": str(work / "values"),
                      "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **(environment or {})})
        done = subprocess.run([sys.executable, str(script)], env=clean, capture_output=True, text=True,
                              cwd=cwd or work, timeout=300)
        return Result(done, outputs, work / "values")

    def run(self, name, arguments=None, inputs=None, **more):
        """Runs a component that must succeed and keep its promises: every output and value that it declares is there."""
        result = self.attempt(name, arguments, inputs, **more)
        assert result.code == 0, result.stderr
        assert result.last, "a step prints its result last"
        spec = component(name)
        for port in spec["outputs"]:
            there = os.path.exists(result.outputs[port["name"]])
            assert there or port.get("optional"), f"{name} did not write its output {port['name']}"
        for value in spec.get("values", []):
            for one in [value] if isinstance(value, str) else (arguments or {}).get(value["from_argument"], []):
                assert (result.folder / one).is_file(), f"{name} did not emit {one}"
        return result

    def refuse(self, name, arguments=None, inputs=None, *words, **more):
        """Runs a component that must stop with exit code 2 and a message that has all the words."""
        result = self.attempt(name, arguments, inputs, **more)
        assert result.code == 2, (result.code, result.stdout, result.stderr)
        message = result.stderr.strip().splitlines()[-1]
        assert message.startswith("couler: ") and "; " in message, result.stderr
        assert all(word in message for word in words), message
        assert "Traceback" not in result.stderr, result.stderr
        return message

    def load(self, file, **arguments):
        return self.run("data.load", {"source": str(DATA / file), **arguments})["data"]


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path)


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """Steps that several tests build on, each run once: shared("churn") and so on."""
    lake, made = Lake(tmp_path_factory.mktemp("shared")), {}

    def clean():
        return lake.run("data.clean", {"operations": ["drop_duplicates"]}, {"data": get("churn")})

    def split():
        return lake.run("data.split", {"test_size": 0.25, "stratify": "churn"}, {"data": get("clean")["data"]})

    def xgboost():
        return lake.run("xgboost.train", {"target": "churn", "test_size": 0, "n_estimators": 60, "max_depth": 3},
                        {"data": get("split")["train"]})

    def forest():
        return lake.run("sklearn.train", {"estimator": "random_forest", "target": "churn", "test_size": 0},
                        {"data": get("split")["train"]})

    def houses_linear():
        return lake.run("sklearn.train", {"estimator": "linear_regression", "target": "price"}, {"data": get("houses")})

    makers = {"clean": clean, "split": split, "xgboost": xgboost, "forest": forest, "houses_linear": houses_linear}
    tables = {"churn": "churn.csv", "houses": "houses.csv", "iris": "iris.csv", "reviews": "reviews.csv",
              "customers": "customers.csv", "orders": "orders.csv", "sensors": "sensors.jsonl", "sales": "sales.parquet"}

    def get(name):
        if name not in made:
            made[name] = makers[name]() if name in makers else lake.load(tables[name])
        return made[name]

    return get
