# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
path, location = input_path("model"), arg("location", ...)
if not os.path.isdir(path) or not os.listdir(path):
    fail(f"{path} holds no model", "connect the model output of a training step")
parts = (location.rstrip("/"), arg("name", "").strip("/"), arg("version", "").strip("/"))
place = "/".join(part for part in parts if part)
if not arg("overwrite", True, bool):
    local = place.startswith("file://") or "://" not in place
    taken = os.path.exists(_local(place)) if local else (lambda found: found[0].exists(found[1]))(storage(place))
    if taken:
        fail(f"{place} is there already", "choose another version, or allow overwrite")
uri = put(path, place)
files = sorted(file.relative_to(path).as_posix() for file in pathlib.Path(path).rglob("*") if file.is_file())
emit("uri", uri)
print(f"deployed {len(files)} files: {', '.join(files[:10])}")
print(f"uri={uri}")
