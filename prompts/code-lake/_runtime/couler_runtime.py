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


def seconds(name, default=None):
    """An argument such as 30s, 10m or 1h30m in seconds; a bare number is seconds."""
    text = str(ARGS.get(name) or "").strip().lower()
    if not text:
        return default
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smhdw]?)", text)
    if not re.fullmatch(r"(?:\d+(?:\.\d+)?\s*[smhdw]?\s*)+", text) or len(parts) > 1 and any(not unit for _, unit in parts):
        fail(f"the argument {name} is {text!r}", "write a duration such as 30s, 10m or 1h30m")
    return sum(float(number) * units[unit] for number, unit in parts)


def from_environment(value):
    """The value with $NAME taken from the environment, in texts at any depth."""
    if isinstance(value, dict):
        return {key: from_environment(item) for key, item in value.items()}
    return os.path.expandvars(value) if isinstance(value, str) else value


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


TOLD = {}  # what the table says of itself: `target`, the column to predict, which write_table hands on


def _table_kind(path, head):
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:6] == b"ARROW1" or head[:4] == b"FEA1" or head[:3] == b"ORC":
        return "orc" if head[:3] == b"ORC" else "feather"
    if head[:4] in (b"PK\3\4", b"\xd0\xcf\x11\xe0"):
        return "excel"
    if b"\0" in head:
        fail(f"{path} is not a table", "use a csv, tsv, json, jsonl, parquet, Excel, feather, orc or xml file")
    text = head.decode("utf-8-sig", "replace").lstrip()
    if text[:5] == "<?xml":
        return "xml"
    if text[:1] == "{":
        return "jsonl" if isinstance(scalar(text.splitlines()[0]), dict) or len(text.splitlines()[0]) > 4000 else "json"
    return "json" if text[:1] == "[" else "csv"


def read_table(path, format=None, empty=False, **options):
    """A table from a file of any known format, or from a folder of such files; options are those of pandas' readers."""
    import pandas
    path = str(path)
    if not os.path.exists(path):
        fail(f"no file {path}", "check the path and that it is reachable from the step")
    if os.path.isdir(path):
        files = [file for file in sorted(pathlib.Path(path).rglob("*")) if file.is_file() and file.name[0] not in "._"]
        parts = [read_table(file, format, True, **options) for file in files] or fail(f"the folder {path} has no files")
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
                frame = pandas.read_excel(path, **{key: value for key, value in options.items() if key not in ("sep", "encoding")})
            elif kind in ("feather", "orc", "xml"):
                frame = getattr(pandas, "read_" + kind)(path)
            elif kind in ("json", "jsonl"):
                with opener(path, "rt", encoding="utf-8-sig") as file:
                    data = [json.loads(row) for row in file if row.strip()] if kind == "jsonl" else json.load(file)
                columns = isinstance(data, dict) and any(isinstance(value, (list, dict)) for value in data.values())
                frame = pandas.DataFrame(data) if columns else pandas.json_normalize(data)
            else:
                lines = head.decode(options.get("encoding", "utf-8-sig"), "replace").splitlines()
                skipped = options.get("skiprows") or 0
                first = (lines[skipped:] or lines)[0]
                mark = "\t" if kind == "tsv" else max(",;\t|", key=first.count)
                known = {"encoding": "utf-8-sig", "sep": mark, "compression": "gzip" if zipped else None, "low_memory": False}
                try:
                    frame = pandas.read_csv(path, **{**known, **options})
                except UnicodeDecodeError:
                    if "encoding" in options:
                        raise
                    frame = pandas.read_csv(path, **{**known, **options, "encoding": "latin-1"})
        except Exception as error:
            fail(f"{path} cannot be read as {kind}: {error}", "name the right format or repair the file")
    TOLD.update((key, value) for key, value in frame.attrs.items() if key == "target" and key not in TOLD)
    frame.attrs = {}
    frame.columns = [str(column).strip() for column in frame.columns]
    if frame.empty and not empty:
        fail(f"the table {path} has no rows", "check the step or the source that made it")
    return frame


