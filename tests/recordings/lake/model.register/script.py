# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import mlflow

path, name = input_path("model"), arg("name", ...)
server = arg("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI")
if not server:
    fail("no MLflow server is known", "give the step tracking_uri or set MLFLOW_TRACKING_URI")
if not os.path.isfile(os.path.join(path, "model.json")):
    fail(f"{path} holds no model (no model.json)", "connect the model output of a training step")
facts = json.loads(pathlib.Path(path, "model.json").read_text())
values, metrics = dict(facts.get("scores") or {}), input_path("metrics", optional=True)
if metrics:
    measured = json.loads(pathlib.Path(metrics).read_text())
    values.update((key, value) for key, value in measured.items() if isinstance(value, (int, float)))
try:
    mlflow.set_tracking_uri(server)
    mlflow.set_experiment(arg("experiment", "couler"))
    with mlflow.start_run(run_name=name) as run:
        mlflow.set_tags({key: str(facts[key]) for key in ("framework", "task", "target") if facts.get(key)})
        mlflow.log_params({key: facts[key] for key in ("name", "rows", "base_model") if facts.get(key)})
        mlflow.log_metrics({key: float(value) for key, value in values.items() if value == value})
        if facts["framework"] not in ("torch", "transformers", "peft"):
            import mlflow.sklearn
            mlflow.sklearn.log_model(load_model(path).core, name="model")
            source = f"runs:/{run.info.run_id}/model"
        mlflow.log_artifacts(path, "couler")
        if facts["framework"] in ("torch", "transformers", "peft"):
            source = mlflow.get_artifact_uri("couler")
    client = mlflow.MlflowClient()
    if facts["framework"] in ("torch", "transformers", "peft"):
        try:
            client.create_registered_model(name)
        except mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        version = client.create_model_version(name, source, run.info.run_id).version
    else:
        version = mlflow.register_model(source, name).version
    if arg("alias"):
        client.set_registered_model_alias(name, arg("alias"), version)
except mlflow.exceptions.MlflowException as error:
    fail(f"MLflow at {server} refused the model: {str(error).splitlines()[0]}", "check the server and its access rights")
emit("version", version)
print(f"registered {name} in {server} with {len(values)} metrics")
print(f"version={version}")
