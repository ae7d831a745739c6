# One real trial: a short training on a sample of the rows, judged on rows held back. couler puts its runtime
# (arg, read_table, tabular_pipeline and so on) in front of this file; the tuning experiment imports it.
import time, warnings

PATIENCE, MOST_ROUNDS = 30, 500


def booster(family, task, params, rounds, seed, jobs):
    """An XGBoost or LightGBM estimator that stops when the held-back rows get no better for PATIENCE rounds."""
    params = {**params, "n_estimators": rounds, "random_state": seed, "n_jobs": jobs}
    if family == "xgboost":
        import xgboost
        kind = xgboost.XGBClassifier if task == "classification" else xgboost.XGBRegressor
        return kind(**{"tree_method": "hist", **params})
    import lightgbm
    kind = lightgbm.LGBMClassifier if task == "classification" else lightgbm.LGBMRegressor
    return kind(**{"deterministic": True, "force_col_wise": True, "verbosity": -1, **params})


def loss(task, model, features, answer, classes):
    """Log-loss with probabilities kept 1e-6 from 0 and 1, or the root of the mean squared error."""
    import numpy
    from sklearn.metrics import log_loss
    if task == "regression":
        return float(numpy.mean((numpy.ravel(model.predict(features)) - answer) ** 2) ** 0.5)
    chances = numpy.full((len(answer), len(classes)), 1e-6)
    chances[:, numpy.asarray(model.classes_, int)] = numpy.clip(model.predict_proba(features), 1e-6, 1)
    return float(log_loss(answer, chances / chances.sum(1, keepdims=True), labels=range(len(classes))))


def boosting_trial(family, task, params, train, held, classes, seed, jobs):
    """(loss, rounds, losses by round, model) of a boosting with early stopping."""
    params = dict(params)
    most = min(int(params.pop("n_estimators", MOST_ROUNDS)), MOST_ROUNDS)
    metric = "rmse" if task == "regression" else "logloss" if len(classes) == 2 else "mlogloss"
    if family == "xgboost":
        model = booster(family, task, {**params, "early_stopping_rounds": PATIENCE, "eval_metric": metric}, most, seed, jobs)
        model.fit(*train, eval_set=[held], verbose=False)
        curve, rounds = model.evals_result()["validation_0"][metric], model.best_iteration + 1
    else:
        import lightgbm
        metric = {"logloss": "binary_logloss", "mlogloss": "multi_logloss"}.get(metric, metric)
        model = booster(family, task, params, most, seed, jobs)
        model.fit(*train, eval_set=[held], eval_metric=metric, callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)])
        curve = next(iter(model.evals_result_.values()))[metric]
        rounds = model.best_iteration_ or len(curve)
    return float(min(curve)), int(rounds), [float(value) for value in curve], model


SKLEARN = {  # module, classifier, regressor, parameters set here
    "random_forest": ("ensemble", "RandomForestClassifier", "RandomForestRegressor", {}),
    "extra_trees": ("ensemble", "ExtraTreesClassifier", "ExtraTreesRegressor", {}),
    "decision_tree": ("tree", "DecisionTreeClassifier", "DecisionTreeRegressor", {}),
    "gradient_boosting": ("ensemble", "GradientBoostingClassifier", "GradientBoostingRegressor", {}),
    "hist_gradient_boosting": ("ensemble", "HistGradientBoostingClassifier", "HistGradientBoostingRegressor", {}),
    "adaboost": ("ensemble", "AdaBoostClassifier", "AdaBoostRegressor", {}),
    "logistic_regression": ("linear_model", "LogisticRegression", None, {"max_iter": 2000}),
    "linear_regression": ("linear_model", None, "LinearRegression", {}),
    "ridge": ("linear_model", None, "Ridge", {}),
    "lasso": ("linear_model", None, "Lasso", {"max_iter": 10000}),
    "elastic_net": ("linear_model", None, "ElasticNet", {"max_iter": 10000}),
    "svm": ("svm", "SVC", "SVR", {"probability": True}),
    "knn": ("neighbors", "KNeighborsClassifier", "KNeighborsRegressor", {}),
    "naive_bayes": ("naive_bayes", "GaussianNB", None, {}),
    "mlp": ("neural_network", "MLPClassifier", "MLPRegressor", {"max_iter": 500, "early_stopping": True})}
SCALED = ("logistic_regression", "linear_regression", "ridge", "lasso", "elastic_net", "svm", "knn", "mlp")