def write_table(frame, path):
    frame = frame.reset_index(drop=True)
    frame.columns = [str(column) for column in frame.columns]
    frame.attrs = {"target": TOLD["target"]} if TOLD.get("target") in frame.columns else {}
    try:
        frame.to_parquet(path, index=False)
    except Exception:  # columns of mixed kinds become text
        for column in frame.columns[frame.dtypes == object]:
            frame[column] = frame[column].map(str).where(frame[column].notna(), None)
        frame.to_parquet(path, index=False)


def as_types(frame, types):
    """The table with columns as text, integer, number, boolean, date or category; what does not fit stops the step."""
    import pandas
    need(frame, *types)
    truths = {"true": True, "yes": True, "y": True, "t": True, "1": True, "1.0": True,
              "false": False, "no": False, "n": False, "f": False, "0": False, "0.0": False}
    for column, kind in types.items():
        values = frame[column]
        try:
            if kind in ("integer", "number"):
                values = pandas.to_numeric(values)
                values = values.round().astype("Int64") if kind == "integer" and (values.dropna() % 1 == 0).all() else values
                if kind == "integer" and values.dtype != "Int64":
                    raise ValueError("it has fractions")
                values = values.astype("int64") if kind == "integer" and not values.isna().any() else values
            elif kind == "boolean":
                known = values.dropna().astype(str).str.strip().str.lower()
                if not known.isin(truths).all():
                    raise ValueError(f"{known[~known.isin(truths)].iloc[0]!r} is no truth value")
                values = known.map(truths).reindex(values.index)
                values = values.astype("bool" if values.notna().all() else "boolean")
            elif kind == "date":
                values = pandas.to_datetime(values)
            elif kind in ("text", "category"):
                values = values.map(str).where(values.notna(), None)
            else:
                fail(f"the type {kind} of {column} is unknown", "use text, integer, number, boolean, date or category")
        except (ValueError, TypeError, OverflowError) as error:
            fail(f"the column {column} cannot become {kind}: {error}", "correct the type, or clean the column first")
        frame[column] = values
    return frame


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


def installed(pin, *options):
    """Makes a package importable that most runs of the step do without; options are those of pip."""
    folder = tempfile.mkdtemp()
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, *options, pin], capture_output=True, text=True)
    if done.returncode:
        fail(f"the Python package {pin} cannot be installed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}",
             "add it to the step's image")
    sys.path.insert(0, folder)


def in_code(path):
    """A path or URI as a local path; a relative one is looked for in the folder of the input `code` first."""
    code = input_path("code", optional=True)
    if code and "://" not in path and not os.path.isabs(path) and os.path.exists(os.path.join(code, path)):
        return os.path.join(code, path)
    return fetch(path)


def _local(uri):
    return os.path.expanduser(uri[7:] if uri.startswith("file://") else uri)


def fetch(uri, headers=None):
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
            request = urllib.request.Request(uri, headers={"User-Agent": "couler", **(headers or {})})
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


# == section: databases ==
def database(uri, create=False, wait=False):
    """An SQLAlchemy engine and the address without its password; $NAME in the address comes from the environment.

    Databases in files are only read unless `create`; with `wait` the engine is None while there is no file."""
    import sqlalchemy
    try:
        url = sqlalchemy.engine.make_url(os.path.expandvars(uri))
    except sqlalchemy.exc.ArgumentError:
        fail("the argument connection is no database URI", "write it like postgresql://user@host:5432/database")
    drivers = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql", "postgres": "postgresql+psycopg2"}
    url = url.set(drivername=drivers.get(url.drivername, url.drivername))
    file = url.database or ""
    name, in_file = url.render_as_string(hide_password=True), url.drivername.startswith(("sqlite", "duckdb")) and file not in ("", ":memory:")
    if in_file and not create and not os.path.exists(file):
        return (None, name) if wait else fail(f"no file {file}", f"check the path of the database; the step runs in {os.getcwd()}")
    options = {"connect_args": {"read_only": True}} if in_file and not create and url.drivername.startswith("duckdb") else {}
    try:
        return sqlalchemy.create_engine(url, **options), name
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        fail(f"{url.drivername} cannot be used: {error}", "add its SQLAlchemy driver to the step's image")


