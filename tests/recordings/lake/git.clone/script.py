# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
repository, branch, path = arg("repository", ...), arg("branch"), output_path("code")
if repository.startswith("-") or (branch or "").startswith("-"):
    fail(f"{repository} {branch or ''} is not a repository and branch", "give the URL and the branch")


def git(*words):
    try:
        return subprocess.run(["git", *words], capture_output=True, text=True, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})
    except FileNotFoundError:
        fail("git is not installed in the image", "use an image with git, such as python:3.12")


done = git("clone", "--depth", "1", *(["--branch", branch] if branch else []), repository, path)
if done.returncode and branch:  # a commit is no branch: it needs the whole history
    shutil.rmtree(path, ignore_errors=True)
    whole = git("clone", repository, path)
    done = git("-C", path, "checkout", "--quiet", branch) if not whole.returncode else whole
if done.returncode:
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    fail(f"cannot clone {repository}{' at ' + branch if branch else ''}: {reason}", "check the URL, the branch and the access rights")
commit = git("-C", path, "rev-parse", "HEAD").stdout.strip()
files = sum(1 for file in pathlib.Path(path).rglob("*") if file.is_file() and ".git" not in file.relative_to(path).parts)
emit("commit", commit)
print(f"cloned {repository} with {files} files")
print(f"commit={commit}")