def estimator(family, task, params, seed, jobs):
    """An estimator of scikit-learn with what it knows of seed and jobs."""
    import importlib
    module, classifier, regressor, fixed = SKLEARN[family]
    name = classifier if task == "classification" else regressor
    if name is None:
        raise ValueError(f"{family} cannot be used for {task}")
    kind = getattr(importlib.import_module("sklearn." + module), name)
    known = kind().get_params()
    usual = {"random_state": seed, "n_jobs": jobs}
    params = {key: tuple(value) if key == "hidden_layer_sizes" and isinstance(value, list) else value for key, value in params.items()}
    return kind(**{**{key: value for key, value in usual.items() if key in known}, **fixed, **params})


def trial(family, task, params, train, held, classes, seed=0, jobs=1):
    """Trains on `train`, judges on `held` (each features and answer): (loss, rounds or None, curve, model)."""
    warnings.filterwarnings("ignore")
    if family in ("xgboost", "lightgbm"):
        return boosting_trial(family, task, params, train, held, classes, seed, jobs)
    model = estimator(family, task, params, seed, jobs).fit(*train)
    return loss(task, model, *held, classes), None, [], model


def final(family, task, params, rounds, data, seed=0, jobs=1):
    """The training that follows: all rows, the parameters chosen, as many rounds as the trial found best."""
    if family in ("xgboost", "lightgbm"):
        params = dict(params)
        rounds = rounds or int(params.get("n_estimators", 100))
        params.pop("n_estimators", None)
        return booster(family, task, params, rounds, seed, jobs).fit(*data)
    return estimator(family, task, params, seed, jobs).fit(*data)


def parts():
    """(train, held, classes) of the input table, made ready for numbers-only learning as the training step does it."""
    import numpy
    from sklearn.model_selection import train_test_split
    seed, share = arg("seed", 0, int), arg("held_back", 0.25, float)
    ARGS["test_size"] = 0
    frame, _, task, classes = training_rows()
    target, family = arg("target"), arg("family")
    most = arg("rows", 20_000, int)
    frame = frame.sample(most, random_state=seed) if len(frame) > most else frame
    if classes:
        counts = frame[target].value_counts()
        frame = frame[frame[target].isin(counts.index[counts >= 2])]
        classes = sorted(frame[target].unique().tolist())
        if len(classes) < 2:
            fail(f"fewer than two classes of {target} have two rows", "tune on a larger table")
    even = frame[target] if classes and len(classes) <= round(len(frame) * share) else None
    train, held = train_test_split(frame, test_size=share, random_state=seed, stratify=even)
    pipeline, features = tabular_pipeline(train.drop(columns=[target]), None, impute=family not in ("xgboost", "lightgbm"),
                                          scale=family in SCALED, dense=True)
    ready = pipeline[:-1]
    codes = {label: i for i, label in enumerate(classes or [])}
    def answer(rows):
        return (rows[target].map(codes) if classes else rows[target].astype(float)).to_numpy()
    first = numpy.asarray(ready.fit_transform(feature_frame(train, features)))
    return (first, answer(train)), (numpy.asarray(ready.transform(feature_frame(held, features))), answer(held)), task, classes


def thinned(curve, most=24):
    step = max(1, -(-len(curve) // most))
    return [[place + 1, float(f"{curve[place]:.6g}")] for place in range(0, len(curve), step)]


def main():
    family, params = arg("family", ...), {name: scalar(value) for name, value in arg("params", {}, dict).items()}
    train, held, task, classes = parts()
    if len(set(train[1])) < 2:
        fail(f"every row of the sample has the same {arg('target')}", "tune on a larger table")
    seed, boosts = arg("seed", 0, int), family in ("xgboost", "lightgbm")
    began = time.process_time()
    try:
        if boosts and not arg("early_stopping", True, bool):
            model, rounds, curve = final(family, task, params, None, train, seed), None, []
            value = loss(task, model, *held, classes)
        else:
            value, rounds, curve, _ = trial(family, task, params, train, held, classes, seed)
    except Exception as error:
        fail(f"{family} cannot be trained with {params}: {error}", "correct the hyperparameters or the table")
    seconds = time.process_time() - began
    found = {"params": params, "loss": value, "rounds": rounds, "seconds": seconds, "rows": len(train[1]), "task": task}
    pathlib.Path(output_path("trial")).write_text(json.dumps(found))
    emit("loss", value)
    emit("rows", len(train[1]))
    emit("curve", json.dumps(thinned(curve)))
    if rounds:
        emit("rounds", rounds)
    metric = "log-loss" if task == "classification" else "rmse"
    print(f"{metric}={value:.5g}" + (f" after {rounds} rounds" if rounds else "") + f" ({seconds:.1f} s of one core)")


if __name__ == "__main__":
    main()