def sql_reason(error):
    """The first line of what a database said."""
    return (str(getattr(error, "orig", None) or error).strip().splitlines() or ["no reason given"])[0]


def plain_numbers(frame):
    """Decimals, as databases give them, become ordinary numbers."""
    import decimal
    for column in frame.columns[frame.dtypes == object]:
        known = frame[column].dropna()
        if len(known) and known.map(type).eq(decimal.Decimal).all():
            frame[column] = frame[column].astype(float)
    return frame


def sql_text(statement, params):
    """A statement whose marks :name stand for the params; every other colon is a colon."""
    import sqlalchemy
    marks = "|".join(map(re.escape, params))
    known = rf"(?<!:):(?!(?:{marks})\b)|(?<=:):" if params else ":"
    return sqlalchemy.text(re.sub(known, r"\:", statement))


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


def training_target(frame):
    """The column to predict: the argument, else the one that a step before named, else the last one."""
    if not arg("target"):
        named = TOLD.get("target") in frame.columns
        ARGS["target"] = TOLD["target"] if named else str(frame.columns[-1])
        print(f"the column to predict is {ARGS['target']}, " + ("as a step before named it" if named else "the last one"))
    need(frame, arg("target"))
    return arg("target")


def learned(frame):
    """The columns of a table that a model may learn from."""
    target, weight, asked = arg("target"), arg("sample_weight"), arg("features", [], list)
    need(frame, *asked, *([weight] if weight else []))
    if target in asked:
        fail(f"the column {target} is both a feature and what is to be predicted", "take it out of the features")
    return frame[asked or [column for column in frame.columns if column not in (target, weight)]]


def row_weights(rows, classes):
    """The weight of each row from sample_weight and class_weight, or None."""
    import numpy
    column, by_class, weights = arg("sample_weight"), ARGS.get("class_weight"), numpy.ones(len(rows))
    if column:
        weights = rows[column].to_numpy(dtype=float, na_value=numpy.nan) if rows[column].dtype != object else weights * numpy.nan
        if numpy.isnan(weights).any() or (weights < 0).any() or not weights.any():
            fail(f"the column {column} has weights that are missing, negative, no numbers or all zero", "correct the weights")
    if by_class and not classes:
        fail("class_weight is for classification", "leave it out, or use sample_weight")
    if by_class:
        names, asked = rows[arg("target")].map(str), scalar(by_class)
        if asked == "balanced":
            asked = {name: len(names) / (len(classes) * rows) for name, rows in names.value_counts().items()}
        strange = [name for name in asked if str(name) not in map(str, classes)] if isinstance(asked, dict) else ["it"]
        if strange:
            fail(f"the argument class_weight is {by_class!r}", f"write balanced, or a weight for {', '.join(map(str, classes))}")
        weights = weights * names.map({str(name): float(weight) for name, weight in asked.items()}).fillna(1.0).to_numpy(dtype=float)
    return weights if column or by_class else None


def searched(kind=None):
    """The best values of a search that is connected, if they are for this kind of model."""
    path = input_path("params", optional=True)
    found = json.loads(pathlib.Path(path).read_text()) if path else {}
    best, of = found.get("params", found), found.get("estimator")
    if best and kind and of and of != kind:
        print(f"the best values are those of {of} and not of {kind}, so they are not used")
        return {}
    if best:
        print("best values of the search: " + ", ".join(f"{name}={value}" for name, value in best.items()))
    return {name: value for name, value in best.items() if value is not None}


def hyperparameters(kind, fixed=None, **usual):
    """Usual values, then those of a search, then arguments, then `params`; `usual` is {name: (value, kind)}."""
    chosen = {**{name: value for name, (value, _) in usual.items() if value is not None}, **(fixed or {}), **searched(kind)}
    chosen.update((name, arg(name, None, as_kind)) for name, (_, as_kind) in usual.items() if arg(name, None, as_kind) is not None)
    chosen.update((name, scalar(value)) for name, value in arg("params", {}, dict).items())
    return chosen


