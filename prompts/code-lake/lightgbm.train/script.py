# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import warnings

import lightgbm

warnings.filterwarnings("ignore", message="X does not have valid feature names")


def build(task, classes):
    kind = lightgbm.LGBMClassifier if task == "classification" else lightgbm.LGBMRegressor
    fixed = {"random_state": arg("seed", 0, int), "deterministic": True, "force_col_wise": True, "verbosity": -1}
    if arg("gpus", 0, int):
        fixed.update(device_type="gpu", deterministic=False, force_col_wise=False)
    return kind(**hyperparameters("lightgbm", fixed, n_estimators=(200, int), num_leaves=(31, int), max_depth=(None, int),
                                  learning_rate=(0.05, float)))


train(build, "lightgbm", impute=False, dense=True)
