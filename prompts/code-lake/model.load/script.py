# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
source, path, framework = arg("source", ...), output_path("model"), arg("framework")
here = None
if source.startswith("models:/"):
    import mlflow
    server = arg("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI")
    if not server:
        fail("no MLflow server is known", "give the step tracking_uri or set MLFLOW_TRACKING_URI")
    try:
        mlflow.set_tracking_uri(server)
        client, rest = mlflow.MlflowClient(), source[8:].strip("/")
        name, mark, alias = rest.partition("@")
        if mark:
            version = client.get_model_version_by_alias(name, alias)
        elif "/" in rest:
            version = client.get_model_version(*rest.rsplit("/", 1))
        else:
            version = max(client.search_model_versions(f"name='{rest}'"), key=lambda found: int(found.version), default=None)
        if version is None:
            raise mlflow.exceptions.MlflowException(f"there is no model {rest}")
        try:  # what model.register has put beside the model keeps all facts
            here = mlflow.artifacts.download_artifacts(f"runs:/{version.run_id}/couler")
        except Exception:
            here = mlflow.artifacts.download_artifacts(f"models:/{version.name}/{version.version}")
    except mlflow.exceptions.MlflowException as error:
        fail(f"{source} cannot be read from MLflow at {server}: {str(error).splitlines()[0]}", "check the name, the version and the server")
here = here or fetch(source)
facts = {key: value for key, value in (("task", arg("task")), ("target", arg("target")), ("features", arg("features", None, list)),
                                       ("name", arg("name"))) if value}


def whole(model):
    """The last part of a pipeline, which knows what was learned."""
    return model.steps[-1][1] if hasattr(model, "steps") else model


def describe(core, kind):
    """The facts of a model that some other program has saved."""
    last = whole(core)
    names = next((list(value) for value in (getattr(part, "feature_names_in_", None) if hasattr(part, "feature_names_in_") else
                                            getattr(part, "feature_names_", None) for part in (core, last)) if value is not None), None)
    if names is None and hasattr(core, "get_booster"):
        names = core.get_booster().feature_names
    classes = getattr(core, "classes_", None)
    task = facts.get("task") or ("classification" if classes is not None and len(classes) else "clustering" if hasattr(last, "cluster_centers_") else "regression")
    known = {"framework": kind, "task": task, "target": None, "features": names, "name": type(last).__name__, "rows": 0,
             "classes": [value.item() if hasattr(value, "item") else value for value in classes] if task == "classification" and classes is not None else None}
    known.update(facts)
    if not known["features"]:
        fail(f"the model at {source} does not say which columns it takes", "give the step features")
    if task in ("classification", "regression") and not known["target"]:
        print("the model does not say what it predicts; to evaluate it give the step target")
    return known


def save_foreign(core, kind):
    known = describe(core, kind)
    if known["task"] == "classification" and list(known["classes"]) != list(range(len(known["classes"]))):
        # couler's own models predict the number of a class; a foreign one predicts its label
        known["predicts_labels"] = True
    save_model(core, path, **known)


def loaded(file, kind):
    ending = pathlib.Path(file).suffix.lower()
    if kind in (None, "catboost") and ending == ".cbm":
        import catboost
        task = facts.get("task", "classification")
        return (catboost.CatBoostClassifier if task == "classification" else catboost.CatBoostRegressor)().load_model(file), "catboost"
    if kind in (None, "xgboost") and ending in (".json", ".ubj", ".model"):
        import xgboost
        task = facts.get("task") or ("classification" if '"binary:' in (text := pathlib.Path(file).read_bytes().decode("latin-1")) or '"multi:' in text else "regression")
        core = (xgboost.XGBClassifier if task == "classification" else xgboost.XGBRegressor)()
        try:
            core.load_model(file)
        except xgboost.core.XGBoostError as error:
            fail(f"{source} cannot be read as a model of XGBoost: {str(error).splitlines()[0]}", "name its framework, or check the file")
        return core, "xgboost"
    import joblib
    try:
        core = joblib.load(file)
    except Exception as error:
        fail(f"{source} cannot be read as a model: {error}", "name its framework, or check the file")
    found = next((name for name in ("xgboost", "lightgbm", "catboost") if type(whole(core)).__module__.startswith(name)), "sklearn")
    if not hasattr(core, "predict"):
        fail(f"{source} holds a {type(core).__name__}, which predicts nothing", "name the file of a model")
    return core, kind or found


if os.path.isdir(here) and os.path.isfile(os.path.join(here, "model.json")) and "framework" in json.loads(pathlib.Path(here, "model.json").read_text()):
    shutil.copytree(here, path, dirs_exist_ok=True)
    known = {**json.loads(pathlib.Path(path, "model.json").read_text()), **facts}
    save_model(None, path, **known)
elif os.path.isdir(here) and os.path.isfile(os.path.join(here, "config.json")):
    shutil.copytree(here, path, dirs_exist_ok=True)
    config = json.loads(pathlib.Path(here, "config.json").read_text())
    classifies = any("SequenceClassification" in name for name in config.get("architectures") or [])
    if classifies and not facts.get("features"):
        fail("a text classifier does not say which column it takes", "give the step features with the text column")
    names = config.get("id2label") or {}
    known = {"framework": "transformers" if classifies else "causal", "task": "classification" if classifies else "generation", "target": None,
             "features": ["text"], "classes": [names[key] for key in sorted(names, key=int)] if classifies else None,
             "name": os.path.basename(source.rstrip("/")), "rows": 0, "base_model": config.get("_name_or_path") or source, **facts}
    save_model(None, path, **known)
elif os.path.isdir(here) and os.path.isfile(os.path.join(here, "adapter_config.json")):
    shutil.copytree(here, path, dirs_exist_ok=True)
    base = json.loads(pathlib.Path(here, "adapter_config.json").read_text()).get("base_model_name_or_path")
    save_model(None, path, **{"framework": "peft", "task": "generation", "target": None, "features": ["text"], "classes": None,
                              "name": os.path.basename(source.rstrip("/")), "rows": 0, "base_model": base, **facts})
else:
    endings = (".joblib", ".pkl", ".pickle", ".cbm", ".ubj", ".json", ".model", ".bin")
    files = [here] if os.path.isfile(here) else sorted(str(file) for file in pathlib.Path(here).rglob("*") if file.suffix.lower() in endings)
    if not files:
        fail(f"{source} holds no model", f"name a folder with model.json or config.json, or a file that ends in {', '.join(endings)}")
    save_foreign(*loaded(files[0], framework))
known = json.loads(pathlib.Path(path, "model.json").read_text())
emit("framework", known["framework"])
emit("name", known.get("name") or known["framework"])
print(f"{known.get('name')} is a {known['framework']} model for {known['task']}" + (f" of {known['target']}" if known.get("target") else ""))
print(f"framework={known['framework']} features={len(known.get('features') or [])}")
