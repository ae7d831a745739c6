# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import catboost


def build(task, classes):
    kind = catboost.CatBoostClassifier if task == "classification" else catboost.CatBoostRegressor
    chosen = {"iterations": arg("iterations", 300, int), "depth": arg("depth", 6, int),
              "learning_rate": arg("learning_rate", 0.05, float), "random_seed": arg("seed", 0, int),
              "verbose": False, "allow_writing_files": False}
    chosen.update((name, scalar(value)) for name, value in arg("params", {}, dict).items())
    return kind(**chosen)


train(build, "catboost", impute=False, dense=True)
