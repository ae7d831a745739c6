"""bench.py COULER: times whole processes and prints tables, with peers building the same graph in the same run.

A peer that is not installed is left out, and said so.
"""
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SIZES = (1000, 2000, 5000, 10000)
ENGINES = ("argo", "airflow", "tekton")
TARGETS = {1000: 25, 10000: 250}
PEER_STEPS = 1000
LEAST_RATIO = 50

COMMON = """
STEPS, OUT = %d, %r
def parents(i):
    return sorted(p for p in {i // 2, i - 7} - {i} if 0 <= p < i)
"""
HERA = """
from hera.workflows import DAG, Container, Workflow
with Workflow(generate_name="bench-", entrypoint="main") as w:
    steps = range(STEPS)
    templates = [Container(name=f"step-{i}", image="acme/work:1", command=["work"], args=[f"--part={i}"]) for i in steps]
    with DAG(name="main"):
        tasks = []
        for i, template in enumerate(templates):
            task = template(name=f"step-{i}")
            for parent in parents(i):
                tasks[parent] >> task
            tasks.append(task)
open(OUT, "w").write(w.to_yaml())
"""
COULER_SDK = """
import json, yaml
import couler.argo as couler
from couler.core import states
def step(i):
    couler.run_container(image="acme/work:1", command=["work"], args=[f"--part={i}"], step_name=f"step-{i}")
for i in range(STEPS):
    couler.set_dependencies(lambda: step(i), dependencies=[f"step-{p}" for p in parents(i)] or None)
plain = json.loads(json.dumps(states.workflow.to_dict()))
open(OUT, "w").write(yaml.dump(plain, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False))
"""
KFP = """
from kfp import compiler, dsl
@dsl.container_component
def work(part: str):
    return dsl.ContainerSpec(image="acme/work:1", command=["work"], args=[part])
@dsl.pipeline(name="bench")
def bench():
    tasks = []
    for i in range(STEPS):
        tasks.append(work(part=f"--part={i}"))
        for parent in parents(i):
            tasks[i].after(tasks[parent])
compiler.Compiler().compile(bench, OUT)
"""
PEERS = {"hera": ("hera", HERA), "couler SDK": ("couler", COULER_SDK), "kfp": ("kfp", KFP)}


def program(steps):
    made = []
    for i in range(steps):
        after = sorted(f"step-{parent}" for parent in {i // 2, i - 7} - {i} if 0 <= parent < i)
        run = {"function": "run_container", "image": "acme/work:1", "command": ["work"], "args": [f"--part={i}"]}
        made.append({"name": f"step-{i}", "run": run, **({"after": after} if after else {})})
    return {"version": "couler/v1", "name": "bench", "steps": made}


def times(command, runs):
    found = []
    for _ in range(runs):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found.append(1000 * (time.perf_counter() - started))
    return sorted(found)


def engines(couler, folder):
    """Compiles every size for every engine; prints a table and returns the medians."""
    print(f"{'whole process, ms':<22}{'steps':>8}{'least':>9}{'median':>9}{'most':>9}{'target':>9}{'µs/step':>9}")
    medians = {}
    for engine in ENGINES:
        for size in SIZES:
            source, output = folder / f"{size}.json", folder / f"{size}.{engine}"
            source.write_text(json.dumps(program(size)))
            command = [couler, "compile", source, "--engine", engine, "--split", "off", "-o", output]
            found = times(command, 15 if size <= 1000 else 7)
            assert output.read_text().count(f"--part={size - 1}") == 1
            median = medians[engine, size] = statistics.median(found)
            target = f"<= {TARGETS[size]}" if size in TARGETS else ""
            print(f"{engine:<22}{size:>8}{found[0]:>9.1f}{median:>9.1f}{found[-1]:>9.1f}{target:>9}{1000 * median / size:>9.1f}")
        growth = medians[engine, 10000] / medians[engine, 1000]
        print(f"{engine:<22}ten times the steps take {growth:.1f} times as long")
    return medians


def peers(medians, folder):
    """Lets the peers write the same graph."""
    slowest = max(medians[engine, PEER_STEPS] for engine in ENGINES)
    for name, (module, source) in PEERS.items():
        if importlib.util.find_spec(module) is None:
            print(f"{name:<22}skipped: {module} is not installed")
            continue
        script, output = folder / f"{module}_build.py", folder / f"{module}.yaml"
        script.write_text(COMMON % (PEER_STEPS, str(output)) + source)
        found = times([sys.executable, script], 3)
        assert output.read_text().count(f"--part={PEER_STEPS - 1}") == 1
        median = statistics.median(found)
        ratio = f"{median / slowest:.0f} times the slowest engine (wanted: {LEAST_RATIO})"
        print(f"{name:<22}{PEER_STEPS:>8}{found[0]:>9.1f}{median:>9.1f}{found[-1]:>9.1f}  {ratio}")


def main():
    couler = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        medians = engines(couler, pathlib.Path(folder))
        peers(medians, pathlib.Path(folder))
    print(f"{'couler --help':<30}{statistics.median(times([couler, '--help'], 15)):>18.1f}{'':>9}{'<= 20':>9}")


main()
