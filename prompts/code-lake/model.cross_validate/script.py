# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import importlib
import warnings

import numpy
import pandas
from sklearn.model_selection import (GroupKFold, KFold, RepeatedKFold, RepeatedStratifiedKFold, StratifiedGroupKFold, StratifiedKFold,
                                     TimeSeriesSplit)

warnings.filterwarnings("ignore", message="X does not have valid feature names")
ALGORITHMS = {  # module, classifier, regressor, parameters set here, whether number columns are scaled
    "xgboost": ("xgboost", "XGBClassifier", "XGBRegressor", {"n_estimators": 200, "max_depth": 5, "learning_rate": 0.1}, False),
    "lightgbm": ("lightgbm", "LGBMClassifier", "LGBMRegressor", {"n_estimators": 200, "learning_rate": 0.05, "deterministic": True, "force_col_wise": True, "verbosity": -1}, False),
    "catboost": ("catboost", "CatBoostClassifier", "CatBoostRegressor", {"iterations": 300, "depth": 6, "learning_rate": 0.05, "verbose": False, "allow_writing_files": False}, False),
    "random_forest": ("sklearn.ensemble", "RandomForestClassifier", "RandomForestRegressor", {"n_estimators": 200}, False),
    "extra_trees": ("sklearn.ensemble", "ExtraTreesClassifier", "ExtraTreesRegressor", {"n_estimators": 200}, False),
    "decision_tree": ("sklearn.tree", "DecisionTreeClassifier", "DecisionTreeRegressor", {}, False),
    "gradient_boosting": ("sklearn.ensemble", "GradientBoostingClassifier", "GradientBoostingRegressor", {}, False),
    "hist_gradient_boosting": ("sklearn.ensemble", "HistGradientBoostingClassifier", "HistGradientBoostingRegressor", {}, False),
    "adaboost": ("sklearn.ensemble", "AdaBoostClassifier", "AdaBoostRegressor", {}, False),
    "logistic_regression": ("sklearn.linear_model", "LogisticRegression", None, {"max_iter": 2000}, True),
    "linear_regression": ("sklearn.linear_model", None, "LinearRegression", {}, True),
    "ridge": ("sklearn.linear_model", "RidgeClassifier", "Ridge", {}, True),
    "lasso": ("sklearn.linear_model", None, "Lasso", {"max_iter": 10000}, True),
    "elastic_net": ("sklearn.linear_model", None, "ElasticNet", {"max_iter": 10000}, True),
    "svm": ("sklearn.svm", "SVC", "SVR", {}, True),
    "linear_svm": ("sklearn.svm", "LinearSVC", "LinearSVR", {"max_iter": 10000}, True),
    "knn": ("sklearn.neighbors", "KNeighborsClassifier", "KNeighborsRegressor", {}, True),
    "naive_bayes": ("sklearn.naive_bayes", "GaussianNB", None, {}, False),
    "lda": ("sklearn.discriminant_analysis", "LinearDiscriminantAnalysis", None, {}, True),
    "mlp": ("sklearn.neural_network", "MLPClassifier", "MLPRegressor", {"max_iter": 500, "early_stopping": True}, True),
    "dummy": ("sklearn.dummy", "DummyClassifier", "DummyRegressor", {}, False)}
given = input_path("model", optional=True)
model = load_model(given) if given and not arg("algorithm") else None
if model is not None:
    if not hasattr(model.core, "get_params") or model.task not in ("classification", "regression"):
        fail(f"a {model.framework} model for {model.task} cannot be trained again here", "give the step an algorithm")
    ARGS.setdefault("target", model.target)
    ARGS.setdefault("task", model.task)
    ARGS.setdefault("features", model.features)
name = arg("algorithm") or (model.meta.get("name") if model is not None else "xgboost")
if model is None and name not in ALGORITHMS:
    fail(f"the algorithm {name} is unknown", f"use one of {', '.join(ALGORITHMS)}")
if model is None:
    module, classifier, regressor, fixed, scaled = ALGORITHMS[name]
    if not (classifier and regressor):
        ARGS.setdefault("task", "classification" if classifier else "regression")
        if arg("task") != ("classification" if classifier else "regression"):
            fail(f"{name} cannot be used for {arg('task')}", "use another algorithm")
rows, task, classes = known_rows(read_table(input_path("data")))
target, seed, folds, repeats = arg("target"), arg("seed", 0, int), arg("folds", 5, int), arg("repeats", 1, int)
group, time = arg("group"), arg("time")
need(rows, *[column for column in (group, time) if column])
apart = [column for column in (group, time) if column and column not in arg("features", [], list)]
if not 2 <= folds <= len(rows):
    fail(f"{len(rows)} rows cannot make {folds} folds", "choose from 2 to as many folds as rows")


