# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
frame = read_table(input_path("data"))
keep, drop, rename = arg("keep", [], list), arg("drop", [], list), arg("rename", {}, dict)
if not (keep or drop or rename):
    fail("there is no column to keep, drop or rename", "give the step keep, drop or rename")
need(frame, *keep, *drop, *rename)
frame = frame[[column for column in keep or frame.columns if column not in drop]].rename(columns=rename)
if not len(frame.columns):
    fail("no column is left", "drop fewer columns")
if frame.columns.duplicated().any():
    fail(f"two columns are called {frame.columns[frame.columns.duplicated()][0]}", "rename to names that are free")
write_table(frame, output_path("data"))
emit("rows", len(frame))
emit("columns", len(frame.columns))
print(f"columns: {', '.join(frame.columns[:60])}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
