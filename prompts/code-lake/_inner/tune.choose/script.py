# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, input_paths and so on.
trials = [json.loads(pathlib.Path(path).read_text()) for path in input_paths("trials")]
trials = [trial for trial in trials if "loss" in trial]
best = min(trials, key=lambda trial: trial["loss"]) if trials else fail("no trial has a loss", "run `couler tune` with other candidates")
params = dict(best["params"])
if best.get("rounds"):
    params["n_estimators"] = best["rounds"]
emit("loss", best["loss"])
emit("chosen", json.dumps(params))
emit("params", json.dumps(params))
print(f"least loss {best['loss']:.4g} of {len(trials)} trials with "
      + (", ".join(f"{name}={value}" for name, value in params.items()) or "the library's default"))
