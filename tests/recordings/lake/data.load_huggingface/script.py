# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
from datasets import load_dataset

name, split, limit = arg("dataset", ...), arg("split", "train"), arg("max_rows", 0, int)
try:
    data = load_dataset(name, arg("subset"), split=split)
except Exception as error:
    fail(f"the dataset {name} ({split}) cannot be loaded: {error}", "check its name, subset and split, and HF_TOKEN if it is private")
if limit:
    data = data.select(range(min(limit, len(data))))
frame = data.to_pandas()
if frame.empty:
    fail(f"the dataset {name} ({split}) has no rows", "name another split")
write_table(frame, output_path("data"))
emit("rows", len(frame))
print(f"{name} {split} has the columns {', '.join(map(str, frame.columns[:40]))}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
