# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import xgboost


def build(task, classes):
    kind = xgboost.XGBClassifier if task == "classification" else xgboost.XGBRegressor
    chosen = {"n_estimators": arg("n_estimators", 200, int), "max_depth": arg("max_depth", 5, int),
              "learning_rate": arg("learning_rate", 0.1, float), "random_state": arg("seed", 0, int)}
    chosen.update((name, scalar(value)) for name, value in arg("params", {}, dict).items())
    return kind(**chosen)


train(build, "xgboost", impute=False, dense=True)
