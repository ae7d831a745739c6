# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import hashlib

paths, data, metric = input_paths("models"), input_path("data", optional=True), arg("metric")
facts = []
for path in paths:
    if not os.path.isfile(os.path.join(path, "model.json")):
        fail(f"{path} holds no model (no model.json)", "connect the model outputs of training steps")
    text = pathlib.Path(path, "model.json").read_bytes()
    facts.append({**json.loads(text), "digest": hashlib.sha256(text).hexdigest()[:16]})
if len({fact["task"] for fact in facts}) > 1:
    fail("the models do not do the same task", "select among only classifiers or only regressors")
measured = [json.loads(pathlib.Path(path).read_text()) for path in input_paths("metrics", optional=True)]
compared = [report for report in measured if isinstance(report.get("models"), list)]
single = [values for values in measured if not isinstance(values.get("models"), list)]
if not metric and compared:
    metric = compared[-1]["metric"]
metric = metric or {"regression": "rmse", "clustering": "silhouette"}.get(facts[0]["task"], "accuracy")


def from_comparison():
    found = {row["digest"]: row.get(metric) for report in compared for row in report["models"]}
    return [found.get(fact["digest"]) for fact in facts]


def from_metrics():  # one metrics file per model, in the same order
    return [values.get(metric) for values in single] if len(single) == len(paths) else [None]


def from_data():
    frame = read_table(data, empty=True) if data else None
    return [None] if frame is None or frame.empty else [score(load_model(path), frame, [metric])[metric] for path in paths]


def from_training():
    return [(fact.get("scores") or {}).get(metric) for fact in facts]


for source, way in (("the comparison", from_comparison), ("the metrics", from_metrics), ("the table", from_data),
                    ("the training steps", from_training)):
    scores = way()
    if None not in scores:
        break
else:
    if len(paths) > 1:
        fail(f"{metric} is known for none or only some of the models", "evaluate every model with it, or connect a test table")
    scores, source = [float("nan")], "no score, it is the only model"
best = (min if metric in LOWER else max)(range(len(paths)), key=lambda i: scores[i])
shutil.copytree(paths[best], output_path("model"), dirs_exist_ok=True)
emit("best", facts[best].get("name") or facts[best]["framework"])
emit("best_score", float(scores[best]))
print(f"{metric} from {source}: " + ", ".join(f"{fact.get('name')} {value:.4g}" for fact, value in zip(facts, scores)))
print(f"best={facts[best].get('name')} {metric}={scores[best]:.4g}")