def patience(usual):
    """Rounds without a better score after which training stops, or None."""
    given = ARGS.get("early_stopping")
    if given in (None, "", False) or str(given).lower() == "false":
        return None
    return usual if given is True or str(given).lower() == "true" else arg("early_stopping", None, int)


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
    kinds, unused = {"number": [], "flag": [], "time": [], "category": [], "many": [], "text": [], "code": []}, []
    codes = [column for column in arg("categorical", [], list) if column in frame.columns]
    for column in frame.columns:
        series = frame[column]
        known = series.dropna()
        if pandas.api.types.is_datetime64_any_dtype(series):
            kinds["time"].append(column)
        elif known.map(type).eq(bool).all() and len(known):
            kinds["flag"].append(column)
        elif pandas.api.types.is_numeric_dtype(series):
            (kinds["code" if column in codes else "number"] if len(known) else unused).append(column)
        elif known.map(lambda value: isinstance(value, (list, dict, bytes, numpy.ndarray))).any() or not len(known):
            unused.append(column)
        else:
            words, few = known.astype(str).str.count(r"\S+").mean(), known.nunique()
            ident = few > 50 and few > 0.5 * len(known) and column not in codes
            kind = "text" if words >= 3 and few > 20 and column not in codes else "category" if few <= 50 else "many"
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
             ("code", Pipeline([number[0], ("onehot", onehot)]), kinds["code"]),
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


IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def image_table(path, image="image", label="label"):
    """The images of a folder or archive: their paths, their labels (the folder that each is in) and their part."""
    import pandas
    if os.path.isfile(path):
        folder = tempfile.mkdtemp()
        try:
            shutil.unpack_archive(path, folder, "zip" if pathlib.Path(path).read_bytes()[:2] == b"PK" else "gztar")
        except (shutil.ReadError, ValueError, OSError) as error:
            fail(f"{path} is neither a folder nor an archive of images: {error}", "give a folder, a zip or a tar.gz")
        path = folder
    files = sorted(file for file in pathlib.Path(path).rglob("*") if file.suffix.lower() in IMAGES and file.name[0] != ".")
    if not files:
        fail(f"the folder {path} has no images", f"use files that end in {', '.join(IMAGES)}")
    parts = [file.relative_to(path).parts for file in files]
    return pandas.DataFrame({image: [str(file) for file in files], label: [part[-2] if len(part) > 1 else None for part in parts],
                             "part": [next((name for name in part[:-2] if name in ("train", "val", "valid", "validation", "test")), "")
                                      for part in parts]})


def read_image(item, size):
    """An image (bytes, path or URI) as a square RGB picture."""
    import io
    from PIL import Image, ImageOps
    if isinstance(item, dict):  # as Hugging Face keeps images in tables
        item = item.get("bytes") or item.get("path")
    try:
        picture = Image.open(io.BytesIO(item) if isinstance(item, bytes) else fetch(str(item)))
        return ImageOps.fit(ImageOps.exif_transpose(picture).convert("RGB"), (size, size))
    except OSError as error:
        fail(f"{str(item)[:200]} cannot be read as an image: {error}", "remove or repair the file")


