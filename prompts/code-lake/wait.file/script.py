# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import time

poll, limit, began = seconds("poll", 30.0), seconds("timeout"), time.monotonic()

path, least, absent = arg("path", ...), arg("min_bytes", 0, int), arg("absent", False, bool)


def on_the_web(uri):
    request = urllib.request.Request(uri, headers={"User-Agent": "couler"}, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.headers.get("Content-Length") or 0)
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return None
        if error.code not in (405, 501):
            raise
    with urllib.request.urlopen(urllib.request.Request(uri, headers={"User-Agent": "couler"}), timeout=60) as answer:
        return len(answer.read())


def size_there():
    """Bytes of the file, folder or files that fit; None while there is nothing."""
    if path.startswith(("http://", "https://")):
        return on_the_web(path)
    if path.startswith("file://") or "://" not in path:
        found = glob.glob(_local(path), recursive=True)
        files = [file for name in found for file in (pathlib.Path(name).rglob("*") if os.path.isdir(name) else [pathlib.Path(name)])]
        return sum(file.stat().st_size for file in files if file.is_file()) if found else None
    files, place = storage(path)
    files.invalidate_cache()
    found = files.glob(place) if any(mark in place for mark in "*?[") else [place] if files.exists(place) else []
    return sum(files.du(name) for name in found) if found else None


while True:
    try:
        size = size_there()
    except Exception as error:  # a network that fails once may be back at the next look
        print(f"cannot look for {path}: {error}", flush=True)
        size, unknown = None, True
    else:
        unknown = False
    if not unknown and (size is None) == absent and (absent or size >= least):
        break
    if limit is not None and time.monotonic() - began + poll > limit:
        state = "is still there" if absent else f"has only {size} bytes" if size is not None else "is not there"
        fail(f"{path} {state} after {limit:g} seconds", "check the step or system that makes it, or wait longer")
    time.sleep(poll)
emit("uri", path)
emit("bytes", size or 0)
print(f"{path} is {'gone' if absent else 'there'} after {time.monotonic() - began:.0f} seconds")
print(f"bytes={size or 0}")
