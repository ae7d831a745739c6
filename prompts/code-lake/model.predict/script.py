# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
model = load_model(input_path("model"))
frame = model.table(input_path("data"))
column, output, keep, limit = arg("column", "prediction"), arg("output"), arg("columns", [], list), arg("limit", 0, int)
need(frame, *keep)
frame = frame.head(limit) if limit else frame
chances = model.probabilities(frame)
found = model.predict(frame, chances)
result = frame[keep].copy() if keep else frame.copy()
result[column] = found == -1 if model.task == "anomaly" else found
if chances is not None and arg("probabilities", True, bool):  # of the second of two classes, or of the class that was predicted
    result[f"{column}_probability"] = chances[:, 1] if len(model.classes) == 2 else chances.max(1)
if chances is not None and arg("probabilities", False, bool):
    for place, label in enumerate(model.classes):
        result[f"{column}_{label}"] = chances[:, place]
write_table(result, output_path("predictions"))
if output:
    ending = pathlib.Path(output).suffix.lower()
    copy = os.path.join(tempfile.mkdtemp(), "predictions" + (ending or ".parquet"))
    if ending in (".json", ".jsonl"):
        result.to_json(copy, orient="records", lines=ending == ".jsonl", date_format="iso")
    elif ending in (".csv", ".tsv", ".txt"):
        result.to_csv(copy, index=False, sep="\t" if ending == ".tsv" else ",")
    elif ending == ".xlsx":
        result.to_excel(copy, index=False)
    else:
        result.to_parquet(copy, index=False)
    print(f"saved to {put(copy, output)}")
emit("rows", len(result))
print(f"{model.meta.get('name', model.framework)} {model.task} for {len(result)} rows in the column {column}")
if model.task == "regression":
    print(f"rows={len(result)} mean={float(result[column].mean()):.6g}")
else:
    shares = ", ".join(f"{value}: {rows}" for value, rows in result[column].value_counts().head(10).items())
    print(f"rows={len(result)} ({shares})")
