# Runtime of couler components. It is put in front of a component's script, which uses its names directly.
import atexit, glob, gzip, json, os, pathlib, re, shutil, subprocess, sys, tempfile, urllib.parse, urllib.request


_EXIT = [0]


def _leave():
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_EXIT[0])  # at once: some native libraries abort now and then while Python shuts down


atexit.register(_leave)


def fail(message, hint="correct the step's arguments or its input and run it again"):
    print(f"couler: {message}; {hint}", file=sys.stderr)
    _EXIT[0] = 2
    sys.exit(2)


def _with_values(setting):
    # What is known only while the workflow runs stands in a variable of its own: @COULER_ARG_1@ is COULER_ARG_1.
    if isinstance(setting, str):
        return re.sub("@(COULER_ARG_[0-9]+)@", lambda mark: os.environ.get(mark[1], mark[0]), setting)
    if isinstance(setting, dict):
        return {key: _with_values(value) for key, value in setting.items()}
    return [_with_values(value) for value in setting] if isinstance(setting, list) else setting


def _settings(variable):
    try:
        return _with_values(json.loads(os.environ.get(variable) or "{}"))
    except ValueError as error:
        fail(f"the environment variable {variable} is not JSON: {error}", "let the engine start the step")


ARGS, INPUTS, OUTPUTS = (_settings("COULER_" + name) for name in ("ARGS", "INPUTS", "OUTPUTS"))


def _unexpected(kind, error, trace):
    _EXIT[0] = 1
    sys.__excepthook__(kind, error, trace)
    print(f"couler: the step failed: {kind.__name__}: {error}; read the trace above", file=sys.stderr)


sys.excepthook = _unexpected


def arg(name, default=None, kind=str):
    """An argument as str, int, float, bool, list or dict; the default `...` makes it required."""
    value = ARGS.get(name)
    if value is None or value == "":
        return default if default is not ... else fail(f"the argument {name} is missing", f"give the step its {name}")
    try:
        if kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[str(value).lower()]
        if kind in (list, dict) and isinstance(value, str):
            is_json = value.lstrip()[:1] in ("[", "{")
            value = json.loads(value) if is_json else [item.strip() for item in value.split(",")]
        if kind is str and isinstance(value, (list, dict)) or kind in (list, dict) and not isinstance(value, kind):
            raise ValueError
        if kind is int and float(value) != int(float(value)):
            raise ValueError
        return int(float(value)) if kind is int else kind(value)
    except (ValueError, KeyError, TypeError, OverflowError):
        words = {int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "an object"}
        fail(f"the argument {name} must be {words.get(kind, 'text')}, not {value!r}", f"correct {name}")


def scalar(value):
    """A number, true, false or none given as text becomes what it means; other text stays."""
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(value, value))
    except (ValueError, TypeError):
        return value


def input_paths(name, optional=False):
    paths = INPUTS.get(name) or []
    paths = [paths] if isinstance(paths, str) else list(paths)
    if not paths and not optional:
        fail(f"the input {name} is not connected", "put a step that produces it before this one")
    paths = [fetch(path) if "://" in path else path for path in paths]
    for path in paths:
        if not os.path.exists(path):
            fail(f"the input {name} is missing: no file {path}", "check that the step before wrote its output")
    return paths


def input_path(name, optional=False):
    return next(iter(input_paths(name, optional)), None)


def output_path(name):
    path = OUTPUTS.get(name) or os.path.join(tempfile.mkdtemp(), name)  # a port nobody reads may be left out
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    return path


def emit(name, value):
    """Offers one scalar to later steps and their conditions."""
    value = f"{value:.6g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
    folder = os.environ.get("COULER_VALUES")
    if folder:
        os.makedirs(folder, exist_ok=True)
        pathlib.Path(folder, name).write_text(value)


def need(frame, *columns):
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        there = ", ".join(map(str, frame.columns[:60]))
        fail(f"the table has no column {', '.join(map(str, missing))}", f"name one of its columns: {there}")


