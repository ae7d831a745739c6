# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import hashlib
import shutil

frame, rows, names, paths = read_table(input_path("data")), [], [], {}
for path in input_paths("models"):
    model = load_model(path)
    name = model.meta.get("name") or model.framework
    names.append(name)
    digest = hashlib.sha256(pathlib.Path(path, "model.json").read_bytes()).hexdigest()[:16]
    label = name if names.count(name) == 1 else f"{name}-{names.count(name)}"
    values = score(model, frame)
    metric = arg("metric") or ("rmse" if model.task == "regression" else next(iter(values)))
    if metric not in values:
        values.update(score(model, frame, [metric]))
    paths[label] = path
    rows.append({"model": label, "task": model.task, "digest": digest, **values})
if len({row["task"] for row in rows}) > 1:
    fail("the models do not do the same task", "compare only classifiers or only regressors")
rows.sort(key=lambda row: row[metric], reverse=metric not in LOWER)
best = rows[0]
report = {"metric": metric, "best": best["model"], "best_score": best[metric], "rows": len(frame), "models": rows}
pathlib.Path(output_path("metrics")).write_text(json.dumps(report, indent=1))
shutil.copytree(paths[best["model"]], output_path("model"), dirs_exist_ok=True)
emit("best", best["model"])
emit("best_score", best[metric])
for row in rows:
    print(f"{row['model']}: " + " ".join(f"{name}={value:.4g}" for name, value in row.items() if isinstance(value, float)))
print(f"best={best['model']} {metric}={best[metric]:.4g}")
