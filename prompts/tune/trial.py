# One real trial: a short training on a sample of the rows, judged on rows held back. couler puts its runtime
# (arg, read_table, tabular_pipeline and so on) in front of this file; the tuning experiment imports it.
import math, time, warnings

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