def _table_kind(path, head):
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:4] in (b"PK\3\4", b"\xd0\xcf\x11\xe0"):
        return "excel"
    if b"\0" in head:
        fail(f"{path} is not a table", "use a csv, tsv, json, jsonl, parquet or Excel file")
    text = head.decode("utf-8-sig", "replace").lstrip()
    if text[:1] == "{":
        return "jsonl" if isinstance(scalar(text.splitlines()[0]), dict) or len(text.splitlines()[0]) > 4000 else "json"
    return "json" if text[:1] == "[" else "csv"


def read_table(path, format=None, empty=False):
    """A table from a file of any known format, or from a folder of such files."""
    import pandas
    path = str(path)
    if not os.path.exists(path):
        fail(f"no file {path}", "check the path and that it is reachable from the step")
    if os.path.isdir(path):
        files = [file for file in sorted(pathlib.Path(path).rglob("*")) if file.is_file() and file.name[0] not in "._"]
        parts = [read_table(file, format, True) for file in files] or fail(f"the folder {path} has no files")
        frame = pandas.concat(parts, ignore_index=True)
    else:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        opener = gzip.open if zipped else open
        with opener(path, "rb") as file:
            head = file.read(8192)
        kind = format or _table_kind(path, head)
        try:
            if not head.strip():
                frame = pandas.DataFrame()
            elif kind == "parquet":
                frame = pandas.read_parquet(path)
            elif kind == "excel":
                frame = pandas.read_excel(path)
            elif kind in ("json", "jsonl"):
                with opener(path, "rt", encoding="utf-8-sig") as file:
                    data = [json.loads(row) for row in file if row.strip()] if kind == "jsonl" else json.load(file)
                columns = isinstance(data, dict) and any(isinstance(value, (list, dict)) for value in data.values())
                frame = pandas.DataFrame(data) if columns else pandas.json_normalize(data)
            else:
                first = head.decode("utf-8-sig", "replace").splitlines()[0]
                mark = "\t" if kind == "tsv" else max(",;\t|", key=first.count)
                options = {"sep": mark, "compression": "gzip" if zipped else None, "low_memory": False}
                try:
                    frame = pandas.read_csv(path, encoding="utf-8-sig", **options)
                except UnicodeDecodeError:
                    frame = pandas.read_csv(path, encoding="latin-1", **options)
        except Exception as error:
            fail(f"{path} cannot be read as {kind}: {error}", "name the right format or repair the file")
    frame.columns = [str(column).strip() for column in frame.columns]
    if frame.empty and not empty:
        fail(f"the table {path} has no rows", "check the step or the source that made it")
    return frame


def write_table(frame, path):
    frame = frame.reset_index(drop=True)
    frame.columns = [str(column) for column in frame.columns]
    try:
        frame.to_parquet(path, index=False)
    except Exception:  # columns of mixed kinds become text
        for column in frame.columns[frame.dtypes == object]:
            frame[column] = frame[column].map(str).where(frame[column].notna(), None)
        frame.to_parquet(path, index=False)


# == section: storage ==
DRIVERS = {"s3": "s3fs==2025.10.0", "s3a": "s3fs==2025.10.0", "gs": "gcsfs==2025.10.0", "gcs": "gcsfs==2025.10.0",
           "oss": "ossfs==2025.5.0", "hdfs": "fsspec==2025.10.0", "abfs": "adlfs==2025.8.0", "az": "adlfs==2025.8.0"}


def storage(uri):
    """The fsspec file system and the path of a URI; the driver is installed when the image lacks it."""
    scheme = uri.split("://")[0].lower()
    if scheme not in DRIVERS:
        fail(f"{scheme}:// cannot be used here: {uri}", "use a local path, s3://, gs://, oss://, hdfs:// or abfs://")
    keys = {"key": "OSS_ACCESS_KEY_ID", "secret": "OSS_ACCESS_KEY_SECRET", "endpoint": "OSS_ENDPOINT"}
    options = {key: os.environ.get(name) for key, name in keys.items()} if scheme == "oss" else {}
    for attempt in range(2):
        try:
            import fsspec
            return fsspec.core.url_to_fs(uri, **options)
        except ImportError as error:
            folder = tempfile.mkdtemp()
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, DRIVERS[scheme]]
            if attempt or subprocess.run(pip).returncode:
                fail(f"{scheme}:// needs the Python package {DRIVERS[scheme]} ({error})", "add it to the step's image")
            sys.path.append(folder)


