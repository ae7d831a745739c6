# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import catboost


def build(task, classes):
    kind = catboost.CatBoostClassifier if task == "classification" else catboost.CatBoostRegressor
    fixed = {"random_seed": arg("seed", 0, int), "verbose": False, "allow_writing_files": False}
    if arg("gpus", 0, int):
        fixed.update(task_type="GPU", devices=f"0-{arg('gpus', 0, int) - 1}")
    return kind(**hyperparameters("catboost", fixed, iterations=(300, int), depth=(6, int), learning_rate=(0.05, float)))


train(build, "catboost", impute=False, dense=True)
