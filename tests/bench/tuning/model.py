"""What the language model adds: its two proposals, seen by nobody before, as a fourth trial and as a choice without any
trial, against a further entry of the portfolio. One answer for each data set, by couler itself."""
import csv
import json
import os
import subprocess

import pool
from data import TASKS, load
from judge import SPLITS, Case, portfolio

FAMILY = "xgboost"
SETS = ["australian", "bupa", "contraceptive", "heart", "magic", "phoneme", "segment", "vehicle", "churn", "Auto", "Boston", "houses"]


def ask(couler, model, results, folder, name):
    """The candidates of couler with the model's proposals: two of them, after the portfolio's first two."""
    import numpy
    file = numpy.load(folder / "data" / f"{name}.npz")
    path = folder / "data" / f"{name}.csv"
    with path.open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow([f"f{column}" for column in range(file["x"].shape[1])] + ["target"])
        writer.writerows([*row, answer] for row, answer in zip(file["x"].tolist(), file["y"].tolist()))
    command = [couler, "tune", "--candidates", pool.CARDS[FAMILY], "--task", TASKS[name], "--trials", "5", "--ask-model",
               "--model", model, "--data", str(path), "--label", "target", "--json",
               "--portfolio", str(portfolio(results, name))]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "OMP_WAIT_POLICY": "passive"})
    return {"answer": json.loads(answer.stdout), "warning": answer.stderr[-300:]}


def judge(couler, model, results, folder, say):
    for name in SETS:
        asked = results.get(("model", FAMILY, name), lambda: ask(couler, model, results, folder, name))
        candidates = asked["answer"]["candidates"]
        own = [{key: value for key, value in one["params"].items() if key != "n_estimators"}
               for one in candidates if one["origin"] == "model"]
        known = [one["params"] for one in candidates if one["origin"] in ("default", "portfolio")][:3]
        further = json.loads(portfolio(results, name).read_text())
        further = [one for one in further["portfolios"] if one["model"] == pool.CARDS[FAMILY] and one["task"] == TASKS[name]]
        further = further[0]["entries"][2]["params"]
        for split in SPLITS:
            memo = []
            def parts():
                if not memo:
                    memo.append(load(folder / "data", name, split))
                return memo[0]
            case = Case(results, FAMILY, name, split, parts)
            predicted = [one["params"] for one in candidates if one["origin"] == "model"]
            rows = {"default": case.trained({}), "3 trials": case.best_of(known), "portfolio's next": case.best_of([*known, further])}
            rows["0 trials: the prior"] = case.trained(asked["answer"]["prior"]["params"])
            if own:
                rows |= {"the model's first": case.best_of([*known, own[0]]), "0 trials: the model's first": case.trained(predicted[0])}
            results.get(("model judged", FAMILY, name, split), lambda: rows)
        say(f"model: {name}, {len(own)} proposals")
