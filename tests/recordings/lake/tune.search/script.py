# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import importlib
import itertools
import math
import warnings

import numpy
import pandas
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

warnings.filterwarnings("ignore", message="X does not have valid feature names")
TREES = {"n_estimators": [100, 200, 400], "max_depth": [None, 6, 12], "min_samples_leaf": [1, 3, 8]}
BOOST = {"n_estimators": [100, 200, 400], "learning_rate": [0.03, 0.1, 0.3], "max_depth": [3, 5, 7], "subsample": [0.7, 1.0]}
PENALTY = [0.01, 0.1, 1.0, 10.0, 100.0]
ESTIMATORS = {  # module, classifier, regressor, usual space, whether number columns are scaled
    "random_forest": ("sklearn.ensemble", "RandomForestClassifier", "RandomForestRegressor", TREES, False),
    "extra_trees": ("sklearn.ensemble", "ExtraTreesClassifier", "ExtraTreesRegressor", TREES, False),
    "gradient_boosting": ("sklearn.ensemble", "GradientBoostingClassifier", "GradientBoostingRegressor", BOOST, False),
    "logistic_regression": ("sklearn.linear_model", "LogisticRegression", None, {"C": PENALTY}, True),
    "ridge": ("sklearn.linear_model", "RidgeClassifier", "Ridge", {"alpha": PENALTY}, True),
    "svm": ("sklearn.svm", "SVC", "SVR", {"C": PENALTY, "gamma": ["scale", 0.01, 0.1]}, True),
    "knn": ("sklearn.neighbors", "KNeighborsClassifier", "KNeighborsRegressor",
            {"n_neighbors": [3, 5, 9, 15, 25], "weights": ["uniform", "distance"]}, True),
    "mlp": ("sklearn.neural_network", "MLPClassifier", "MLPRegressor",
            {"alpha": [1e-4, 1e-2, 1.0], "learning_rate_init": [1e-3, 1e-2]}, True),
    "xgboost": ("xgboost", "XGBClassifier", "XGBRegressor", BOOST, False),
    "lightgbm": ("lightgbm", "LGBMClassifier", "LGBMRegressor",
                 {"n_estimators": [100, 200, 400], "learning_rate": [0.03, 0.1], "num_leaves": [15, 31, 63]}, False)}
SCORERS = {"accuracy": "accuracy", "auc": "roc_auc", "f1": "f1", "logloss": "neg_log_loss",
           "rmse": "neg_root_mean_squared_error", "mae": "neg_mean_absolute_error", "r2": "r2"}
name, trials, method = arg("estimator", "xgboost"), arg("trials", 20, int), arg("method", "random")
if name not in ESTIMATORS:
    fail(f"the estimator {name} is unknown", f"use one of {', '.join(ESTIMATORS)}")
module, classifier, regressor, usual, scaled = ESTIMATORS[name]
if not regressor:
    ARGS["task"] = "classification"
rows, held, task, classes = training_rows()
target, choices, generator = arg("target"), arg("space", {}, dict) or usual, numpy.random.default_rng(0)
metric = arg("metric") or ("accuracy" if classes else "r2")
if metric not in METRICS[task]:
    fail(f"{metric} cannot be computed for {task}", f"use one of {', '.join(set(METRICS[task]) & set(SCORERS))}")
kind = getattr(importlib.import_module(module), classifier if classes else regressor)
known = kind().get_params()
strange = [key for key in choices if key not in known]
if strange:
    fail(f"{name} has no parameter {', '.join(strange)}", f"it knows {', '.join(known)}")
fixed = {"random_state": 0, "n_jobs": -1, "max_iter": 1000, "verbosity": -1 if name == "lightgbm" else None}
fixed = {key: value for key, value in fixed.items() if key in known and value is not None}
if name == "svm" and classes:
    fixed["probability"] = True