def _local(uri):
    return os.path.expanduser(uri[7:] if uri.startswith("file://") else uri)


def fetch(uri):
    """The local path of a file or folder; what is elsewhere is copied here."""
    if uri.startswith("file://") or "://" not in uri:
        found = sorted(glob.glob(_local(uri))) or [_local(uri)]
        if not os.path.exists(found[0]):
            fail(f"no file {uri}", f"check the path; the step runs in {os.getcwd()}")
        if len(found) == 1:
            return found[0]
        folder = tempfile.mkdtemp()
        return [os.symlink(os.path.abspath(path), os.path.join(folder, f"{i:05}{os.path.basename(path)}"))
                for i, path in enumerate(found)] and folder
    target = os.path.join(tempfile.mkdtemp(), os.path.basename(urllib.parse.urlsplit(uri).path.rstrip("/")) or "file")
    try:
        if uri.startswith(("http://", "https://")):
            request = urllib.request.Request(uri, headers={"User-Agent": "couler"})
            with urllib.request.urlopen(request, timeout=120) as answer, open(target, "wb") as file:
                shutil.copyfileobj(answer, file)
        else:
            files, path = storage(uri)
            files.get(path, target, recursive=True)
            if not os.path.exists(target):
                raise FileNotFoundError
    except Exception as error:
        reason = "nothing is there" if isinstance(error, FileNotFoundError) else error
        fail(f"cannot read {uri}: {reason}", "check the address, the network and the credentials in the environment")
    return target


def put(path, uri):
    """Copies a local file or folder to a path or URI; one that ends with / keeps the file's name."""
    folder = os.path.isdir(path)
    uri = uri + os.path.basename(path) if uri.endswith("/") and not folder else uri.rstrip("/")
    try:
        if uri.startswith("file://") or "://" not in uri:
            os.makedirs(os.path.dirname(os.path.abspath(_local(uri))), exist_ok=True)
            shutil.copytree(path, _local(uri), dirs_exist_ok=True) if folder else shutil.copyfile(path, _local(uri))
        else:
            files, base = storage(uri)
            for file in pathlib.Path(path).rglob("*") if folder else [pathlib.Path(path)]:
                if file.is_file():
                    files.put_file(str(file), f"{base}/{file.relative_to(path).as_posix()}" if folder else base)
    except Exception as error:
        fail(f"cannot write {uri}: {error}", "check the address, the network and the credentials in the environment")
    return uri


# == section: models ==
def labels(column):
    """Class labels as whole numbers, truth values or text."""
    import pandas
    if pandas.api.types.is_bool_dtype(column):
        return column.astype(bool)
    if pandas.api.types.is_numeric_dtype(column) and (column % 1 == 0).all():
        return column.astype("int64")
    return column.astype(str)


def guess_task(column):
    """classification for text, truth values and few distinct whole numbers; otherwise regression."""
    import pandas
    few = column.nunique()
    if not pandas.api.types.is_numeric_dtype(column) or few <= 2:
        return "classification"
    return "classification" if (column % 1 == 0).all() and few <= 20 and few * 4 <= len(column) else "regression"


def feature_frame(frame, features):
    """The named columns in plain NumPy kinds, with NaN for what is missing."""
    import numpy
    import pandas
    need(frame, *features)
    frame = frame[features].copy()
    for column, kind in frame.dtypes.items():
        if isinstance(kind, pandas.DatetimeTZDtype):
            frame[column] = frame[column].dt.tz_convert(None)
        elif isinstance(kind, pandas.api.extensions.ExtensionDtype):
            number = pandas.api.types.is_numeric_dtype(kind)
            frame[column] = frame[column].astype("float64" if number else object)
        if frame[column].dtype == object:
            frame[column] = frame[column].where(frame[column].notna(), numpy.nan)
    return frame


