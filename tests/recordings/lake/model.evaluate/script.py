# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
model, frame = load_model(input_path("model")), read_table(input_path("data"))
values = score(model, frame, list(dict.fromkeys(arg("metrics", [], list))) or None)
pathlib.Path(output_path("metrics")).write_text(json.dumps(values, indent=1))
for name, value in values.items():
    emit(name, value)
emit("score", next(iter(values.values())))
emit("rows", len(frame))
print(f"{model.meta.get('name', model.framework)} {model.task} on {len(frame)} rows")
print(" ".join(f"{name}={value:.4g}" for name, value in values.items()))