def pick(parameter, choice, count=None):
    """One random value of a choice, or `count` of them in steps."""
    if isinstance(choice, list) and choice:
        return choice if count else choice[generator.integers(len(choice))]
    try:
        low, high = float(choice["min"]), float(choice["max"])
        whole, wide = float(low).is_integer() and float(high).is_integer(), low > 0 and high / low >= 100
        if low > high:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        fail(f"the space of {parameter} is {choice!r}", "write a list of values, or min and max")
    def value(share):
        number = low * (high / low) ** share if wide else low + (high - low) * share
        return round(number) if whole else number
    return list(dict.fromkeys(value(i / (count - 1)) for i in range(count))) if count else value(generator.random())


# A fan-out: with `part`, this step tries some of the points; with the input `points`, others have tried all of them.
part, tried = arg("part", {}, dict), input_paths("points", optional=True)
if tried:
    wanted = []
elif method == "grid":
    grid = itertools.product(*(pick(key, choice, 5) for key, choice in choices.items()))
    wanted = [dict(zip(choices, values)) for values in grid]
    if len(wanted) > 500:
        fail(f"the grid has {len(wanted)} points", "use method random or fewer values")
else:
    wanted = []
    for _ in range(trials * 20):
        point = {key: pick(key, choice) for key, choice in choices.items()}
        wanted += [point] if point not in wanted and len(wanted) < trials else []
codes = {label: i for i, label in enumerate(classes or [])}
answer = rows[target].map(codes) if classes else rows[target].astype(float)
folds = arg("folds", 3, int)
if classes and answer.value_counts().min() < folds:
    fail(f"{target} has a class with fewer than {folds} rows", "use fewer folds or a larger table")
splitter = (StratifiedKFold if classes else KFold)(folds, shuffle=True, random_state=0)
scorer = SCORERS[metric] + {"auc": "_ovr", "f1": "_macro"}.get(metric, "") if classes and len(classes) > 2 else SCORERS[metric]
shape = {"scale": scaled, "impute": name not in ("xgboost", "lightgbm"), "dense": True}
pipeline, features = tabular_pipeline(rows.drop(columns=[target]), kind(**fixed), **shape)
table = feature_frame(rows, features)
results = [tuple(result) for path in tried for result in json.loads(pathlib.Path(path).read_text())]
for number, point in list(enumerate(wanted))[part.get("number", 1) - 1::part.get("of", 1)]:
    point = {key: scalar(value) for key, value in point.items()}
    pipeline.set_params(**{f"model__{key}": value for key, value in point.items()})
    try:
        value = float(cross_val_score(pipeline, table, answer, cv=splitter, scoring=scorer, error_score="raise").mean())
    except Exception as error:
        fail(f"{name} cannot be trained with {point}: {error}", "correct the space")
    results.append((number, value, point))
sign = -1 if scorer.startswith("neg_") else 1
results.sort(key=lambda result: result[0])
_, value, best = max(results, key=lambda result: result[1], default=(0, -math.inf, {}))
outcome = f"{len(results)} trials with {folds} folds; best {metric}={sign * value:.4g} with " + ", ".join(
    f"{key}={choice:.4g}" if isinstance(choice, float) else f"{key}={choice}" for key, choice in best.items())
emit("best_score", sign * value)
if part:
    pathlib.Path(output_path("points")).write_text(json.dumps(results))
    print(outcome if results else "fewer points than parts: nothing to try")
else:
    pipeline.set_params(**{f"model__{key}": choice for key, choice in best.items()}).fit(table, answer)
    path = output_path("model")
    save_model(pipeline, path, framework=name if name in ("xgboost", "lightgbm") else "sklearn", name=name, task=task,
               target=target, features=features, classes=classes, rows=len(rows), params=best)
    write_table(pandas.DataFrame([{**point, metric: sign * value} for _, value, point in results]), output_path("trials"))
    print(outcome)
    finish_training(path, held, rows)