def tabular_pipeline(frame, estimator, impute=True, scale=False, dense=False):
    """A scikit-learn pipeline that takes the raw frame; returns it with the columns it uses."""
    import numpy
    import pandas
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
    frame = feature_frame(frame, list(frame.columns))
    kinds, unused = {"number": [], "flag": [], "time": [], "category": [], "many": [], "text": []}, []
    for column in frame.columns:
        series = frame[column]
        known = series.dropna()
        if pandas.api.types.is_datetime64_any_dtype(series):
            kinds["time"].append(column)
        elif known.map(type).eq(bool).all() and len(known):
            kinds["flag"].append(column)
        elif pandas.api.types.is_numeric_dtype(series):
            (kinds["number"] if len(known) else unused).append(column)
        elif known.map(lambda value: isinstance(value, (list, dict, bytes, numpy.ndarray))).any() or not len(known):
            unused.append(column)
        else:
            words, few = known.astype(str).str.count(r"\S+").mean(), known.nunique()
            ident = few > 50 and few > 0.5 * len(known)
            kind = "text" if words >= 3 and few > 20 else "category" if few <= 50 else "many"
            (unused if ident and kind == "many" else kinds[kind]).append(column)
    used = [column for column in frame.columns if column not in unused]
    if unused:
        print(f"columns that cannot help are left out: {', '.join(unused)}")
    if not used:
        fail("no column is left to learn from", "give the step a table with number, category or text columns")
    array, empty = FunctionTransformer, -9223372036854775808.0
    number = [("number", array(numpy.asarray, kw_args={"dtype": float}))]
    number += [("impute", SimpleImputer(strategy="median", keep_empty_features=True))] if impute else []
    number += [("scale", StandardScaler())] if scale else []
    moment = [("time", array(numpy.asarray, kw_args={"dtype": "datetime64[s]"})),
              ("known", SimpleImputer(missing_values=empty, strategy="median", keep_empty_features=True))]
    as_text = [("object", array(numpy.asarray, kw_args={"dtype": object})),
               ("known", SimpleImputer(missing_values=pandas.NA, strategy="constant", fill_value="")),
               ("text", array(numpy.asarray, kw_args={"dtype": str}))]
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    onehot = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=40, sparse_output=False)
    moment.insert(1, number[0])
    many = [("ordinal", ordinal)] + ([("scale", StandardScaler())] if scale else [])
    parts = [("number", Pipeline(number), kinds["number"] + kinds["flag"]),
             ("time", Pipeline(moment + number[1:]), kinds["time"]),
             ("category", Pipeline(as_text + [("onehot", onehot)]), kinds["category"]),
             ("many", Pipeline(as_text + many), kinds["many"])]
    for i, column in enumerate(kinds["text"]):
        tfidf = TfidfVectorizer(max_features=5000, ngram_range=(1, 2), sublinear_tf=True)
        parts += [(f"text_{i}", Pipeline(as_text + [("row", array(numpy.ravel)), ("tfidf", tfidf)]), [column])]
    prepare = ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0 if dense else 0.3)
    return Pipeline([("prepare", prepare), ("model", estimator)]), used


def save_model(core, path, **facts):
    import joblib
    os.makedirs(path, exist_ok=True)
    if core is not None:
        joblib.dump(core, os.path.join(path, "model.joblib"), compress=3)
    pathlib.Path(path, "model.json").write_text(json.dumps(facts, indent=1, default=lambda value: value.item()))