class load_model:
    """A saved model: `predict` gives labels or numbers; `probabilities` a matrix in the order of `classes`, or None."""

    def __init__(self, path):
        if not os.path.isfile(os.path.join(path, "model.json")):
            fail(f"{path} holds no model (no model.json)", "connect the model output of a training step, or read it with model.load")
        self._known(path, json.loads(pathlib.Path(path, "model.json").read_text()), None)
        try:
            if os.path.exists(os.path.join(path, "model.joblib")):
                import joblib
                self.core = joblib.load(os.path.join(path, "model.joblib"))
            if self.framework in ("torch", "torchvision"):
                import torch
                self.net = torch.jit.load(os.path.join(path, "model.pt"), map_location="cpu").eval()
            if self.framework == "transformers":
                from transformers import pipeline
                self.pipe = pipeline("text-classification", path, tokenizer=path, truncation=True, top_k=None)
        except (ImportError, OSError) as error:
            fail(f"the {self.framework} model cannot be loaded: {error}", f"add {self.framework} to the step's image")

    def _known(self, path, meta, core):
        self.path, self.meta, self.core = path, meta, core
        self.task, self.target, self.features, self.classes, self.framework = (
            meta.get(key) for key in ("task", "target", "features", "classes", "framework"))

    @classmethod
    def of(cls, core, **meta):
        """A model that is not saved yet."""
        model = cls.__new__(cls)
        model._known(None, meta, core)
        return model

    def table(self, path, empty=False):
        """The table at a path; for a model of images also a folder or archive of them."""
        if self.framework == "torchvision":
            archive = os.path.isfile(path) and pathlib.Path(path).read_bytes()[:2] in (b"PK", b"\x1f\x8b")
            pictures = os.path.isdir(path) and any(file.suffix.lower() in IMAGES for file in pathlib.Path(path).rglob("*"))
            if archive or pictures:
                return image_table(path, self.features[0], self.target)
        return read_table(path, empty=empty)

    def _outputs(self, frame):
        import numpy
        if self.framework == "transformers":
            need(frame, *self.features)
            texts = frame[self.features[0]].fillna("").astype(str).tolist()
            rows = self.pipe(texts, batch_size=arg("batch_size", 16, int))
            rows = [{chance["label"]: chance["score"] for chance in row} for row in rows]
            return numpy.array([[row[str(label)] for label in self.classes] for row in rows])
        import torch
        with torch.no_grad():
            if self.framework == "torchvision":
                need(frame, self.features[0])
                parts, size, step = [], self.meta["image_size"], arg("batch_size", 32, int)
                for start in range(0, len(frame), step):
                    pictures = [numpy.asarray(read_image(item, size), dtype="float32") for item in frame[self.features[0]][start:start + step]]
                    ready = (numpy.stack(pictures) / 255 - self.meta["mean"]) / self.meta["spread"]
                    parts.append(self.net(torch.from_numpy(ready.transpose(0, 3, 1, 2).astype("float32"))).softmax(1))
                return torch.cat(parts).numpy()
            ready = numpy.asarray(self.core.transform(feature_frame(frame, self.features)), dtype="float32")
            answer = self.net(torch.from_numpy(ready))
            return (answer.softmax(1) if self.classes else answer).numpy()

    def _in_batches(self, function, frame):
        import numpy
        size = arg("batch_size", 0, int)
        if not size or size >= len(frame):
            return function(frame)
        return numpy.concatenate([function(frame[start:start + size]) for start in range(0, len(frame), size)])

    def probabilities(self, frame):
        if not self.classes:
            return None
        if self.framework in ("torch", "torchvision", "transformers"):
            return self._in_batches(self._outputs, frame)
        if not hasattr(self.core, "predict_proba"):
            return None
        return self._in_batches(lambda rows: self.core.predict_proba(feature_frame(rows, self.features)), frame)

    def predict(self, frame, chances=None):
        """Labels or numbers; `chances` are the probabilities when they are known already."""
        import numpy
        cut = arg("threshold", None, float)
        if cut is not None and (not self.classes or len(self.classes) != 2):
            fail("a threshold is for two classes", "leave it out")
        if cut is not None:
            chances = self.probabilities(frame) if chances is None else chances
            if chances is None:
                fail("the model gives no probabilities, so it has no threshold", "leave it out, or train another model")
            plus = self.positive()
            codes = numpy.where(chances[:, plus] >= cut, plus, 1 - plus)
        elif self.framework in ("torch", "torchvision", "transformers"):
            if self.classes:
                codes = (self._in_batches(self._outputs, frame) if chances is None else chances).argmax(1)
            else:
                codes = self._in_batches(self._outputs, frame)[:, 0] * self.meta["spread"] + self.meta["centre"]
        elif self.core is None:
            fail(f"a {self.framework} model gives no predictions for a table", "use a model trained on a table")
        else:
            codes = self._in_batches(lambda rows: numpy.ravel(self.core.predict(feature_frame(rows, self.features))), frame)
            if self.meta.get("predicts_labels"):  # a model that couler has not trained
                places = {str(label): place for place, label in enumerate(self.classes)}
                codes = numpy.array([places[str(label)] for label in codes])
        return numpy.array(self.classes)[codes.astype(int)] if self.classes else codes

    def positive(self):
        """Which of two classes is the positive one: the argument, else the second."""
        asked = ARGS.get("positive")
        names = [str(label) for label in self.classes]
        if asked in (None, ""):
            return 1
        name = str(asked) if str(asked) in names else str(asked).lower()
        places = [place for place, label in enumerate(names) if name in (label, label.lower())]
        if len(names) != 2 or not places:
            fail(f"the positive class {asked!r} is none of {', '.join(names)}", "name one of two classes")
        return places[0]


