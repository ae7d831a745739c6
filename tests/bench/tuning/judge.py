"""Judges the choices on splits and data sets that the portfolio was not learned from (leave one data set out).

What couler would try is asked of couler itself (`couler tune --candidates`), with the portfolio that was learned
without the data set. Everything is trained on one core; times are CPU seconds."""
import functools
import json
import random
import subprocess
import time

from data import TASKS, load
import learn
import pool
from learn import FAMILIES, trial

SPLITS = (0, 1, 2)
TRIALS = 3
RANDOM_FITS = 4
MOST_DRAWS = 200
FLAML = {"xgboost": "xgboost", "lightgbm": "lgbm", "random_forest": "rf"}
LEAST_BUDGET = 1.0  # seconds; FLAML finishes no fit in less


@functools.cache
def portfolio(results, without):
    """The file of the portfolio that was learned without one data set."""
    path = results.path.parent / "portfolios" / f"{without}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(learn.portfolio(results, without)))
    return path


@functools.cache
def candidates(couler, results, family, task, without, trials=TRIALS):
    """What couler would try: [{origin, params, …}], with the portfolio learned without one data set."""
    command = [couler, "tune", "--candidates", pool.CARDS[family], "--task", task, "--trials", str(trials),
               "--portfolio", str(portfolio(results, without)), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


class Case:
    """One family on one split of one data set: memo of its trainings."""

    def __init__(self, results, family, name, split, parts):
        self.results, self.family, self.name, self.split, self.parts = results, family, name, split, parts
        self.task = TASKS[name]

    def key(self, *more):
        return ("judge", self.family, self.name, self.split, *more)

    def tried(self, params, early=True):
        """A trial: trained on the train rows, judged on the held-back rows."""
        train, held, rest, test, classes = self.parts()
        def measure():
            start = time.process_time()
            if early:
                loss, rounds, _, _ = trial.trial(self.family, self.task, params, train, held, classes, self.split)
            else:
                model, rounds = trial.final(self.family, self.task, params, None, train, self.split), None
                loss = trial.loss(self.task, model, *held, classes)
            return {"held": loss, "rounds": rounds, "seconds": time.process_time() - start}
        return self.results.get(self.key("tried" if early else "tried fixed", json.dumps(params, sort_keys=True)), measure)

    def trained(self, params, rounds=None):
        """The final training on all rows but those of the test: its loss on them."""
        train, held, rest, test, classes = self.parts()
        def measure():
            start = time.process_time()
            model = trial.final(self.family, self.task, params, rounds, rest, self.split)
            seconds = time.process_time() - start
            return {"test": trial.loss(self.task, model, *test, classes), "seconds": seconds}
        return self.results.get(self.key("trained", json.dumps(params, sort_keys=True), rounds), measure)

    def best_of(self, configs, early=True):
        """The one that is best on the held-back rows, trained finally: (test loss, CPU seconds of all)."""
        tried = [self.tried(params, early) for params in configs]
        best = min(range(len(configs)), key=lambda index: tried[index]["held"])
        final = self.trained(configs[best], tried[best]["rounds"])
        return {"test": final["test"], "seconds": final["seconds"] + sum(one["seconds"] for one in tried), "chosen": best}

    def open(self, config):
        """The configuration with the number of trees left to early stopping, where there is any."""
        return {key: value for key, value in config.items() if key != "n_estimators" or self.family == "random_forest"}

    def random_search(self, drawn, generator, seconds):
        """Random search with early stopping that goes on drawing until its trials alone have taken as long."""
        configs = [self.open(config) for config in drawn]
        spent = sum(self.tried(config)["seconds"] for config in configs)
        while spent < seconds and len(configs) < MOST_DRAWS:
            configs.append(self.open(pool.draw(self.family, self.task, generator)))
            spent += self.tried(configs[-1])["seconds"]
        return {**self.best_of(configs), "fits": len(configs)}

    def flaml(self):
        """The zero-shot choice of FLAML from properties of the data, one fit."""
        train, held, rest, test, classes = self.parts()
        def measure():
            from flaml.default import suggest_hyperparams
            import xgboost, lightgbm, sklearn.ensemble
            start = time.process_time()
            params, _ = suggest_hyperparams(self.task, *rest, FLAML[self.family])
            params = {key: value for key, value in params.items() if key not in ("verbose", "verbosity", "n_jobs", "random_state")}
            kinds = {"xgboost": (xgboost.XGBClassifier, xgboost.XGBRegressor),
                     "lightgbm": (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor),
                     "random_forest": (sklearn.ensemble.RandomForestClassifier, sklearn.ensemble.RandomForestRegressor)}
            quiet = {"verbosity": -1} if self.family == "lightgbm" else {}
            kind = kinds[self.family][self.task == "regression"]
            model = kind(**{**params, **quiet, "n_jobs": 1, "random_state": self.split}).fit(*rest)
            return {"test": trial.loss(self.task, model, *test, classes), "seconds": time.process_time() - start}
        return self.results.get(self.key("flaml zero-shot"), measure)

    def flaml_search(self, budget):
        """FLAML's own search from its zero-shot choice, with as much time as our trials and final training took."""
        train, held, rest, test, classes = self.parts()
        def measure():
            from flaml import AutoML
            start, wall = time.process_time(), time.time()
            search = AutoML()
            search.fit(*rest, task=self.task, metric="log_loss" if self.task == "classification" else "rmse",
                       estimator_list=[FLAML[self.family]], time_budget=max(budget, LEAST_BUDGET), starting_points="data",
                       n_jobs=1, seed=self.split, verbose=0, eval_method="holdout", split_ratio=.25)
            if search.model is None:
                return {"test": None, "seconds": time.process_time() - start}
            return {"test": trial.loss(self.task, Search(search), *test, classes),
                    "seconds": time.process_time() - start, "wall": time.time() - wall, "fits": len(search.config_history or {})}
        return self.results.get(self.key("flaml search"), measure)


class Search:
    """A finished FLAML search as a model."""

    def __init__(self, search):
        self.search, self.classes_ = search, getattr(search, "classes_", None)

    def predict(self, x):
        return self.search.predict(x)

    def predict_proba(self, x):
        return self.search.predict_proba(x)


def judge(couler, results, folder, names, say):
    for split in SPLITS:
        for name in names:
            memo = []
            def parts():
                if not memo:
                    memo.append(load(folder / "data", name, split))
                return memo[0]
            for family in FAMILIES:
                one(Case(results, family, name, split, parts), couler, results)
            say(f"judge: split {split}, {name}")


def one(case, couler, results):
    """All methods on one case; what is measured already is not measured again."""
    asked = candidates(couler, results, case.family, case.task, case.name)
    configs = [candidate["params"] for candidate in asked["candidates"]]
    generator = random.Random(f"{case.family} {case.name} {case.split}")
    drawn = [pool.draw(case.family, case.task, generator) for _ in range(RANDOM_FITS)]
    ours = case.best_of(configs)
    summary = {
        "default": case.trained({}),
        # What couler would write, judged by the data sets that it was learned from.
        "prior": case.trained(asked["prior"]["params"] if asked["prior"]["written"] else {}),
        "trials": ours,
        "trials: default with early stopping only": case.best_of(configs[:1]),
        "random search, 4 fits": case.best_of(drawn, early=False),
        "random search, 4 fits, early stopping": case.best_of([case.open(config) for config in drawn]),
        "random search, equal time": case.random_search(drawn, generator, ours["seconds"]),
        "FLAML zero-shot": case.flaml(),
    }
    if case.split == SPLITS[0]:  # a second and more of wall time each
        summary["FLAML search, equal time"] = case.flaml_search(ours["seconds"])
    results.put(case.key("summary"), summary)
