"""bench.py COULER: times whole processes and prints a table, with hera building the same graph in the same run."""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

STEPS = 1000

HERA = """
from hera.workflows import DAG, Container, Workflow
with Workflow(generate_name="bench-", entrypoint="main") as w:
    templates = [Container(name=f"step-{i}", image="acme/work:1", command=["work"], args=[f"--part={i}"]) for i in range(%d)]
    with DAG(name="main"):
        tasks = []
        for i, template in enumerate(templates):
            task = template(name=f"step-{i}")
            for parent in {i // 2, i - 7} - {i}:
                if 0 <= parent < i:
                    tasks[parent] >> task
            tasks.append(task)
open(%r, "w").write(w.to_yaml())
"""


def program():
    steps = []
    for i in range(STEPS):
        after = sorted(f"step-{parent}" for parent in {i // 2, i - 7} - {i} if 0 <= parent < i)
        run = {"function": "run_container", "image": "acme/work:1", "command": ["work"], "args": [f"--part={i}"]}
        steps.append({"name": f"step-{i}", "run": run, **({"after": after} if after else {})})
    return {"version": "couler/v1", "name": "bench", "steps": steps}


def median(command, runs):
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main():
    couler = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "program.json").write_text(json.dumps(program()))
        (folder / "build_with_hera.py").write_text(HERA % (STEPS, str(folder / "hera.yaml")))
        compile_time = median([couler, "compile", str(folder / "program.json"), "-o", str(folder / "couler.yaml")], 15)
        help_time = median([couler, "--help"], 15)
        hera_time = median([sys.executable, str(folder / "build_with_hera.py")], 5)
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        ours = yaml.load((folder / "couler.yaml").read_text(), Loader=loader)
        tasks = next(template for template in ours["spec"]["templates"] if "dag" in template)["dag"]["tasks"]
        theirs = yaml.load((folder / "hera.yaml").read_text(), Loader=loader)
        their_tasks = next(template for template in theirs["spec"]["templates"] if "dag" in template)["dag"]["tasks"]
        assert len(tasks) == len(their_tasks) == STEPS, (len(tasks), len(their_tasks))
    print(f"{'whole process':<44}{'median':>12}{'target':>14}")
    print(f"{f'couler compile, {STEPS} steps':<44}{compile_time * 1000:>9.1f} ms{'<= 20 ms':>14}")
    print(f"{f'hera 7.1.0, the same {STEPS} steps':<44}{hera_time * 1000:>9.1f} ms")
    print(f"{'hera / couler':<44}{hera_time / compile_time:>9.1f} x {'>= 50 x':>14}")
    print(f"{'couler --help':<44}{help_time * 1000:>9.1f} ms{'<= 20 ms':>14}")


main()