class load_model:
    """A saved model: `predict` gives labels or numbers; `probabilities` a matrix in the order of `classes`, or None."""

    def __init__(self, path):
        if not os.path.isfile(os.path.join(path, "model.json")):
            fail(f"{path} holds no model (no model.json)", "connect the model output of a training step")
        self.path, self.meta, self.core = path, json.loads(pathlib.Path(path, "model.json").read_text()), None
        self.task, self.target, self.features, self.classes, self.framework = (
            self.meta.get(key) for key in ("task", "target", "features", "classes", "framework"))
        try:
            if os.path.exists(os.path.join(path, "model.joblib")):
                import joblib
                self.core = joblib.load(os.path.join(path, "model.joblib"))
            if self.framework == "torch":
                import torch
                self.net = torch.jit.load(os.path.join(path, "model.pt")).eval()
            if self.framework == "transformers":
                from transformers import pipeline
                self.pipe = pipeline("text-classification", path, tokenizer=path, truncation=True, top_k=None)
        except (ImportError, OSError) as error:
            fail(f"the {self.framework} model cannot be loaded: {error}", f"add {self.framework} to the step's image")

    def _outputs(self, frame):
        import numpy
        if self.framework == "transformers":
            need(frame, *self.features)
            rows = self.pipe(frame[self.features[0]].fillna("").astype(str).tolist(), batch_size=16)
            rows = [{chance["label"]: chance["score"] for chance in row} for row in rows]
            return numpy.array([[row[str(label)] for label in self.classes] for row in rows])
        import torch
        with torch.no_grad():
            ready = numpy.asarray(self.core.transform(feature_frame(frame, self.features)), dtype="float32")
            answer = self.net(torch.from_numpy(ready))
            return (answer.softmax(1) if self.classes else answer).numpy()

    def probabilities(self, frame):
        if not self.classes:
            return None
        if self.framework in ("torch", "transformers"):
            return self._outputs(frame)
        known = hasattr(self.core, "predict_proba")
        return self.core.predict_proba(feature_frame(frame, self.features)) if known else None

    def predict(self, frame):
        import numpy
        if self.framework in ("torch", "transformers"):
            answer = self._outputs(frame)
            codes = answer.argmax(1) if self.classes else answer[:, 0] * self.meta["spread"] + self.meta["centre"]
        elif self.core is None:
            fail(f"a {self.framework} model gives no predictions for a table", "use a model trained on a table")
        else:
            codes = numpy.ravel(self.core.predict(feature_frame(frame, self.features)))
        return numpy.array(self.classes)[codes.astype(int)] if self.classes else codes


LOWER = ("logloss", "rmse", "mse", "mae")
METRICS = {"classification": ["accuracy", "auc", "f1", "precision", "recall", "logloss"],
           "regression": ["rmse", "mse", "mae", "r2"], "clustering": ["silhouette"]}


def score(model, frame, metrics=None):
    """The metrics of a model on a table, {metric: value}; without `metrics` all that fit."""
    import numpy
    from sklearn import metrics as m
    fitting = METRICS.get(model.task) or fail(f"a model for {model.task} has no metrics", "evaluate another model")
    wrong = [metric for metric in metrics or [] if metric not in fitting]
    if wrong:
        fail(f"{', '.join(wrong)} cannot be computed for a {model.task} model", f"use {', '.join(fitting)}")
    wanted = metrics or fitting
    if model.task == "clustering":
        rows = frame.sample(min(len(frame), 5000), random_state=0)
        spots = model.core[:-1].transform(feature_frame(rows, model.features))
        groups = model.core[-1].predict(spots)
        return {"silhouette": float(m.silhouette_score(spots, groups)) if 1 < len(set(groups)) < len(rows) else 0.0}
    need(frame, model.target)
    frame = frame.dropna(subset=[model.target])
    if frame.empty:
        fail(f"no row has a value for {model.target}", "evaluate on a table with known targets")
    found = model.predict(frame)
    if model.task == "regression":
        true = frame[model.target].astype(float)
        mse = float(m.mean_squared_error(true, found))
        r2 = float(m.r2_score(true, found)) if len(true) > 1 else float("nan")
        every_value = {"rmse": mse ** 0.5, "mse": mse, "mae": float(m.mean_absolute_error(true, found)), "r2": r2}
        return {metric: every_value[metric] for metric in wanted}
    codes = {str(label): i for i, label in enumerate(model.classes)}
    true = [codes.get(str(label), -1) for label in labels(frame[model.target])]
    found = [codes[str(label)] for label in found]
    if -1 in true:
        strange = sorted({str(value) for value in labels(frame[model.target])} - set(codes))[:5]
        fail(f"{model.target} has labels the model never saw: {', '.join(strange)}", f"it knows {', '.join(codes)}")
    chances, two = model.probabilities(frame), len(codes) == 2
    kind, values = {"average": "binary" if two else "macro", "zero_division": 0}, {}
    for metric in wanted:
        if metric in ("auc", "logloss") and (chances is None or metric == "auc" and len(set(true)) < len(codes)):
            reason = "the model gives no probabilities" if chances is None else "not every class is in the table"
            if metrics:
                fail(f"{metric} cannot be computed: {reason}", "use accuracy or f1")
        elif metric == "auc":
            chances = chances / chances.sum(1, keepdims=True)
            several = {} if two else {"multi_class": "ovr", "labels": range(len(codes))}
            values[metric] = float(m.roc_auc_score(true, chances[:, 1] if two else chances, **several))
        elif metric == "logloss":
            values[metric] = float(m.log_loss(true, numpy.asarray(chances, float), labels=range(len(codes))))
        elif metric == "accuracy":
            values[metric] = float(m.accuracy_score(true, found))
        else:
            values[metric] = float(getattr(m, metric + "_score")(true, found, **kind))
    return values


