# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
command, code = arg("command", ...), input_path("code", optional=True)
project = in_code(arg("project_dir")) if arg("project_dir") else code or os.getcwd()
if not os.path.isfile(os.path.join(project, "dbt_project.yml")):
    fail(f"the folder {project} has no dbt_project.yml", "give the step project_dir")
profiles = in_code(arg("profiles_dir")) if arg("profiles_dir") else next(
    (folder for folder in (os.environ.get("DBT_PROFILES_DIR"), project, os.path.expanduser("~/.dbt"))
     if folder and os.path.isfile(os.path.join(folder, "profiles.yml"))), None)
if not profiles or not os.path.isfile(os.path.join(profiles, "profiles.yml")):
    fail("there is no profiles.yml", "give the step profiles_dir, or put one into the project")
target = os.path.abspath(output_path("target"))
os.makedirs(target, exist_ok=True)


def adapters():
    """The kinds of database of the profile that is used."""
    import yaml
    text = os.path.expandvars(pathlib.Path(profiles, "profiles.yml").read_text())
    every = yaml.safe_load(re.sub(r"\{\{.*?\}\}", "x", text)) or {}
    name = arg("profile") or (yaml.safe_load(re.sub(r"\{\{.*?\}\}", "x", pathlib.Path(project, "dbt_project.yml").read_text())) or {}).get("profile")
    chosen = every.get(name) or fail(f"profiles.yml has no profile {name}", f"it has {', '.join(key for key in every if key != 'config')}")
    outputs = chosen.get("outputs") or {}
    wanted = arg("target") or chosen.get("target")
    return {outputs[wanted].get("type")} if wanted in outputs else {output.get("type") for output in outputs.values()}


import importlib.util
missing = [kind for kind in adapters() if kind and not importlib.util.find_spec(f"dbt.adapters.{kind}")]
place = dict(os.environ, DBT_TARGET_PATH=target, DBT_LOG_PATH=os.path.join(target, "logs"), DBT_SEND_ANONYMOUS_USAGE_STATS="false",
             DBT_USE_COLORS="false")
for kind in missing:
    folder = tempfile.mkdtemp()
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, f"dbt-{kind}"], capture_output=True, text=True)
    if done.returncode:
        fail(f"dbt-{kind} cannot be installed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}", "add it to the step's image")
    place["PYTHONPATH"] = os.pathsep.join([folder, place.get("PYTHONPATH", "")])


def dbt(*words):
    start = [sys.executable, "-c", "import sys; from dbt.cli.main import cli; sys.argv[0] = 'dbt'; cli()"]
    done = subprocess.Popen([*start, *words], cwd=project, env=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    said = []
    for line in done.stdout:
        print(line, end="", flush=True)
        said.append(re.sub(r"\x1b\[[0-9;]*m", "", line).strip())
    return done.wait(), said


where = ["--project-dir", os.path.abspath(project), "--profiles-dir", os.path.abspath(profiles)]
packages = any(os.path.isfile(os.path.join(project, name)) for name in ("packages.yml", "dependencies.yml"))
if command != "deps" and arg("deps", packages, bool):
    status, said = dbt("deps", *where)
    if status:
        fail(f"dbt deps failed: {(said or ['no output'])[-1][:300]}", "read the log above")
words = command.split()
if command == "run-operation":
    words.append(arg("macro", ...))
elif arg("macro"):
    fail("a macro is for run-operation", "leave it out, or use that command")
words += where
CHOOSES = ("run", "test", "build", "seed", "snapshot", "compile", "list", "docs generate", "source freshness", "clone")
for name, chosen in (("select", arg("select", [], list)), ("exclude", arg("exclude", [], list))):
    if chosen and command not in CHOOSES:
        fail(f"dbt {command} takes no {name}", "leave it out")
    words += [f"--{name}", *map(str, chosen)] if chosen else []
for name, value in (("target", arg("target")), ("profile", arg("profile")), ("threads", arg("threads", None, int))):
    words += [f"--{name}", str(value)] if value else []
for name, value in (("vars", arg("vars", {}, dict)), ("args", arg("args", {}, dict))):
    words += [f"--{name}", json.dumps(value)] if value else []
if arg("full_refresh", False, bool):
    if command not in ("run", "build", "seed", "compile"):
        fail(f"dbt {command} takes no full refresh", "leave it out")
    words.append("--full-refresh")
words += ["--fail-fast"] if arg("fail_fast", False, bool) else []
print("running dbt " + " ".join(words), flush=True)
status, said = dbt(*words)
results = pathlib.Path(target, "run_results.json")
rows = json.loads(results.read_text()).get("results", []) if results.exists() else []
counts = {"passed": sum(row["status"] in ("success", "pass") for row in rows), "warned": sum(row["status"] == "warn" for row in rows)}
if status:
    bad = [f"{row['unique_id']}: {' '.join((row.get('message') or row['status']).split())[:200]}" for row in rows if row["status"] in ("error", "fail", "runtime error")]
    fail(f"dbt {command} failed: {'; '.join(bad[:5]) or (said or ['no output'])[-1][:300]}", "read the log above")
for name, count in counts.items():
    emit(name, count)
print(f"dbt {command}: {len(rows)} results are in run_results.json")
print(" ".join(f"{name}={count}" for name, count in counts.items()))