def made():
    if model is not None:
        from sklearn.base import clone
        core = clone(model.core)
        more = {f"model__{key}": value for key, value in hyperparameters(name).items()}
        try:
            return core.set_params(**more), list(model.features)
        except ValueError as error:
            fail(f"{name} cannot be trained with these parameters: {str(error).splitlines()[0]}", "correct params")
    kind = getattr(importlib.import_module(module), classifier if classes else regressor)
    chosen, known = hyperparameters(name, fixed), kind().get_params()
    strange = [key for key in chosen if key not in known] if module.startswith("sklearn") else []
    if strange:
        fail(f"{name} has no parameter {', '.join(strange)}", f"it knows {', '.join(known)}")
    for key, value in (("random_state", seed), ("random_seed", seed if name == "catboost" else None), ("n_jobs", -1), ("probability", True)):
        if value is not None and (key in known or key == "random_seed"):
            chosen.setdefault(key, value)
    if name == "catboost":
        chosen.pop("random_state", None)
    if isinstance(chosen.get("hidden_layer_sizes"), (int, str, list)):
        chosen["hidden_layer_sizes"] = tuple(int(size) for size in str(chosen["hidden_layer_sizes"]).strip("()[] ").split(",") if size.strip())
    own = name in ("xgboost", "lightgbm", "catboost")
    return tabular_pipeline(learned(rows).drop(columns=apart, errors="ignore"), kind(**chosen), impute=not own, scale=scaled, dense=True)


def splits():
    """Pairs of row numbers, to train and to test."""
    even = bool(classes) and arg("stratify", True, bool)
    if even and not time and rows[target].value_counts().min() < folds:
        fail(f"{target} has a class with fewer than {folds} rows", "use fewer folds, or no stratification")
    answer = rows[target]
    if time:
        moments = rows[time] if pandas.api.types.is_numeric_dtype(rows[time]) else pandas.to_datetime(rows[time], errors="coerce", utc=True)
        if moments.isna().any():
            fail(f"the column {time} has {int(moments.isna().sum())} values that are no time", "clean the column first")
        line = numpy.argsort(moments.to_numpy(), kind="stable")
        return [(line[train], line[test]) for train, test in TimeSeriesSplit(folds).split(line)]
    if group:
        if rows[group].nunique() < folds:
            fail(f"{group} has {rows[group].nunique()} values, too few for {folds} folds", "use fewer folds")
        way = StratifiedGroupKFold(folds, shuffle=True, random_state=seed) if even else GroupKFold(folds)
        return list(way.split(rows, answer, rows[group].astype(str)))
    if repeats > 1:
        way = (RepeatedStratifiedKFold if even else RepeatedKFold)(n_splits=folds, n_repeats=repeats, random_state=seed)
    else:
        way = (StratifiedKFold if even else KFold)(folds, shuffle=True, random_state=seed)
    return list(way.split(rows, answer if even else None))


pipeline, features = made()
asked = list(dict.fromkeys(arg("metrics", [], list))) or None
pairs = splits()
found = cross_scores(pipeline, rows, features, task, classes, pairs, name, asked)
table = pandas.DataFrame(found)
table.insert(0, "fold", range(1, len(found) + 1))
table.insert(1, "train_rows", [len(train) for train, _ in pairs])
table.insert(2, "test_rows", [len(test) for _, test in pairs])
measured = [metric for metric in found[0] if all(metric in values for values in found)]
means = {metric: float(table[metric].mean()) for metric in measured}
deviations = {metric: float(table[metric].std(ddof=1)) for metric in measured}
write_table(table, output_path("folds"))
report = {**means, "deviations": deviations, "folds": len(found), "algorithm": name}
pathlib.Path(output_path("metrics")).write_text(json.dumps(report, indent=1))
main = next(iter(means)) if asked or task == "classification" else "r2"
for metric in asked or []:
    emit(metric, means[metric])
emit("score", means[main])
emit("deviation", deviations[main])
emit("rows", len(rows))
for values in found:
    print(" ".join(f"{metric}={value:.4g}" for metric, value in values.items()))
print(f"{name} {task} of {target}: means and deviations of {len(found)} folds")
print(" ".join(f"{metric}={means[metric]:.4g}±{deviations[metric]:.2g}" for metric in measured))