def training_rows():
    """The training table: (train, holdout, task, classes), where the rows without a target are left out."""
    from sklearn.model_selection import train_test_split
    frame, target, share = read_table(input_path("data")), arg("target", ...), arg("test_size", 0.2, float)
    need(frame, target)
    frame = frame.dropna(subset=[target]).reset_index(drop=True)
    if len(frame) < 4:
        fail(f"only {len(frame)} rows have a value for {target}", "train on a larger table")
    if not 0 <= share < 1:
        fail(f"the argument test_size must be from 0 to below 1, not {share}", "use 0.2")
    task, classes, pool = arg("task") or guess_task(frame[target]), None, frame
    if task == "classification":
        kinds = labels(frame[target])
        classes = sorted(kinds.unique().tolist())
        if len(classes) < 2:
            fail(f"every row has the same {target}: {classes[0]}", "train on a table with at least two classes")
        frame[target] = kinds
        pool = frame[frame[target].duplicated()]  # training sees each class at least once
    elif frame[target].dtype == object:
        fail(f"{target} is not a number, so regression is impossible", "use task classification or another target")
    size = round(len(frame) * share)
    if not size:
        return frame, frame.iloc[:0], task, classes
    size = min(max(size, 1), len(pool) - 1)
    even = classes and pool[target].value_counts().min() > 1 and len(pool) - len(classes) > size >= len(classes)
    strata = pool[target] if even else None
    held = train_test_split(pool, test_size=size, random_state=arg("seed", 0, int), stratify=strata)[1]
    return frame.drop(held.index), held, task, classes


def finish_training(path, held, train):
    """Scores the saved model, writes the holdout table and emits rows and score; prints the result last."""
    model = load_model(path)
    values = {name: round(value, 6) for name, value in score(model, held if len(held) else train).items()}
    save_model(None, path, **{**model.meta, "scores": values, "scored_on": "holdout" if len(held) else "training rows"})
    write_table(held, output_path("holdout"))
    main = "accuracy" if model.task == "classification" else "r2"
    emit("rows", len(train))
    emit("score", values[main])
    asked = arg("metrics", [], list)
    for name, value in (score(model, held if len(held) else train, asked) if asked else {}).items():
        emit(name, value)
    print(f"{model.meta['name']} {model.task} of {model.target}: {len(train)} rows to train, {len(held)} held out")
    print(" ".join(f"{name}={value:.4g}" for name, value in values.items()) + ("" if len(held) else " (training rows)"))


def train(build, framework, name=None, **shape):
    """Trains build(task, classes) on the input table behind a tabular pipeline and saves it."""
    rows, held, task, classes = training_rows()
    target, path = arg("target"), output_path("model")
    pipeline, features = tabular_pipeline(rows.drop(columns=[target]), build(task, classes), **shape)
    codes = {label: i for i, label in enumerate(classes or [])}
    try:
        pipeline.fit(feature_frame(rows, features), rows[target].map(codes) if classes else rows[target].astype(float))
    except Exception as error:
        fail(f"{framework} cannot be trained: {error}", "correct the hyperparameters or the table")
    save_model(pipeline, path, framework=framework, name=name or framework, task=task, target=target,
               features=features, classes=classes, rows=len(rows))
    finish_training(path, held, rows)