LOWER = ("logloss", "brier", "rmse", "mse", "mae", "mape", "medae")
METRICS = {"classification": ["accuracy", "auc", "f1", "precision", "recall", "logloss", "balanced_accuracy", "pr_auc",
                              "brier", "mcc", "kappa"],
           "regression": ["rmse", "mse", "mae", "r2", "mape", "medae", "explained_variance"], "clustering": ["silhouette"]}
USUAL_METRICS = {"classification": METRICS["classification"][:6], "regression": METRICS["regression"][:4], "clustering": ["silhouette"]}


def regression_score(true, found, wanted):
    from sklearn import metrics as m
    mse = float(m.mean_squared_error(true, found))
    several = len(true) > 1
    ways = {"mse": lambda: mse, "rmse": lambda: mse ** 0.5, "mae": lambda: m.mean_absolute_error(true, found),
            "r2": lambda: m.r2_score(true, found) if several else float("nan"),
            "mape": lambda: m.mean_absolute_percentage_error(true, found), "medae": lambda: m.median_absolute_error(true, found),
            "explained_variance": lambda: m.explained_variance_score(true, found) if several else float("nan")}
    return {metric: float(ways[metric]()) for metric in wanted}


def score(model, frame, metrics=None):
    """The metrics of a model on a table, {metric: value}; without `metrics` the usual ones that fit."""
    import numpy
    from sklearn import metrics as m
    fitting = METRICS.get(model.task) or fail(f"a model for {model.task} has no metrics", "evaluate another model")
    wrong = [metric for metric in metrics or [] if metric not in fitting]
    if wrong:
        fail(f"{', '.join(wrong)} cannot be computed for a {model.task} model", f"use {', '.join(fitting)}")
    wanted = metrics or USUAL_METRICS[model.task]
    if model.task == "clustering":
        rows = frame.sample(min(len(frame), 5000), random_state=0)
        spots = model.core[:-1].transform(feature_frame(rows, model.features))
        groups = model.core[-1].predict(spots)
        return {"silhouette": float(m.silhouette_score(spots, groups)) if 1 < len(set(groups)) < len(rows) else 0.0}
    need(frame, model.target)
    frame = frame.dropna(subset=[model.target])
    if frame.empty:
        fail(f"no row has a value for {model.target}", "evaluate on a table with known targets")
    if model.task == "regression":
        return regression_score(frame[model.target].astype(float), model.predict(frame), wanted)
    codes = {str(label): i for i, label in enumerate(model.classes)}
    true = [codes.get(str(label), -1) for label in labels(frame[model.target])]
    chances, two = model.probabilities(frame), len(codes) == 2
    found = [codes[str(label)] for label in model.predict(frame, chances)]
    if -1 in true:
        strange = sorted({str(value) for value in labels(frame[model.target])} - set(codes))[:5]
        fail(f"{model.target} has labels the model never saw: {', '.join(strange)}", f"it knows {', '.join(codes)}")
    average, plus, values = arg("average", "binary" if two else "macro"), model.positive() if two else 1, {}
    if average not in ("binary", "macro", "micro", "weighted") or average == "binary" and not two:
        fail(f"the argument average is {average}, with {len(codes)} classes", "use macro, micro or weighted")
    kind = {"average": average, "zero_division": 0, **({"pos_label": plus} if average == "binary" else {})}
    if chances is not None:
        chances = numpy.asarray(chances, float) / numpy.asarray(chances, float).sum(1, keepdims=True)
    every = numpy.eye(len(codes))[true]
    for metric in wanted:
        if metric in ("auc", "pr_auc", "brier", "logloss") and (chances is None or metric == "auc" and len(set(true)) < len(codes)):
            reason = "the model gives no probabilities" if chances is None else "not every class is in the table"
            if metrics:
                fail(f"{metric} cannot be computed: {reason}", "use accuracy or f1")
        elif metric == "auc":
            several = {} if two else {"multi_class": "ovr", "labels": range(len(codes))}
            values[metric] = float(m.roc_auc_score(true, chances[:, 1] if two else chances, **several))
        elif metric == "pr_auc":
            kinds = [plus] if two else sorted(set(true))
            values[metric] = float(numpy.mean([m.average_precision_score(every[:, code], chances[:, code]) for code in kinds]))
        elif metric == "brier":
            values[metric] = float(((chances - every) ** 2).sum(1).mean() / (2 if two else 1))
        elif metric == "logloss":
            values[metric] = float(m.log_loss(true, chances, labels=range(len(codes))))
        elif metric in ("accuracy", "balanced_accuracy", "mcc", "kappa"):
            ways = {"accuracy": m.accuracy_score, "balanced_accuracy": m.balanced_accuracy_score, "mcc": m.matthews_corrcoef,
                    "kappa": m.cohen_kappa_score}
            values[metric] = float(numpy.nan_to_num(ways[metric](true, found)))
        else:
            values[metric] = float(getattr(m, metric + "_score")(true, found, **kind))
    return values


