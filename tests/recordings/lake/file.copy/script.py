# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
source = arg("source", ...)
got = fetch(source)
files = [file for file in pathlib.Path(got).rglob("*") if file.is_file()] if os.path.isdir(got) else [pathlib.Path(got)]
if not files:
    fail(f"the folder {source} has no files", "check the source")
uri, size = put(got, arg("destination", ...)), sum(file.stat().st_size for file in files)
emit("uri", uri)
emit("files", len(files))
emit("bytes", size)
print(f"copied {source} to {uri}")
print(f"files={len(files)} bytes={size}")
