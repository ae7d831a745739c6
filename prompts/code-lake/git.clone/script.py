# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
repository, path = arg("repository", ...), output_path("code")
branch, depth, folder = arg("revision") or arg("branch"), arg("depth", 1, int), arg("folder")
if arg("revision") and arg("branch") and arg("revision") != arg("branch"):
    fail(f"both the branch {arg('branch')} and the revision {arg('revision')} are given", "give one of them")
if repository.startswith("-") or (branch or "").startswith("-"):
    fail(f"{repository} {branch or ''} is not a repository and branch", "give the URL and the branch")


def git(*words):
    try:
        return subprocess.run(["git", *words], capture_output=True, text=True, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})
    except FileNotFoundError:
        fail("git is not installed in the image", "use an image with git, such as python:3.12")


only = tempfile.mkdtemp() if folder else path
inner = ["--recurse-submodules"] if arg("submodules", False, bool) else []
short = ["--depth", str(depth), *(["--shallow-submodules"] if inner else [])] if depth > 0 else []
done = git("clone", *short, *inner, *(["--branch", branch] if branch else []), repository, only)
if done.returncode and branch:  # a commit is no branch: it needs the whole history
    shutil.rmtree(only, ignore_errors=True)
    whole = git("clone", *inner, repository, only)
    done = git("-C", only, "checkout", "--quiet", branch) if not whole.returncode else whole
    if inner and not done.returncode:
        done = git("-C", only, "submodule", "update", "--init", "--recursive")
if done.returncode:
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    fail(f"cannot clone {repository}{' at ' + branch if branch else ''}: {reason}", "check the URL, the branch and the access rights")
commit = git("-C", only, "rev-parse", "HEAD").stdout.strip()
if folder:
    inside = os.path.realpath(os.path.join(only, folder))
    if not os.path.isdir(inside) or not inside.startswith(os.path.realpath(only) + os.sep):
        fail(f"{repository} has no folder {folder}", "check its spelling")
    shutil.copytree(inside, path, dirs_exist_ok=True, symlinks=True)
if arg("path"):
    print(f"also in {put(path, arg('path'))}")
files = sum(1 for file in pathlib.Path(path).rglob("*") if file.is_file() and ".git" not in file.relative_to(path).parts)
emit("commit", commit)
print(f"cloned {repository} with {files} files")
print(f"commit={commit}")