def hold_out(frame, target, classes, share, seed):
    """The rows that do not train: about this share of them, with equal shares of the classes where that is possible."""
    from sklearn.model_selection import train_test_split
    size = round(len(frame) * share)
    if not size:
        return frame.iloc[:0]
    pool = frame[frame[target].duplicated()] if classes else frame  # training sees each class at least once
    size = min(max(size, 1), len(pool) - 1)
    even = classes and pool[target].value_counts().min() > 1 and len(pool) - len(classes) > size >= len(classes)
    return train_test_split(pool, test_size=size, random_state=seed, stratify=pool[target] if even else None)[1]


def known_rows(frame):
    """The rows that have a target: (rows, task, classes)."""
    target = training_target(frame)
    frame = frame.dropna(subset=[target]).reset_index(drop=True)
    if len(frame) < 4:
        fail(f"only {len(frame)} rows have a value for {target}", "train on a larger table")
    task, classes = arg("task") or guess_task(frame[target]), None
    if task == "classification":
        kinds = labels(frame[target])
        classes = sorted(kinds.unique().tolist())
        if len(classes) < 2:
            fail(f"every row has the same {target}: {classes[0]}", "train on a table with at least two classes")
        frame[target] = kinds
    elif frame[target].dtype == object:
        fail(f"{target} is not a number, so regression is impossible", "use task classification or another target")
    return frame, task, classes


def training_rows(frame=None):
    """The training table: (train, holdout, task, classes), where the rows without a target are left out."""
    share = arg("test_size", 0.2, float)
    frame, task, classes = known_rows(read_table(input_path("data")) if frame is None else frame)
    if not 0 <= share < 1:
        fail(f"the argument test_size must be from 0 to below 1, not {share}", "use 0.2")
    held = hold_out(frame, arg("target"), classes, share, arg("seed", 0, int))
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
    if arg("output"):
        print(f"saved to {put(path, arg('output'))}")
    print(f"{model.meta['name']} {model.task} of {model.target}: {len(train)} rows to train, {len(held)} held out")
    print(" ".join(f"{name}={value:.4g}" for name, value in values.items()) + ("" if len(held) else " (training rows)"))


