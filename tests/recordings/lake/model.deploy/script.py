# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
path, location, version = input_path("model"), arg("location", ...), arg("version", "")
if not os.path.isdir(path) or not os.listdir(path):
    fail(f"{path} holds no model", "connect the model output of a training step")
uri = put(path, "/".join(part for part in (location.rstrip("/"), version.strip("/")) if part))
files = sorted(file.relative_to(path).as_posix() for file in pathlib.Path(path).rglob("*") if file.is_file())
emit("uri", uri)
print(f"deployed {len(files)} files: {', '.join(files[:10])}")
print(f"uri={uri}")
