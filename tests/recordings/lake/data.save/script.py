# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
ENDINGS = {"csv": ".csv", "parquet": ".parquet", "json": ".json", "jsonl": ".jsonl", "excel": ".xlsx"}
path, destination = input_path("input"), arg("destination", ...)
asked = arg("format") or next((kind for kind, end in ENDINGS.items() if destination.lower().endswith(end)), None)
if asked and asked not in ENDINGS:
    fail(f"the argument format is {asked}", f"use one of {', '.join(ENDINGS)}")
with open(path, "rb") if os.path.isfile(path) else open(os.devnull, "rb") as file:
    is_table = file.read(4) == b"PAR1"
what = "folder" if os.path.isdir(path) else "file"
if is_table:
    kind, what = asked or "parquet", "table"
    frame = read_table(path, "parquet", empty=True)
    if destination.endswith("/"):
        destination += "data" + ENDINGS[kind]
    copy = os.path.join(tempfile.mkdtemp(), "data" + ENDINGS[kind])
    if kind == "csv":
        frame.to_csv(copy, index=False)
    elif kind == "parquet":
        frame.to_parquet(copy, index=False)
    elif kind == "excel":
        frame.to_excel(copy, index=False)
    else:
        frame.to_json(copy, orient="records", lines=kind == "jsonl", date_format="iso")
    what, path = f"table of {len(frame)} rows as {kind}", copy
written = put(path, destination)
emit("uri", written)
print(f"saved the {what}")
print(f"uri={written}")
