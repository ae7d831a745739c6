"""overhead.py COULER: 1,000 no-op tasks with couler, make and ninja in turn, whole processes, medians of 7."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TASKS, ROUNDS = 1000, 7


def timed(command, folder, env=None):
    started = time.perf_counter()
    result = subprocess.run(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert result.returncode == 0, result.stderr.decode()[-2000:]
    return time.perf_counter() - started


def program(folder, shell):
    steps = []
    for i in range(TASKS):
        if shell:
            # The arithmetic is there so that a shell really has to run.
            run = {"function": "run_script", "language": "bash", "source": f"touch out/$(({i}))"}
        else:
            run = {"function": "run_container", "image": "none", "command": ["touch", f"out/{i}"]}
        steps.append({"name": f"step-{i}", "run": run})
    (folder / "p.json").write_text(json.dumps({"version": "couler/v1", "name": "noop", "steps": steps}))


def others(folder):
    names = [f"out/{i}" for i in range(TASKS)]
    rules = "".join(f"{name}:\n\t@touch {name}\n" for name in names)
    (folder / "Makefile").write_text("all: " + " ".join(names) + "\n" + rules)
    builds = "".join(f"build {name}: t\n" for name in names)
    (folder / "build.ninja").write_text("rule t\n  command = touch $out\n" + builds)


def couler_case(couler, shell):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "out").mkdir()
        program(folder, shell)
        env = {**os.environ, "COULER_HOME": str(folder / "home")}
        command = [couler, "--quiet", "run", "p.json", "--host", "-j", "2"]
        first = timed(command, folder, env)
        assert len(list((folder / "out").iterdir())) == TASKS
        # The second run reads what the first wrote for the first time; the third is what people meet from then on.
        timed(command, folder, env)
        return first, timed(command, folder, env)


def interleaved(cases):
    """One measurement of every case after the other, so that what else the machine does meets all of them."""
    measured = {name: ([], []) for name, _, _ in cases}
    for _ in range(ROUNDS):
        for name, case, _ in cases:
            first, again = case()
            measured[name][0].append(first)
            measured[name][1].append(again)
    return measured


def other_case(command):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "out").mkdir()
        others(folder)
        return timed(command, folder), timed(command, folder)


def main():
    # Tools that were installed beside this Python count too.
    os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    couler = str(pathlib.Path(sys.argv[1]).resolve())
    cases = [
        ("couler, no shell", lambda: couler_case(couler, False), "<= 0.8"),
        ("couler, bash", lambda: couler_case(couler, True), "<= 1.2"),
    ]
    for tool in (["make", "-j2", "-s"], ["ninja", "-j2"]):
        if shutil.which(tool[0]):
            cases.append((tool[0], lambda tool=tool: other_case(tool), ""))
        else:
            print(f"{tool[0]} is not installed: left out")
    measured = interleaved(cases)
    print(f"{TASKS} no-op tasks, 2 workers, median of {ROUNDS}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<20}{'ms per task':>12}{'target':>9}{'nothing to do, ms':>20}{'target':>9}")
    for name, _, target in cases:
        first, again = (statistics.median(times) for times in measured[name])
        limit = "<= 20" if target else ""
        print(f"{name:<20}{first / TASKS * 1000:>12.3f}{target:>9}{again * 1000:>20.1f}{limit:>9}")


main()
