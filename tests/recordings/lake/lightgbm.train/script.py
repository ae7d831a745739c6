# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import warnings

import lightgbm

warnings.filterwarnings("ignore", message="X does not have valid feature names")


def build(task, classes):
    kind = lightgbm.LGBMClassifier if task == "classification" else lightgbm.LGBMRegressor
    chosen = {"n_estimators": arg("n_estimators", 200, int), "num_leaves": arg("num_leaves", 31, int),
              "learning_rate": arg("learning_rate", 0.05, float), "random_state": arg("seed", 0, int),
              "deterministic": True, "force_col_wise": True, "verbosity": -1}
    chosen.update((name, scalar(value)) for name, value in arg("params", {}, dict).items())
    return kind(**chosen)


train(build, "lightgbm", impute=False, dense=True)
