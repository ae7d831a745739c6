"""overhead.py COULER: 1,000 no-op tasks with couler, make and ninja in turn, whole processes, medians of 7.

Each is measured on the same two kinds of task: a program that is started as it is, and a line for bash. ninja always
puts its own shell in front. Folders stay until all is measured: some file systems go through what was just deleted
whenever they make a file, which would charge one tool for the folders of another.
"""
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
    # What was written before is on disk, or this command's own records would wait for it.
    os.sync()
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


def others(folder, shell):
    names = [f"out/{i}" for i in range(TASKS)]
    line = "touch out/$$(($(notdir $@)))" if shell else "touch $@"
    rules = "".join(f"{name}:\n\t@{line}\n" for name in names)
    # With a SHELL of its own make puts it in front of every line; without one it starts plain programs as they are.
    chosen = "SHELL := bash\n" if shell else ""
    (folder / "Makefile").write_text(f"{chosen}all: " + " ".join(names) + "\n" + rules)
    builds = "".join(f"build {name}: t\n  number = {i}\n" for i, name in enumerate(names))
    command = "exec bash -c 'touch out/$$(($number))'" if shell else "touch $out"
    (folder / "build.ninja").write_text(f"rule t\n  command = {command}\n" + builds)


def made(parent):
    folder = pathlib.Path(tempfile.mkdtemp(dir=parent))
    (folder / "out").mkdir()
    return folder


def couler_case(couler, parent, shell, *options):
    folder = made(parent)
    program(folder, shell)
    env = {**os.environ, "COULER_HOME": str(folder / "home")}
    command = [couler, "--quiet", "run", "p.json", "--host", "-j", "2", *options]
    first = timed(command, folder, env)
    assert len(list((folder / "out").iterdir())) == TASKS
    # The second run reads what the first wrote for the first time; later ones are what people meet from then on.
    timed(command, folder, env)
    return first, statistics.median(timed(command, folder, env) for _ in range(3))


def other_case(command, parent, shell):
    folder = made(parent)
    others(folder, shell)
    first = timed(command, folder)
    assert len(list((folder / "out").iterdir())) == TASKS
    timed(command, folder)
    return first, statistics.median(timed(command, folder) for _ in range(3))


def interleaved(cases):
    """One measurement of every case after the other, so that what else the machine does meets all of them."""
    measured = {name: ([], []) for name, _, _ in cases}
    for _ in range(ROUNDS):
        for name, case, _ in cases:
            first, again = case()
            measured[name][0].append(first)
            measured[name][1].append(again)
    return measured


def cases_of(couler, parent):
    cases = []
    for shell, kind, target in ((False, "no shell", "<= 0.8"), (True, "bash", "<= 1.2")):
        cases.append((f"couler, {kind}", lambda shell=shell: couler_case(couler, parent, shell), target))
        free = f"couler --unconfined, {kind}"
        cases.append((free, lambda shell=shell: couler_case(couler, parent, shell, "--unconfined"), target))
        for tool in (["make", "-j2", "-s"], ["ninja", "-j2"]):
            if shutil.which(tool[0]):
                name = f"{tool[0]}, {kind}"
                cases.append((name, lambda tool=tool, shell=shell: other_case(tool, parent, shell), ""))
            else:
                print(f"{tool[0]} is not installed: left out")
    return cases


def main():
    # Tools that were installed beside this Python count too.
    os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    couler = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as parent:
        cases = cases_of(couler, parent)
        measured = interleaved(cases)
    print(f"{TASKS} no-op tasks, 2 workers, median of {ROUNDS}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<30}{'ms per task':>12}{'target':>9}{'nothing to do, ms':>20}{'target':>9}")
    for name, _, target in cases:
        first, again = (statistics.median(times) for times in measured[name])
        limit = "<= 20" if target else ""
        print(f"{name:<30}{first / TASKS * 1000:>12.3f}{target:>9}{again * 1000:>20.1f}{limit:>9}")


main()
