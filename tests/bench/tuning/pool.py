"""Configurations that a portfolio is learned from: drawn from the ranges of the model cards."""
import hashlib, json, math, random

import yaml

from data import REPOSITORY

CARDS = {"xgboost": "xgboost", "lightgbm": "lightgbm", "random_forest": "random-forest"}
DRAWN, FIXED = 40, 14
TREES = 400  # of forests in trials: more is never worse, and votes of few trees give chances of 0


def card(family):
    """The front matter of a model card."""
    text = (REPOSITORY / f"cards/models/{CARDS[family]}.md").read_text()
    return yaml.safe_load(text.split("---\n")[1])


def ranges(family, task):
    return [entry for entry in card(family)["hyperparameters"] if entry.get("when", {}).get("task", task) == task]


def draw(family, task, generator):
    """One configuration, uniform in the ranges of the card (in their scale)."""
    chosen = {}
    for entry in ranges(family, task):
        if entry["type"] == "choice":
            chosen[entry["name"]] = generator.choice(entry["choices"])
            continue
        low, high = entry["min"], entry["max"]
        value = math.exp(generator.uniform(math.log(low), math.log(high))) if entry.get("scale") == "log" else generator.uniform(low, high)
        chosen[entry["name"]] = round(value) if entry["type"] == "integer" else float(f"{value:.3g}")
    if chosen.get("subsample_freq") == 0:
        chosen["subsample"] = 1.0
    return chosen


def early(family, task):
    """Configurations for trials; boosters leave the number of trees to early stopping."""
    generator = random.Random(f"{family} {task} 1")
    if family == "random_forest":
        return [{**draw(family, task, generator), "n_estimators": TREES} for _ in range(DRAWN // 2)] + grid(task)
    drawn = [draw(family, task, generator) for _ in range(DRAWN)]
    tuned = [entry["values"] for entry in card(family)["tuned"]]
    return [{key: value for key, value in config.items() if key != "n_estimators"} for config in tuned + drawn]


def grid(task):
    """More of what is good in forests: many trees, all rows, leaves of few rows."""
    leaves = [1, 2, 4]
    if task == "regression":
        return [{"n_estimators": TREES, "max_features": share, "min_samples_leaf": leaf} for share in (.3, .5, .7) for leaf in leaves]
    return [{"n_estimators": TREES, "max_features": share, "min_samples_leaf": leaf, "criterion": criterion}
            for criterion in ("gini", "entropy") for share in ("sqrt", .3, .6) for leaf in leaves]


def fixed(family, task):
    """Configurations with a fixed number of trees: for the choice without any trial, cautious ones only."""
    grids = {"xgboost": {"n_estimators": [50, 100, 200], "learning_rate": [.05, .1], "max_depth": [3, 4, 6], "subsample": [.7, .9],
                         "colsample_bytree": [.7, 1.0], "min_child_weight": [1, 3], "reg_lambda": [1, 5]},
             "lightgbm": {"n_estimators": [50, 100, 200], "learning_rate": [.03, .06, .1], "num_leaves": [7, 15, 31], "subsample": [.75, 1.0],
                          "colsample_bytree": [.7, 1.0], "min_child_samples": [10, 20], "reg_lambda": [0, 5]},
             "random_forest": {"n_estimators": [200, 400], "min_samples_leaf": [1, 2, 3], "max_samples": [None, .7],
                               **({"max_features": ["sqrt", .5], "criterion": ["gini", "entropy"]} if task == "classification"
                                  else {"max_features": [1.0, .6, .35]})}}
    generator = random.Random(f"{family} {task} 2")
    found = []
    while len(found) < FIXED:
        config = {key: generator.choice(values) for key, values in grids[family].items()}
        if family == "lightgbm" and config["subsample"] < 1:
            config["subsample_freq"] = 1
        if config not in found:
            found.append(config)
    return found


def fingerprint():
    """Names what is measured: the configurations, the script that trains them, the data sets."""
    configs = [kind(family, task) for family in CARDS for task in ("classification", "regression") for kind in (early, fixed)]
    named = hashlib.sha256(json.dumps(configs).encode())
    for path in ("prompts/code-lake/_inner/tune.trial/script.py", "tests/bench/tuning/data.py"):
        named.update((REPOSITORY / path).read_bytes())
    return named.hexdigest()[:12]
