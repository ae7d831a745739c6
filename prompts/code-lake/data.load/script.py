# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
source, kind, options = arg("source", ...), arg("format"), {}
mark = arg("delimiter")
if mark:
    options["sep"] = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}.get(mark.lower(), mark)
    kind = kind or "csv"
given = {"encoding": arg("encoding"), "skiprows": arg("skip_rows", None, int), "decimal": arg("decimal"),
         "na_values": arg("missing", None, list), "nrows": arg("limit", None, int)}
options.update((option, value) for option, value in given.items() if value is not None)
names = arg("names", [], list)
if names or not arg("header", True, bool):
    options["header"] = 0 if arg("header", not names, bool) else None
if ARGS.get("sheet") not in (None, ""):
    options["sheet_name"], kind = scalar(ARGS["sheet"]), kind or "excel"
frame = read_table(fetch(source), kind, **options)
if names:
    if len(names) != len(frame.columns):
        fail(f"{len(names)} names are given for {len(frame.columns)} columns", "name every column")
    frame.columns = names
elif options.get("header", 0) is None:
    frame.columns = [f"column_{number}" for number in range(len(frame.columns))]
limit, columns, types = arg("limit", 0, int), arg("columns", [], list), arg("types", {}, dict)
frame = frame.head(limit) if limit else frame
if arg("missing", [], list):  # what the reader of the format has not done already
    frame = frame.replace({text: None for text in arg("missing", [], list)})
frame = as_types(frame, {**{column: "date" for column in arg("dates", [], list)}, **types})
need(frame, *columns, *([arg("target")] if arg("target") else []))
frame = frame[columns] if columns else frame
if arg("target"):
    TOLD["target"] = arg("target")
write_table(frame, output_path("data"))
emit("rows", len(frame))
print(f"{source} has the columns {', '.join(frame.columns[:40])}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
