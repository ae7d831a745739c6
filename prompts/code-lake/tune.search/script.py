# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import importlib
import itertools
import time
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
    "decision_tree": ("sklearn.tree", "DecisionTreeClassifier", "DecisionTreeRegressor",
                      {"max_depth": [None, 4, 8, 16], "min_samples_leaf": [1, 3, 8, 20]}, False),
    "hist_gradient_boosting": ("sklearn.ensemble", "HistGradientBoostingClassifier", "HistGradientBoostingRegressor",
                               {"max_iter": [100, 200, 400], "learning_rate": [0.03, 0.1, 0.3], "max_leaf_nodes": [15, 31, 63]}, False),
    "adaboost": ("sklearn.ensemble", "AdaBoostClassifier", "AdaBoostRegressor",
                 {"n_estimators": [50, 100, 300], "learning_rate": [0.1, 0.5, 1.0]}, False),
    "lasso": ("sklearn.linear_model", None, "Lasso", {"alpha": PENALTY}, True),
    "elastic_net": ("sklearn.linear_model", None, "ElasticNet", {"alpha": PENALTY, "l1_ratio": [0.1, 0.5, 0.9]}, True),
    "catboost": ("catboost", "CatBoostClassifier", "CatBoostRegressor",
                 {"iterations": [200, 400], "learning_rate": [0.03, 0.1], "depth": [4, 6, 8]}, False),
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
SCORERS = {"accuracy": "accuracy", "balanced_accuracy": "balanced_accuracy", "auc": "roc_auc", "pr_auc": "average_precision", "f1": "f1",
           "precision": "precision", "recall": "recall", "logloss": "neg_log_loss", "rmse": "neg_root_mean_squared_error",
           "mse": "neg_mean_squared_error", "mae": "neg_mean_absolute_error", "mape": "neg_mean_absolute_percentage_error", "r2": "r2"}
SEVERAL = {"auc": "_ovr", "f1": "_macro", "precision": "_macro", "recall": "_macro"}  # the scorers for more than two classes
name, trials, method = arg("estimator", "xgboost"), arg("trials", 20, int), arg("method", "random")
if name not in ESTIMATORS:
    fail(f"the estimator {name} is unknown", f"use one of {', '.join(ESTIMATORS)}")
module, classifier, regressor, usual, scaled = ESTIMATORS[name]
if not (classifier and regressor):
    ARGS["task"] = "classification" if classifier else "regression"
rows, held, task, classes = training_rows()
target, choices, generator = arg("target"), arg("space", {}, dict) or usual, numpy.random.default_rng(arg("seed", 0, int))
metric = arg("metric") or ("accuracy" if classes else "r2")
if metric not in METRICS[task]:
    fail(f"{metric} cannot be computed for {task}", f"use one of {', '.join(set(METRICS[task]) & set(SCORERS))}")
kind = getattr(importlib.import_module(module), classifier if classes else regressor)
set_already = {key: scalar(value) for key, value in arg("params", {}, dict).items()}
known = {**kind().get_params(), **({key: None for key in (*choices, *set_already)} if name == "catboost" else {})}
choices = {key: choice for key, choice in choices.items() if key not in set_already or "space" in ARGS}
strange = [key for key in (*choices, *set_already) if key not in known]
if strange:
    fail(f"{name} has no parameter {', '.join(strange)}", f"it knows {', '.join(known)}")
