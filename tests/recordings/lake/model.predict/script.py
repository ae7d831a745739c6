# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
model, frame = load_model(input_path("model")), read_table(input_path("data"))
column, output, found = arg("column", "prediction"), arg("output"), None
found = model.predict(frame)
chances = model.probabilities(frame)
result = frame.copy()
result[column] = found == -1 if model.task == "anomaly" else found
if chances is not None:  # of the second of two classes, or of the class that was predicted
    result[f"{column}_probability"] = chances[:, 1] if len(model.classes) == 2 else chances.max(1)
write_table(result, output_path("predictions"))
if output:
    ending = pathlib.Path(output).suffix.lower()
    copy = os.path.join(tempfile.mkdtemp(), "predictions" + (ending or ".parquet"))
    if ending in (".json", ".jsonl"):
        result.to_json(copy, orient="records", lines=ending == ".jsonl", date_format="iso")
    elif ending in (".csv", ".tsv", ".txt"):
        result.to_csv(copy, index=False, sep="\t" if ending == ".tsv" else ",")
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
