"""Measures the pool on every data set (`measure`) and chooses portfolios from what was measured (`portfolio`)."""
import importlib.util
import itertools
import math
import time

from data import REPOSITORY, TASKS, load
import pool

# What ships is what is measured: the script of the component tune.trial.
_place = importlib.util.spec_from_file_location("trial", REPOSITORY / "prompts/code-lake/_inner/tune.trial/script.py")
trial = importlib.util.module_from_spec(_place)
_place.loader.exec_module(trial)

FAMILIES = ("xgboost", "lightgbm", "random_forest")
LEARN_SPLITS = (100, 101)  # other rows in other parts than the splits that are judged on


def one(family, task, params, parts, seed, stop_early=True):
    """Loss on the held-back rows, rounds, loss on the test rows of the model as it is, CPU seconds."""
    train, held, rest, test, classes = parts
    start = time.process_time()
    if stop_early:
        value, rounds, _, model = trial.trial(family, task, params, train, held, classes, seed)
    else:
        model, rounds = trial.final(family, task, params, None, rest, seed), None
        value = None
    seconds = time.process_time() - start
    return {"held": value, "rounds": rounds, "test": trial.loss(task, model, *test, classes), "seconds": round(seconds, 3)}


def measure(results, folder, names, say):
    for split in LEARN_SPLITS:
        for name in names:
            task, parts = TASKS[name], None
            for family in FAMILIES:
                kinds = [("early", [{}, *pool.early(family, task)]), ("fixed", [{}, *pool.fixed(family, task)])]
                for kind, configs in kinds:
                    for index, params in enumerate(configs):
                        key = ("learn", kind, family, name, split, index)
                        if key not in results.known:
                            parts = parts or load(folder, name, split)
                            results.get(key, lambda: one(family, task, params, parts, split, kind == "early"))
            say(f"learn: split {split}, {name}")


def table(results, kind, family, without):
    """{task: {data set and split: [measurement by configuration]}} without one data set."""
    tables = {"classification": {}, "regression": {}}
    for (name, split, index), value in results.part("learn", kind, family).items():
        if name != without and name in TASKS:
            tables[TASKS[name]].setdefault((name, split), {})[index] = value
    return tables


def chosen_ratio(row, base, indices):
    """The test loss of the configuration that validates best among `indices`, as a ratio to the default's."""
    best = min(indices, key=lambda index: row[index]["held"])
    return row[best]["test"] / base


def mean_log(values):
    return sum(math.log(value) for value in values) / len(values)


def order(rows, bases, size):
    """Indices, best first. The two that together help most beside the default come first, because two is what three
    trials have room for; each further one is the one that helps most after those before it."""
    import numpy
    keys = list(rows)
    indices = sorted(set.intersection(*(set(row) for row in rows.values())))
    held = numpy.array([[rows[key][index]["held"] for index in indices] for key in keys])
    test = numpy.array([[math.log(rows[key][index]["test"] / bases[key]) for index in indices] for key in keys])
    every = numpy.arange(len(keys))

    def cost(columns):
        columns = numpy.array([0, *columns])
        return test[every, columns[held[:, columns].argmin(1)]].mean()

    others = range(1, len(indices))
    chosen = list(min(itertools.combinations(others, 2), key=cost))
    chosen.sort(key=lambda column: cost([column]))
    while len(chosen) < size:
        chosen.append(min((column for column in others if column not in chosen), key=lambda column: cost([*chosen, column])))
    return [indices[column] for column in chosen]


def bases(results, family, without):
    """What the library's default, trained on all rows that are not for the test, loses on the test rows."""
    found = {}
    for (name, split, index), value in results.part("learn", "fixed", family).items():
        if index == 0 and name != without:
            found[name, split] = value["test"]
    return found


def best_fixed(rows, bases, count):
    """The configuration with a fixed number of trees that loses least in the mean."""
    return min(range(1, count), key=lambda index: mean_log([row[index]["test"] / bases[key] for key, row in rows.items()]))


def portfolio(results, without=None, size=6):
    """A portfolio for every family and task: entries for trials, and the choice without any trial."""
    entries = []
    for family in FAMILIES:
        base = bases(results, family, without)
        for task in ("classification", "regression"):
            rows = table(results, "early", family, without)[task]
            configs = [{}, *pool.early(family, task)]
            best_first = order(rows, base, size)
            fixed = table(results, "fixed", family, without)[task]
            fixed_configs = [{}, *pool.fixed(family, task)]
            prior = best_fixed(fixed, base, len(fixed_configs))
            # Judged on data sets that it was not chosen by, and without the one that speaks most for it.
            names = {name for name, _ in fixed}
            choice = {name: best_fixed({key: row for key, row in fixed.items() if key[0] != name}, base, len(fixed_configs)) for name in names}
            judged = {key: row[choice[key[0]]]["test"] / base[key] for key, row in fixed.items()}
            highest = max(mean_log([value for key, value in judged.items() if key[0] != name]) for name in names)
            entries.append({
                "model": pool.CARDS[family], "task": task, "data_sets": len({name for name, _ in rows}), "splits": len(LEARN_SPLITS),
                "prior": {"params": fixed_configs[prior], "ratio": round(math.exp(highest), 4)},
                "entries": [{"params": configs[index],
                             "rounds": median([row[index]["rounds"] for row in rows.values()]),
                             "ratio": round(math.exp(mean_log([row[index]["test"] / base[key] for key, row in rows.items()])), 4),
                             "ratio_with_those_before": round(math.exp(mean_log(
                                 [chosen_ratio(row, base[key], [0, *best_first[:place + 1]]) for key, row in rows.items()])), 4)}
                            for place, index in enumerate(best_first)]})
    return {"version": "couler/portfolio/v1", "portfolios": entries}


def median(values):
    known = sorted(value for value in values if value is not None)
    return known[len(known) // 2] if known else None