parallel = arg("parallel", 1, int)
seed = arg("seed", 0, int)
fixed = {"random_state": seed, "n_jobs": -1 if parallel == 1 else max(1, (os.cpu_count() or 1) // parallel), "max_iter": 1000, "verbosity": -1 if name == "lightgbm" else None}
fixed = {key: value for key, value in fixed.items() if key in known and value is not None}
if name == "svm" and classes:
    fixed["probability"] = True
if name == "catboost":
    fixed.update(random_seed=seed, verbose=False, allow_writing_files=False)
    fixed.pop("random_state", None)
fixed.update(set_already)


def pick(parameter, choice, count=None):
    """One random value of a choice, or `count` of them in steps."""
    if isinstance(choice, list) and choice:
        return choice if count else choice[generator.integers(len(choice))]
    try:
        low, high = float(choice["min"]), float(choice["max"])
        step = float(choice["step"]) if choice.get("step") else None
        whole = low.is_integer() and high.is_integer() and (step is None or step.is_integer())
        wide = bool(choice["log"]) if "log" in choice else step is None and low > 0 and high / low >= 100
        if wide and low <= 0 or step is not None and step <= 0:
            raise ValueError
        if low > high:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        fail(f"the space of {parameter} is {choice!r}", "write a list of values, or min and max")
    def value(share):
        number = low * (high / low) ** share if wide else low + (high - low) * share
        number = low + round((number - low) / step) * step if step else number
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
    for _ in range(trials * 20 if method == "random" else 0):
        point = {key: pick(key, choice) for key, choice in choices.items()}
        wanted += [point] if point not in wanted and len(wanted) < trials else []
codes = {label: i for i, label in enumerate(classes or [])}
answer = rows[target].map(codes) if classes else rows[target].astype(float)
folds = arg("folds", 3, int)
if classes and answer.value_counts().min() < folds:
    fail(f"{target} has a class with fewer than {folds} rows", "use fewer folds or a larger table")
splitter = (StratifiedKFold if classes else KFold)(folds, shuffle=True, random_state=seed)
scorer = SCORERS[metric] + SEVERAL.get(metric, "") if classes and len(classes) > 2 else SCORERS[metric]
shape = {"scale": scaled, "impute": name not in ("xgboost", "lightgbm", "catboost"), "dense": True}
pipeline, features = tabular_pipeline(learned(rows), kind(**fixed), **shape)
weights = row_weights(rows, classes)
weighted = {} if weights is None else {"params": {"model__sample_weight": weights}}
table = feature_frame(rows, features)
results = [tuple(result) for path in tried for result in json.loads(pathlib.Path(path).read_text())]
mine, of, limit, began = part.get("number", 1), part.get("of", 1), seconds("timeout"), time.monotonic()


def in_time():
    late = limit is not None and time.monotonic() - began > limit
    if late and not in_time.told:
        print(f"no trial starts after {limit:g} seconds", flush=True)
        in_time.told = True
    return not late


in_time.told = False


def measured(point):
    """The mean score of a point over the folds; greater is better."""
    from sklearn.base import clone
    own = clone(pipeline).set_params(**{f"model__{key}": value for key, value in point.items()})
    try:
        return float(cross_val_score(own, table, answer, cv=splitter, scoring=scorer, error_score="raise", **weighted).mean())
    except Exception as error:
        fail(f"{name} cannot be trained with {point}: {error}", "correct the space")


def side_by_side(points):
    """The scores of points, several at a time where that is asked for; None for those that there is no time for."""
    if parallel == 1 or len(points) < 2:
        return [measured(point) if in_time() else None for point in points]
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(parallel) as pool:
        return list(pool.map(lambda point: measured(point) if in_time() else None, points))


def bayesian(count):
    """Trials whose points follow from those before (TPE)."""
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed + mine - 1))

    def drawn(trial):
        point = {}
        for key, choice in choices.items():
            pick(key, choice)  # refuses what is neither a list nor a range
            if isinstance(choice, list):
                point[key] = choice[trial.suggest_categorical(key, list(range(len(choice))))]
                continue
            low, high, step = float(choice["min"]), float(choice["max"]), choice.get("step")
            wide = bool(choice["log"]) if "log" in choice else not step and low > 0 and high / low >= 100
            if low.is_integer() and high.is_integer() and float(step or 1).is_integer():
                point[key] = trial.suggest_int(key, int(low), int(high), **({"log": True} if wide else {"step": int(step or 1)}))
            else:
                point[key] = trial.suggest_float(key, low, high, **({"log": True} if wide else {"step": float(step)} if step else {}))
        return {key: scalar(value) for key, value in point.items()}

    found = []
    while len(found) < count and in_time():
        asked = [study.ask() for _ in range(min(parallel, count - len(found)))]
        points = [drawn(trial) for trial in asked]
        for trial, point, value in zip(asked, points, side_by_side(points)):
            if value is not None:
                study.tell(trial, value)
                found.append((mine - 1 + len(found) * of, value, point))
    return found


if method == "bayesian" and not tried:
    results += bayesian(len(range(mine - 1, trials, of)))
else:
    share = [(number, {key: scalar(value) for key, value in point.items()}) for number, point in list(enumerate(wanted))[mine - 1::of]]
    scores = side_by_side([point for _, point in share])
    results += [(number, value, point) for (number, point), value in zip(share, scores) if value is not None]
if not results and not part:
    fail("no trial was done in time", "allow more time")
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
    pipeline.set_params(**{f"model__{key}": choice for key, choice in best.items()})
    fit(pipeline, rows, features, classes, name)
    path = output_path("model")
    save_model(pipeline, path, framework=name if name in ("xgboost", "lightgbm") else "sklearn", name=name, task=task,
               target=target, features=features, classes=classes, rows=len(rows), params=best)
    found = {**set_already, **best}
    pathlib.Path(output_path("best")).write_text(json.dumps(
        {"estimator": name, "metric": metric, "best_score": sign * value, "trials": len(results), "params": found}, indent=1))
    emit("best_params", json.dumps(found))
    write_table(pandas.DataFrame([{**point, metric: sign * value} for _, value, point in results]), output_path("trials"))
    print(outcome)
    finish_training(path, held, rows)
