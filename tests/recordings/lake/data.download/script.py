# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import hashlib

url, expected = arg("url", ...), arg("sha256", "").lower()
got = fetch(url)
if os.path.isdir(got):
    fail(f"{url} is a folder", "name one file, or use file.copy for a folder")
found = hashlib.sha256()
with open(got, "rb") as file:
    for block in iter(lambda: file.read(1 << 20), b""):
        found.update(block)
if expected and found.hexdigest() != expected:
    fail(f"{url} has the SHA-256 {found.hexdigest()}, not {expected}", "check the source of the file")
size = os.path.getsize(got)
shutil.copyfile(got, output_path("file"))
emit("bytes", size)
print(f"{url} has the SHA-256 {found.hexdigest()}")
print(f"bytes={size}")
