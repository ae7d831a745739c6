# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
if arg("gpus", 0, int):  # the package for CPUs is a tenth of the size, so the one for GPUs comes only when it is wanted
    installed("xgboost==3.1.2")
import xgboost


def build(task, classes):
    kind = xgboost.XGBClassifier if task == "classification" else xgboost.XGBRegressor
    device = {"device": "cuda"} if arg("gpus", 0, int) else {}
    return kind(**hyperparameters("xgboost", {"random_state": arg("seed", 0, int), **device}, n_estimators=(200, int),
                                  max_depth=(5, int), learning_rate=(0.1, float)))


train(build, "xgboost", impute=False, dense=True)
