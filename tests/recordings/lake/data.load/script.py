# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
source = arg("source", ...)
frame = read_table(fetch(source), arg("format"))
columns = arg("columns", [], list)
need(frame, *columns)
frame = frame[columns] if columns else frame
write_table(frame, output_path("data"))
emit("rows", len(frame))
print(f"{source} has the columns {', '.join(frame.columns[:40])}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
