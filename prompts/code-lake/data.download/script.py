# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import hashlib

url, expected, target = arg("url", ...), arg("sha256", "").lower(), output_path("file")
got = fetch(url, from_environment(arg("headers", {}, dict)))
found, folder = hashlib.sha256(), os.path.isdir(got)
files = sorted(file for file in pathlib.Path(got).rglob("*") if file.is_file()) if folder else [pathlib.Path(got)]
if folder and expected:
    fail(f"{url} is a folder, which has no SHA-256", "leave out sha256, or name one file")
for file in [] if folder else files:
    with open(file, "rb") as opened:
        for block in iter(lambda: opened.read(1 << 20), b""):
            found.update(block)
if expected and found.hexdigest() != expected:
    fail(f"{url} has the SHA-256 {found.hexdigest()}, not {expected}", "check the source of the file")
size = sum(file.stat().st_size for file in files)
if arg("extract", False, bool):
    if folder:
        fail(f"{url} is a folder and no archive", "leave out extract")
    kind = {b"PK": "zip", b"\x1f\x8b": "gztar", b"BZ": "bztar", b"\xfd7": "xztar"}.get(files[0].read_bytes()[:2], "tar")
    try:
        options = {} if kind == "zip" else {"filter": "data"}
        shutil.unpack_archive(str(files[0]), target, kind, **options)
    except (shutil.ReadError, OSError, ValueError) as error:
        fail(f"{url} cannot be unpacked: {error}", "leave out extract, or check the archive")
    print(f"unpacked {sum(1 for file in pathlib.Path(target).rglob('*') if file.is_file())} files")
elif folder:
    shutil.copytree(got, target, dirs_exist_ok=True)
else:
    shutil.copyfile(got, target)
if arg("output"):
    here, name = tempfile.mkdtemp(), os.path.basename(urllib.parse.urlsplit(url).path.rstrip("/")) or "file"
    os.symlink(os.path.abspath(target), os.path.join(here, name))  # a folder to save to keeps the file's name
    print(f"saved to {put(target if os.path.isdir(target) else os.path.join(here, name), arg('output'))}")
emit("bytes", size)
print(f"{url} is a folder of {len(files)} files" if folder else f"{url} has the SHA-256 {found.hexdigest()}")
print(f"bytes={size}")
