# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import fnmatch

source, destination, pattern = arg("source", ...), arg("destination", ...), arg("pattern")
deep, replace, move = arg("recursive", True, bool), arg("overwrite", True, bool), arg("move", False, bool)
pieces = "://" not in source.removeprefix("file://") and any(mark in source for mark in "*?[") and not os.path.exists(_local(source))
got = os.path.dirname(_local(source)) if pieces else fetch(source)
folder = pieces or os.path.isdir(got)
found = [pathlib.Path(name) for name in sorted(glob.glob(_local(source), recursive=True))] if pieces else sorted(pathlib.Path(got).rglob("*") if deep else pathlib.Path(got).iterdir()) if folder else [pathlib.Path(got)]
files = [file for file in found if file.is_file() and (not pattern or fnmatch.fnmatch(file.name, pattern))]
if not files:
    fail(f"no file {source}" if pieces else f"the folder {source} has no files" + (f" like {pattern}" if pattern else "") if folder else f"{source} is not like {pattern}", "check the source")


def is_there(uri):
    if uri.startswith("file://") or "://" not in uri:
        return os.path.exists(_local(uri))
    store, place = storage(uri)
    return store.exists(place)


def target(file):
    if folder:
        return f"{destination.rstrip('/')}/{file.name if pieces else file.relative_to(got).as_posix()}"
    return destination + file.name if destination.endswith("/") else destination


taken = [] if replace else [target(file) for file in files if is_there(target(file))]
if taken:
    fail(f"{taken[0]} is there already", "choose another destination, or allow overwrite")
size = sum(file.stat().st_size for file in files)
if folder and not pieces and len(files) == sum(1 for file in pathlib.Path(got).rglob("*") if file.is_file()):
    uri = put(got, destination)
else:
    for file in files:
        put(str(file), target(file))
    uri = destination.rstrip("/") if folder else target(files[0])
if move:
    if source.startswith("file://") or "://" not in source:
        for file in files:
            os.remove(os.path.realpath(file) if os.path.islink(file) else file)
        for inner in sorted(pathlib.Path(got).rglob("*"), reverse=True) if folder and not pieces else []:
            if inner.is_dir() and not any(inner.iterdir()):
                inner.rmdir()
        if folder and not pieces and os.path.isdir(_local(source)) and not os.listdir(_local(source)):
            os.rmdir(_local(source))
    elif source.startswith(("http://", "https://")):
        fail(f"{source} cannot be removed", "copy it without move")
    else:
        store, place = storage(source)
        for file in files:
            store.rm(f"{place.rstrip('/')}/{file.relative_to(got).as_posix()}" if folder else place)
emit("uri", uri)
emit("files", len(files))
emit("bytes", size)
print(f"{'moved' if move else 'copied'} {source} to {uri}")
print(f"files={len(files)} bytes={size}")
