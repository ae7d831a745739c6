# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
model = load_model(input_path("model"))
model.target = arg("target") or model.target
frame = model.table(input_path("data"))
names = list(dict.fromkeys(arg("metrics", [], list))) or None
values, by, more = score(model, frame, names), arg("by"), {}
if by:
    need(frame, by)
    more["by"] = by
    more["groups"] = [{by: str(key), "rows": len(part), **score(model, part, [name for name in values if name != "auc"])}
                      for key, part in frame.groupby(by, dropna=False)]
if arg("confusion_matrix", False, bool):
    if not model.classes:
        fail(f"a {model.task} model has no confusion matrix", "leave it out")
    known = frame.dropna(subset=[model.target])
    true, found = [str(label) for label in labels(known[model.target])], [str(label) for label in model.predict(known)]
    pairs = list(zip(true, found))
    classes = [str(label) for label in model.classes]
    more["confusion_matrix"] = {one: {other: pairs.count((one, other)) for other in classes} for one in classes}
path = output_path("metrics")
pathlib.Path(path).write_text(json.dumps({**values, **more}, indent=1))
for name, value in values.items():
    emit(name, value)
emit("score", next(iter(values.values())))
emit("rows", len(frame))
if arg("output"):
    print(f"saved to {put(path, arg('output'))}")
for group in more.get("groups", []):
    print(" ".join(f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in group.items()))
for one, row in more.get("confusion_matrix", {}).items():
    print(f"true {one}: " + " ".join(f"{other}={count}" for other, count in row.items()))
print(f"{model.meta.get('name', model.framework)} {model.task} on {len(frame)} rows")
print(" ".join(f"{name}={value:.4g}" for name, value in values.items()))