def fit(pipeline, rows, features, classes, name, rounds=None):
    """Fits a pipeline; with `rounds` a boosting stops when rows that it does not learn from get no better."""
    target, weights = arg("target"), row_weights(rows, classes)
    codes = {label: i for i, label in enumerate(classes or [])}
    answer = rows[target].map(codes) if classes else rows[target].astype(float)
    try:
        if rounds:
            fit_until(pipeline, rows, features, classes, answer, weights, rounds)
        else:
            weighted = {} if weights is None else {"model__sample_weight": weights}
            pipeline.fit(feature_frame(rows, features), answer, **weighted)
    except Exception as error:
        if weights is not None and "sample_weight" in str(error):
            fail(f"{name} cannot weight rows", "leave out sample_weight and class_weight, or train another model")
        fail(f"{name} cannot be trained: {error}", "correct the hyperparameters or the table")


def fit_until(pipeline, rows, features, classes, answer, weights, rounds):
    held = hold_out(rows, arg("target"), classes, 0.15, arg("seed", 0, int)).index
    stays = ~rows.index.isin(held)
    prepare, model = pipeline[:-1], pipeline[-1]
    ready = prepare.fit_transform(feature_frame(rows[stays], features), answer[stays])
    check = prepare.transform(feature_frame(rows[~stays], features))
    library, weighted = type(model).__module__.split(".")[0], {} if weights is None else {"sample_weight": weights[stays]}
    if library == "xgboost":
        model.set_params(early_stopping_rounds=rounds)
        model.fit(ready, answer[stays], eval_set=[(check, answer[~stays])], verbose=False, **weighted)
        used = model.best_iteration + 1
    elif library == "lightgbm":
        import lightgbm
        calls = [lightgbm.early_stopping(rounds, verbose=False)]
        model.fit(ready, answer[stays], eval_set=[(check, answer[~stays])], callbacks=calls, **weighted)
        used = model.best_iteration_
    else:
        model.fit(ready, answer[stays], eval_set=(check, answer[~stays]), early_stopping_rounds=rounds, **weighted)
        used = model.tree_count_
    print(f"early stopping on {len(held)} rows keeps {used} rounds")


def cross_scores(pipeline, rows, features, task, classes, splits, name, metrics=None):
    """The metrics of a clone of the pipeline for each (train, test) pair of row numbers."""
    from sklearn.base import clone
    found = []
    for train, test in splits:
        part = clone(pipeline)
        fit(part, rows.iloc[train], features, classes, name)
        model = load_model.of(part, task=task, target=arg("target"), features=features, classes=classes, framework=name)
        found.append(score(model, rows.iloc[test], metrics))
    return found


def train(build, framework, name=None, stops=True, **shape):
    """Trains build(task, classes) on the input table behind a tabular pipeline and saves it."""
    rows, held, task, classes = training_rows()
    target, path, folds = arg("target"), output_path("model"), arg("folds", 0, int)
    pipeline, features = tabular_pipeline(learned(rows), build(task, classes), **shape)
    facts = {}
    if folds:
        from sklearn.model_selection import KFold, StratifiedKFold
        if classes and rows[target].value_counts().min() < folds:
            fail(f"{target} has a class with fewer than {folds} rows", "use fewer folds or a larger table")
        splits = (StratifiedKFold if classes else KFold)(folds, shuffle=True, random_state=arg("seed", 0, int)).split(rows, rows[target] if classes else None)
        found = cross_scores(pipeline, rows, features, task, classes, splits, name or framework)
        means = {metric: round(sum(values[metric] for values in found) / folds, 6) for metric in found[0]}
        facts = {"cross_validation": {"folds": folds, **means}}
        print(f"means of {folds} folds: " + " ".join(f"{metric}={value:.4g}" for metric, value in means.items()))
    fit(pipeline, rows, features, classes, name or framework, patience(30) if stops else None)
    save_model(pipeline, path, framework=framework, name=name or framework, task=task, target=target,
               features=features, classes=classes, rows=len(rows), **facts)
    finish_training(path, held, rows)
