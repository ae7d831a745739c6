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
    "bayesian_ridge": ("linear_model", None, "BayesianRidge", {}, True),
    "huber": ("linear_model", None, "HuberRegressor", {"max_iter": 2000}, True),
    "poisson": ("linear_model", None, "PoissonRegressor", {"max_iter": 2000}, True),
    "sgd": ("linear_model", "SGDClassifier", "SGDRegressor", {}, True),
    "svm": ("svm", "SVC", "SVR", {}, True),
    "linear_svm": ("svm", "LinearSVC", "LinearSVR", {"max_iter": 10000}, True),
    "knn": ("neighbors", "KNeighborsClassifier", "KNeighborsRegressor", {}, True),
    "naive_bayes": ("naive_bayes", "GaussianNB", None, {}, False),
    "lda": ("discriminant_analysis", "LinearDiscriminantAnalysis", None, {}, True),
    "gaussian_process": ("gaussian_process", "GaussianProcessClassifier", "GaussianProcessRegressor", {}, True),
    "bagging": ("ensemble", "BaggingClassifier", "BaggingRegressor", {"n_estimators": 50}, False),
    "dummy": ("dummy", "DummyClassifier", "DummyRegressor", {}, False),
    "mlp": ("neural_network", "MLPClassifier", "MLPRegressor", {"max_iter": 500, "early_stopping": True}, True),
    "isolation_forest": ("ensemble", None, "IsolationForest", {"n_estimators": 200}, False),
    "one_class_svm": ("svm", None, "OneClassSVM", {"nu": 0.05}, True),
    "local_outlier_factor": ("neighbors", None, "LocalOutlierFactor", {"novelty": True}, True)}
ANOMALIES = ("isolation_forest", "one_class_svm", "local_outlier_factor")
STOPS = {"gradient_boosting": {}, "hist_gradient_boosting": {"early_stopping": True}, "mlp": {"early_stopping": True},
         "sgd": {"early_stopping": True}}
name = arg("estimator", ...)
if name not in ESTIMATORS:
    fail(f"the estimator {name} is unknown", f"use one of {', '.join(ESTIMATORS)}")
module, classifier, regressor, fixed, scaled = ESTIMATORS[name]
if not (classifier and regressor):
    only = "classification" if classifier else "regression"
    if arg("task", only) != only:
        fail(f"{name} cannot be used for {arg('task')}", f"use task {only} or another estimator")
    ARGS["task"] = only
rounds = patience(10)
if rounds and name not in STOPS:
    fail(f"{name} does not learn in rounds, so it cannot stop early", f"leave out early_stopping, or use {', '.join(STOPS)}")


def build(task, classes):
    kind = getattr(importlib.import_module("sklearn." + module), classifier if task == "classification" else regressor)
    stops = {"n_iter_no_change": rounds, **STOPS[name]} if rounds else {}
    chosen, known = hyperparameters(name, {**fixed, **stops}), kind().get_params()
    strange = [key for key in chosen if key not in known]
    if strange:
        fail(f"{name} has no parameter {', '.join(strange)}", f"it knows {', '.join(known)}")
    for key, value in (("random_state", arg("seed", 0, int)), ("n_jobs", -1), ("probability", True)):
        if key in known:
            chosen.setdefault(key, value)
    if isinstance(chosen.get("hidden_layer_sizes"), (int, str, list)):
        sizes = str(chosen["hidden_layer_sizes"]).strip("()[] ").split(",")
        chosen["hidden_layer_sizes"] = tuple(int(size) for size in sizes if size.strip())
    if name == "sgd" and task == "classification":
        chosen.setdefault("loss", "log_loss")  # so that it knows probabilities
    return kind(**chosen)


def train_anomalies():
    from sklearn.model_selection import train_test_split
    frame, path, target = read_table(input_path("data")), output_path("model"), arg("target") or TOLD.get("target")
    need(frame, *arg("features", [], list))
    size = round(len(frame) * arg("test_size", 0.2, float))
    rows, held = train_test_split(frame, test_size=size, random_state=arg("seed", 0, int)) if size else (frame, frame[:0])
    wanted = rows[arg("features", [], list) or [column for column in rows.columns if column != target]]
    pipeline, features = tabular_pipeline(wanted, build("regression", None), scale=scaled)
    pipeline.fit(feature_frame(rows, features))
    save_model(pipeline, path, framework="sklearn", name=name, task="anomaly", target=None, features=features,
               classes=None, rows=len(rows))
    write_table(held, output_path("holdout"))
    share = float((load_model(path).predict(frame) == -1).mean())
    emit("rows", len(rows))
    emit("score", share)
    if arg("output"):
        print(f"saved to {put(path, arg('output'))}")
    print(f"{name}: {len(rows)} rows to train, {len(held)} held out")
    print(f"anomalies={share:.4g} (share of all rows)")


DENSE = ("naive_bayes", "hist_gradient_boosting", "lda", "gaussian_process", "bayesian_ridge")
if name in ANOMALIES:
    train_anomalies()
else:
    train(build, "sklearn", name, stops=False, scale=scaled, dense=name in DENSE)
