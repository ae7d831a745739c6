"""split.py COULER [INSTANCES] [--quick] [--plots FOLDER]: splits workflows of more than 200 steps with couler, the paper's algorithm, Kahn
chunks and METIS, simulates the parts, and prints a table. INSTANCES is a file of workflows (gzip, one JSON per line with
name, children, seconds); without it workflows are generated from a fixed seed."""
import argparse
import gzip
import json
import math
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import plot

try:
    import pymetis
except ImportError:
    pymetis = None

METHODS = ["windowed", "paper", "kahn", "METIS"]
WORKERS = 64


def generated():
    """Layered, fork-join and random workflows with log-normal times."""
    rng = random.Random(1)
    for number in range(60):
        count = rng.choice([250, 500, 1000, 2000])
        children = [[] for _ in range(count)]
        if number % 3 == 0:
            width = rng.choice([10, 40, 150])
            for task in range(width, count):
                for _ in range(rng.randint(1, 3)):
                    children[(task // width - 1) * width + rng.randrange(width)].append(task)
        elif number % 3 == 1:
            length = rng.choice([3, 6])
            for first in range(1, count - 1, length):
                chain = list(range(first, min(first + length, count - 1)))
                for a, b in zip([0] + chain, chain + [count - 1]):
                    children[a].append(b)
        else:
            for task in range(1, count):
                for _ in range(2):
                    children[rng.randrange(max(0, task - 200), task)].append(task)
        seconds = [round(rng.lognormvariate(4, 1), 3) for _ in range(count)]
        yield {"name": f"generated-{number}", "children": [sorted(set(c)) for c in children], "seconds": seconds}


def instances(path):
    if path is None:
        yield from generated()
        return
    with gzip.open(path, "rt") as lines:
        for line in lines:
            workflow = json.loads(line)
            if len(workflow["children"]) > 200:
                yield workflow


def name(task):
    return f"s{task:06}"


def write(folder, workflow):
    """The program and the estimates of a workflow."""
    parents = [[] for _ in workflow["children"]]
    for task, children in enumerate(workflow["children"]):
        for child in children:
            parents[child].append(task)
    run = {"function": "run_container", "image": "acme/work:1"}
    steps = [{"name": name(t), "run": run, "after": [name(p) for p in sorted(set(ps))]} for t, ps in enumerate(parents)]
    program, estimates = folder / "program.json", folder / "estimates.json"
    program.write_text(json.dumps({"version": "couler/v1", "name": "bench", "steps": steps}))
    times = {name(task): {"seconds": max(1e-3, s)} for task, s in enumerate(workflow["seconds"])}
    estimates.write_text(json.dumps({"version": "couler-estimates/v1", "steps": times}))
    return program, estimates


def metis(workflow, limit):
    """METIS on the undirected graph, with 5 % more parts than needed at least, as it balances only about."""
    count = len(workflow["children"])
    neighbours = [set() for _ in range(count)]
    for task, children in enumerate(workflow["children"]):
        for child in children:
            neighbours[task].add(child)
            neighbours[child].add(task)
    _, parts = pymetis.part_graph(math.ceil(count / limit * 1.05), adjacency=[sorted(n) for n in neighbours])
    return {name(task): part for task, part in enumerate(parts)}


def simulate(couler, folder, workflow, method, limit, workers=None):
    """The figures of one run of `couler simulate`; None if the parts form a cycle."""
    command = [couler, "simulate", folder / "program.json", "--estimates", folder / "estimates.json", "--json"]
    command += ["--split", str(limit), "--max-bytes", str(1 << 40)]
    command += ["--workers", str(workers)] if workers else []
    if method == "METIS":
        (folder / "parts.json").write_text(json.dumps(metis(workflow, limit)))
        command += ["--partition", folder / "parts.json"]
    else:
        command += ["--split-method", method]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 3 and "in a cycle" in done.stderr:
        return None
    if done.returncode != 0:
        sys.exit(f"{workflow['name']}: {done.stderr}")
    return json.loads(done.stdout)


def measure(couler, workflow, limits, methods):
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write(folder, workflow)
        for limit in limits:
            for method in methods:
                figures = simulate(couler, folder, workflow, method, limit)
                with_workers = figures and simulate(couler, folder, workflow, method, limit, WORKERS)
                rows.append((limit, method, figures, with_workers))
    return rows


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else float("nan")


def row(limit, method, found):
    runs = [figures for figures, _ in found if figures]
    ratio = [figures["runs"]["barrier"]["over_critical_path"] for figures in runs]
    gated = [figures["runs"]["gated"]["makespan"] / figures["runs"]["unsplit"]["makespan"] for figures in runs]
    parts = [len(figures["parts"]) / figures["lower_bound"] for figures in runs]
    over = sum(len(part) > limit for figures in runs for part in figures["parts"])
    limited = [f["runs"]["barrier"]["makespan"] / f["runs"]["unsplit"]["makespan"] for _, f in found if f]
    held = [f["runs"]["gated"]["makespan"] / f["runs"]["unsplit"]["makespan"] for _, f in found if f]
    return {
        "limit": limit,
        "method": method,
        "n": len(found),
        "cyclic": len(found) - len(runs),
        "over budget": over,
        "barrier geomean": geomean(ratio),
        "barrier max": max(ratio, default=float("nan")),
        "64 workers geomean": geomean(limited),
        "64 workers max": max(limited, default=float("nan")),
        "64 workers gated geomean": geomean(held),
        "64 workers gated max": max(held, default=float("nan")),
        "gated max": max(gated, default=float("nan")),
        "parts geomean": geomean(parts),
    }


def paired(rows, method):
    """Barrier makespans of couler over those of another method, on the workflows that the other splits without a cycle."""
    ours = [figures for limit, m, figures, _ in rows if m == "windowed"]
    theirs = [figures for limit, m, figures, _ in rows if m == method]
    ratios = [a["runs"]["barrier"]["makespan"] / b["runs"]["barrier"]["makespan"] for a, b in zip(ours, theirs) if b]
    return ratios


def scaling(couler, sizes):
    """Milliseconds to split random workflows of growing size, best of three."""
    found = []
    for count in sizes:
        rng = random.Random(0)
        children = [[] for _ in range(count)]
        for task in range(100, count):
            for parent in rng.sample(range(max(0, task - 2000), task), 2 if task > 1 else 1):
                children[parent].append(task)
        workflow = {"name": str(count), "children": children, "seconds": [rng.expovariate(1 / 60) for _ in range(count)]}
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            program, estimates = write(folder, workflow)
            command = [couler, "simulate", program, "--estimates", estimates, "--json"]
            outputs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)]
        times = [float(re.search(r"in ([0-9.]+) ms", output.stderr).group(1)) for output in outputs]
        runs = json.loads(outputs[0].stdout)
        found.append((count, min(times), len(runs["parts"]), runs["runs"]["barrier"]["over_critical_path"]))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("couler")
    parser.add_argument("instances", nargs="?")
    parser.add_argument("--plots", metavar="FOLDER", type=pathlib.Path, help="write plots as SVG")
    parser.add_argument("--quick", action="store_true", help="limit 200 alone, and no scaling")
    arguments = parser.parse_args()
    couler = str(pathlib.Path(arguments.couler).resolve())
    path = arguments.instances if arguments.instances and os.path.exists(arguments.instances) else None
    if path is None:
        print("the file of instances is not there: generated workflows", file=sys.stderr)
    methods = METHODS if pymetis else METHODS[:3]
    if not pymetis:
        print("skipped: METIS (pip install pymetis)", file=sys.stderr)
    limits = [200] if arguments.quick else [50, 100, 200]
    workflows = list(instances(path))
    rows = []
    with ThreadPoolExecutor(2) as pool:
        for done, result in enumerate(pool.map(lambda w: measure(couler, w, limits, methods), workflows), 1):
            rows.extend(result)
            print(f"\r{done} of {len(workflows)} workflows", end="", file=sys.stderr)
    print(file=sys.stderr)
    header = (
        "limit method    n  cyclic  over  barrier/CP gm (max)  gated/unsplit max  64 workers, barrier/unsplit gm (max)"
        "  gated/unsplit max  parts/LB gm"
    )
    print(header)
    summary = {}
    for limit in limits:
        for method in methods:
            found = [(figures, limited) for l, m, figures, limited in rows if (l, m) == (limit, method)]
            r = summary[limit, method] = row(limit, method, found)
            print(
                f"{limit:>5} {method:<9}{r['n']:>3} {r['cyclic']:>6} {r['over budget']:>5}"
                f"  {r['barrier geomean']:>9.3f} ({r['barrier max']:.2f})  {r['gated max']:>17.4f}"
                f"  {r['64 workers geomean']:>30.3f} ({r['64 workers max']:.2f})  {r['64 workers gated max']:>17.4f}"
                f"  {r['parts geomean']:>11.3f}"
            )
    for method in methods[1:]:
        ratios = paired(rows, method)
        wins = sum(ratio <= 1 + 1e-9 for ratio in ratios)
        print(f"windowed / {method}, same workflows and limits: geomean {geomean(ratios):.3f}, no longer on {wins} of {len(ratios)}")
    ours = summary[200, "windowed"]
    assert ours["cyclic"] == 0 and all(summary[l, "windowed"]["over budget"] == 0 for l in limits), ours
    assert all(summary[l, "windowed"]["cyclic"] == 0 for l in limits), summary
    assert ours["gated max"] <= 1 + 1e-9, ours
    if path:
        assert ours["barrier geomean"] <= 1.05 and ours["barrier max"] <= 1.15 and ours["parts geomean"] <= 1.20, ours
    if not arguments.quick:
        print("\n steps   splitting  parts  barrier/CP")
        scaled = scaling(couler, [7500, 15000, 30000, 60000, 120000])
        for count, milliseconds, parts, ratio in scaled:
            print(f"{count:>6} {milliseconds:>8.1f} ms {parts:>6} {ratio:>11.2f}")
    if arguments.plots:
        arguments.plots.mkdir(parents=True, exist_ok=True)
        for limit in limits:
            of = lambda figures: figures and figures["runs"]["barrier"]["over_critical_path"]
            found = {m: [of(figures) for l, n, figures, _ in rows if (l, n) == (limit, m)] for m in methods}
            (arguments.plots / f"split-makespan-{limit}.svg").write_text(plot.makespans(found, limit))
        if not arguments.quick:
            (arguments.plots / "split-scale.svg").write_text(plot.scale(scaled))


main()
