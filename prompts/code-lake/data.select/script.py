# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
frame = read_table(input_path("data"))
keep, drop, rename, order = arg("keep", [], list), arg("drop", [], list), arg("rename", {}, dict), arg("sort_by", [], list)
limit, sample = arg("limit", 0, int), arg("sample", 0.0, float)
if not (keep or drop or rename or order or limit or sample):
    fail("there is no column to keep, drop, rename or sort by", "give the step keep, drop, rename, sort_by, limit or sample")
need(frame, *keep, *drop, *rename, *order)
if order:
    frame = frame.sort_values(order, ascending=not arg("descending", False, bool), kind="stable", na_position="last")
if sample:
    count = round(sample * len(frame)) if sample < 1 else min(round(sample), len(frame))
    if not count:
        fail(f"{sample:g} of {len(frame)} rows is none", "sample more rows")
    chosen = frame.sample(count, random_state=arg("seed", 0, int)).index
    frame = frame[frame.index.isin(chosen)]
frame = frame.head(limit) if limit else frame
frame = frame[[column for column in keep or frame.columns if column not in drop]].rename(columns=rename)
TOLD.update((key, rename.get(column, column)) for key, column in list(TOLD.items()))
if not len(frame.columns):
    fail("no column is left", "drop fewer columns")
if frame.columns.duplicated().any():
    fail(f"two columns are called {frame.columns[frame.columns.duplicated()][0]}", "rename to names that are free")
write_table(frame, output_path("data"))
emit("rows", len(frame))
emit("columns", len(frame.columns))
print(f"columns: {', '.join(frame.columns[:60])}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
