# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import importlib

ESTIMATORS = {  # module, classifier, regressor, parameters set here, whether number columns are scaled
    "random_forest": ("ensemble", "RandomForestClassifier", "RandomForestRegressor", {"n_estimators": 200}, False),
    "extra_trees": ("ensemble", "ExtraTreesClassifier", "ExtraTreesRegressor", {"n_estimators": 200}, False),
    "decision_tree": ("tree", "DecisionTreeClassifier", "DecisionTreeRegressor", {}, False),
    "gradient_boosting": ("ensemble", "GradientBoostingClassifier", "GradientBoostingRegressor", {}, False),
    "hist_gradient_boosting": ("ensemble", "HistGradientBoostingClassifier", "HistGradientBoostingRegressor", {}, False),
    "adaboost": ("ensemble", "AdaBoostClassifier", "AdaBoostRegressor", {}, False),
    "logistic_regression": ("linear_model", "LogisticRegression", None, {"max_iter": 2000}, True),
    "linear_regression": ("linear_model", None, "LinearRegression", {}, True),
    "ridge": ("linear_model", "RidgeClassifier", "Ridge", {}, True),
    "lasso": ("linear_model", None, "Lasso", {"max_iter": 10000}, True),
    "elastic_net": ("linear_model", None, "ElasticNet", {"max_iter": 10000}, True),
    "svm": ("svm", "SVC", "SVR", {}, True),
    "knn": ("neighbors", "KNeighborsClassifier", "KNeighborsRegressor", {}, True),
    "naive_bayes": ("naive_bayes", "GaussianNB", None, {}, False),
    "mlp": ("neural_network", "MLPClassifier", "MLPRegressor", {"max_iter": 500, "early_stopping": True}, True),
    "isolation_forest": ("ensemble", None, "IsolationForest", {"n_estimators": 200}, False)}
name = arg("estimator", ...)
if name not in ESTIMATORS:
    fail(f"the estimator {name} is unknown", f"use one of {', '.join(ESTIMATORS)}")
module, classifier, regressor, fixed, scaled = ESTIMATORS[name]
if not (classifier and regressor):
    only = "classification" if classifier else "regression"
    if arg("task", only) != only:
        fail(f"{name} cannot be used for {arg('task')}", f"use task {only} or another estimator")
    ARGS["task"] = only
params = {key: scalar(value) for key, value in arg("params", {}, dict).items()}


def build(task, classes):
    kind = getattr(importlib.import_module("sklearn." + module), classifier if task == "classification" else regressor)
    chosen, known = {**fixed, **params}, kind().get_params()
    strange = [key for key in chosen if key not in known]
    if strange:
        fail(f"{name} has no parameter {', '.join(strange)}", f"it knows {', '.join(known)}")
    for key, value in (("random_state", arg("seed", 0, int)), ("n_jobs", -1), ("probability", True)):
        if key in known:
            chosen.setdefault(key, value)
    if isinstance(chosen.get("hidden_layer_sizes"), (int, str)):
        chosen["hidden_layer_sizes"] = tuple(int(size) for size in str(chosen["hidden_layer_sizes"]).strip("()[] ").split(","))
    return kind(**chosen)


def train_anomalies():
    from sklearn.model_selection import train_test_split
    frame, path, target = read_table(input_path("data")), output_path("model"), arg("target")
    size = round(len(frame) * arg("test_size", 0.2, float))
    rows, held = train_test_split(frame, test_size=size, random_state=arg("seed", 0, int)) if size else (frame, frame[:0])
    pipeline, features = tabular_pipeline(rows.drop(columns=[target] if target in rows else []), build("regression", None))
    pipeline.fit(feature_frame(rows, features))
    save_model(pipeline, path, framework="sklearn", name=name, task="anomaly", target=None, features=features,
               classes=None, rows=len(rows))
    write_table(held, output_path("holdout"))
    share = float((load_model(path).predict(frame) == -1).mean())
    emit("rows", len(rows))
    emit("score", share)
    print(f"isolation_forest: {len(rows)} rows to train, {len(held)} held out")
    print(f"anomalies={share:.4g} (share of all rows)")


if name == "isolation_forest":
    train_anomalies()
else:
    train(build, "sklearn", name, scale=scaled, dense=name in ("naive_bayes", "hist_gradient_boosting"))
