"""A whole Airflow (scheduler, triggerer, API server) runs workflows in parts.

COULER names the binary. Without it, or without Airflow, the tests are skipped and say so. Everything listens on the
loopback interface and is ended afterwards.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

HERE = pathlib.Path(__file__).parent
REPOSITORY = HERE.parents[1]
COULER = os.environ.get("COULER") or shutil.which("couler")
FILES = pathlib.Path("/tmp/couler-parts")
START, RUN = 240, 300  # seconds that are given to the start and to the runs

airflow = pytest.importorskip("airflow", reason="pip install -r tests/conformance/requirements.txt")
pytestmark = pytest.mark.skipif(COULER is None, reason="set COULER to the binary")


class Airflow:
    """A running Airflow."""

    def __init__(self, home, dags):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url, self.home, self.token = f"http://127.0.0.1:{self.port}", home, None
        settings = {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__DAGS_FOLDER": dags,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": self.port,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "COULER_HOME": home / "couler",
        }
        settings["PATH"] = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = os.environ | {name: str(value) for name, value in settings.items()}
        self.log = open(home / "standalone.log", "w")
        self.process = None

    def command(self, *words):
        subprocess.run([sys.executable, "-m", "airflow", *words], env=self.environment, check=True, capture_output=True)

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "standalone"],
            env=self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.wait(START, lambda: self.request("/api/v2/monitor/health")["scheduler"]["status"] == "healthy", "start")
        self.token = self.request("/auth/token")["access_token"]

    def stop(self):
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.log.close()

    def wait(self, seconds, holds, what):
        end = time.monotonic() + seconds
        while True:
            try:
                if holds():
                    return
            except (urllib.error.URLError, ConnectionError, KeyError, TypeError):
                pass
            if time.monotonic() > end or self.process.poll() is not None:
                pytest.fail(f"{what}: {(self.home / 'standalone.log').read_text()[-3000:]}")
            time.sleep(2)

    def request(self, path, method="GET", body=None):
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def states(self, dag, run):
        """The state of each task of a run."""
        instances = self.request(f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=100")["task_instances"]
        name = lambda one: one["task_id"] + (f"[{one['map_index']}]" if one["map_index"] >= 0 else "")
        return {name(one): one["state"] for one in instances}


def compiled(folder, program, name, *options):
    """The parts of a program under another name."""
    text = (HERE / "parts" / f"{program}.yaml").read_text().replace(f"name: {program}", f"name: {name}", 1)
    path = folder / f"{name}.yaml"
    path.write_text(text.replace("/tmp/couler-parts", f"{FILES}/{name}"))
    command = [COULER, "compile", path, "--engine", "airflow", "--target", "local", "-o", f"{folder / 'dags'}/", *options]
    subprocess.run(command, check=True, cwd=REPOSITORY)


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Each workflow run once: its state, and the states of its tasks and those of its parts."""
    home = tmp_path_factory.mktemp("airflow")
    shutil.rmtree(FILES, ignore_errors=True)
    compiled(home, "values", "gated", "--split", "2")
    compiled(home, "values", "barrier", "--split", "2", "--barrier")
    compiled(home, "broken", "broken", "--split", "2")
    for name in ("gated", "barrier", "broken"):
        (FILES / name).mkdir(parents=True)
    dags = sorted((home / "dags").glob("*.py"))
    subprocess.run([COULER, "lint", *dags], check=True)
    server = Airflow(home, home / "dags")
    try:
        server.start()
        names = ("gated", "barrier", "broken")
        parts = [file.stem.replace("_part_", ".part-") for file in dags]
        server.wait(120, lambda: all(server.request(f"/api/v2/dags/{name}") for name in parts), "the DAGs")
        for name in names:
            server.request(f"/api/v2/dags/{name}", "PATCH", {"is_paused": False})
            server.request(f"/api/v2/dags/{name}/dagRuns", "POST", {"logical_date": None, "dag_run_id": "run"})
        state = lambda name: server.request(f"/api/v2/dags/{name}/dagRuns/run")["state"]
        server.wait(RUN, lambda: all(state(name) in ("success", "failed") for name in names), "the runs")
        yield {name: (state(name), {p: server.states(p, "run") for p in parts if p.split(".")[0] == name}) for name in names}
    finally:
        server.stop()


def steps(parts):
    """The states of all steps, wherever they ran."""
    return {step: state for name, states in parts.items() if "." in name for step, state in states.items()}


@pytest.mark.parametrize("name", ["gated", "barrier"])
def test_values_files_and_lists_cross_from_part_to_part(runs, name):
    state, parts = runs[name]
    assert state == "success", parts
    assert len(parts) >= 4
    found = json.loads((FILES / name / "found.json").read_text())
    assert found == {"squares": ["1", "4", "9"], "small": "always", "greeting": "hello", "table": "a table"}
    states = steps(parts)
    assert states["large"] == "skipped" and states["after-large"] == states["gather"] == "success"
    assert (FILES / name / "status").read_text().strip() == "Succeeded"
    assert any(step.startswith("gate-") for step in states) == (name == "gated")


def test_what_waits_for_a_failed_step_does_not_run(runs):
    state, parts = runs["broken"]
    states = steps(parts)
    assert state == "failed" and states["breaks"] == "failed"
    assert states["fine"] == states["other"] == "success"
    assert states["never"] == "upstream_failed"
    assert (FILES / "broken" / "broken").read_text().strip() == "Failed"
