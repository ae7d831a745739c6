# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas

tables = [read_table(path) for path in input_paths("tables")]
keys, how = arg("on", [], list), arg("how", "inner")
if len(tables) < 2:
    fail("a join needs at least two tables", "put a step that makes the second table before this one")
if how not in ("inner", "left", "right", "outer", "append"):
    fail(f"the argument how is {how}", "use inner, left, right, outer or append")
if how == "append":
    frame = pandas.concat(tables, ignore_index=True)
else:
    frame = tables[0]
    for number, other in enumerate(tables[1:], start=2):
        shared = keys or [column for column in frame.columns if column in other.columns]
        if not shared:
            fail("the tables share no column", f"name the key columns; the first has {', '.join(frame.columns[:40])}, "
                 f"the other {', '.join(other.columns[:40])}")
        need(frame, *shared)
        need(other, *shared)
        for key in shared:  # 7 and "7" are the same key
            if (frame[key].dtype == object) != (other[key].dtype == object):
                frame[key], other[key] = frame[key].astype(str), other[key].astype(str)
        frame = frame.merge(other, on=shared, how=how, suffixes=("", f"_{number}"))
if frame.empty:
    fail(f"the {how} join has no rows: the tables share no key", "check the key columns or use how outer")
write_table(frame, output_path("data"))
emit("rows", len(frame))
print(f"{how} of tables with {', '.join(str(len(table)) for table in tables)} rows")
print(f"rows={len(frame)} columns={len(frame.columns)}")
