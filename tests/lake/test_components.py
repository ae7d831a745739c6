"""Every component of the code lake, run on real data."""
import ast
import http.server
import json
import os
import pathlib
import re
import socketserver
import sqlite3
import subprocess
import sys
import threading

import jsonschema
import pandas
import pytest

from conftest import DATA, INNER, LAKE, NAMES, PRELUDE, component

TASKS = ("load clean split join aggregate feature train job evaluate compare select predict deploy source build notify "
         "report container script tune save").split()
PORTS = {"table", "model", "metrics", "text", "file", "directory", "any"}
LITERALS = {"uri", "image", "column", "email", "url", "name", "text"}
SCRIPTED = [name for name in NAMES if component(name)["run"]["kind"] == "script"]
EXPECTED = """
data.load data.load_sql data.load_huggingface data.download data.clean data.filter data.select data.split data.join
data.aggregate data.save data.validate features.scale features.encode features.tfidf features.engineer xgboost.train
lightgbm.train catboost.train sklearn.train kmeans.train torch.train torch.finetune llm.finetune job.pytorch
job.tensorflow job.mpi job.xgboost tune.katib tune.search model.evaluate model.compare model.select model.predict
model.deploy model.deploy_kserve model.register file.copy git.clone image.build notify.slack notify.email
notify.webhook report.write container.run script.python script.bash wait.time wait.file wait.http wait.sql sql.run
http.request notebook.run spark.submit dbt.run kafka.consume kafka.produce model.load model.cross_validate
image.finetune llm.merge llm.evaluate features.select features.reduce
""".split()


# the catalogue

def test_all_components_are_there():
    assert not set(EXPECTED) - set(NAMES)


def strings_with_literals(schema):
    if isinstance(schema, dict):
        if "x-literal" in schema:
            yield schema
        for value in schema.values():
            yield from strings_with_literals(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from strings_with_literals(value)


@pytest.mark.parametrize("name", NAMES)
def test_component_is_well_formed(name):
    spec = component(name)
    assert set(spec) <= {"version", "name", "task", "summary", "phrases", "arguments", "inputs", "outputs", "values",
                         "run", "examples", "estimate"}
    assert spec["version"] == "couler/component/v1" and spec["name"] == name and spec["task"] in TASKS
    assert spec["summary"].endswith(".") and "\n" not in spec["summary"] and len(spec["summary"]) < 120
    assert 4 <= len(spec["phrases"]) <= 12 and len(set(spec["phrases"])) == len(spec["phrases"])
    schema = spec["arguments"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object" and schema["additionalProperties"] is False
    assert len(schema["properties"]) <= 30 and set(schema.get("required", [])) <= set(schema["properties"])
    for argument, part in schema["properties"].items():
        assert part.get("description"), f"{argument} has no description"
        assert "default" not in part
    for part in strings_with_literals(schema["properties"]):
        assert part["x-literal"] in LITERALS and "string" in part["type"]
    assert 1 <= len(spec["examples"]) <= 3
    for example in spec["examples"]:
        assert set(example) == {"text", "arguments"}
        jsonschema.validate(example["arguments"], schema)
        for value in literal_values(schema, example["arguments"]):
            assert value in example["text"], f"{value} is not in the example's text"
    for port in spec["inputs"] + spec["outputs"]:
        assert port["type"] in PORTS and re.fullmatch("[a-z]+", port["name"])
        assert set(port) <= {"name", "type", "prefer", "optional", "many"}
    for value in spec["values"]:
        assert isinstance(value, str) or schema["properties"][value["from_argument"]]["type"] == "array"
    assert spec["estimate"]["seconds"] > 0 and spec["estimate"]["output_bytes"] >= 0
    run = spec["run"]
    if run["kind"] == "script":
        assert run["language"] == "python" and (LAKE / name / run["file"]).is_file() and run["image"]
        assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9.]+", pin) for pin in run["requirements"])
        assert set(run.get("inherit_requirements", [])) <= {port["name"] for port in spec["inputs"]}
    else:
        assert [file.name for file in (LAKE / name).iterdir()] == ["component.yaml"]
        used = set(re.findall(r"\$\{(\w+)(?:=\w+)?\}", json.dumps(run)))
        assert used <= set(schema["properties"])
        if run["kind"] in ("container", "manifest"):
            assert used == set(schema["properties"])


def literal_values(schema, value):
    if "x-literal" in schema and isinstance(value, str):
        yield value
    if isinstance(value, dict):
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            yield from literal_values(inner if isinstance(inner, dict) else {}, item)
    elif isinstance(value, list):
        for item in value:
            yield from literal_values(schema.get("items", {}), item)


def test_summaries_and_phrases_are_distinct():
    seen = {}
    for name in NAMES:
        spec = component(name)
        for words in [spec["summary"], *spec["phrases"]]:
            assert words.lower() not in seen, f"{name} and {seen[words.lower()]} both say {words!r}"
            seen[words.lower()] = name


def test_requirements_agree():
    pins = {}
    for name in SCRIPTED:
        for pin in component(name)["run"]["requirements"]:
            package, version = pin.split("==")
            assert pins.setdefault(package, version) == version, f"{name} pins {pin}, others {pins[package]}"
    tests = (pathlib.Path(__file__).parent / "requirements.txt").read_text()
    for package, version in re.findall(r"^([\w.-]+)==(\S+)$", tests, re.M):
        assert pins.get(package, version) == version


@pytest.mark.parametrize("name", SCRIPTED)
def test_script_uses_only_what_is_declared(name):
    spec = component(name)
    # An inner component may have the script of this one, with arguments and ports of its own.
    users = [spec] + [other for other in map(component, INNER) if other["run"]["file"] == f"../../{name}/script.py"]
    source = (LAKE / name / "script.py").read_text()
    tree = ast.parse(PRELUDE + source)
    compile(PRELUDE + source, name, "exec")
    # Read by the runtime on behalf of components that train, or that measure a model.
    shared = {"target", "test_size", "seed", "task", "metrics", "features", "categorical", "sample_weight", "class_weight",
              "early_stopping", "folds", "output"}
    measures = {"threshold", "average", "positive", "batch_size"}
    reads = {"arg": set(), "input_path": set(), "input_paths": set(), "output_path": set(), "emit": set()}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in reads:
            if node.args and isinstance(node.args[0], ast.Constant):
                reads[node.func.id].add(node.args[0].value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            reads["arg"] |= {"seconds": {first}, "patience": {"early_stopping"}, "row_weights": {"class_weight"},
                             "hyperparameters": {word.arg for word in node.keywords}}.get(node.func.id, set())
            reads["input_path"] |= {"in_code": {"code"}, "searched": {"params"}, "hyperparameters": {"params"}}.get(node.func.id, set())
    reads["arg"] |= set(re.findall(r"""ARGS(?:\.get\(|\[)"(\w+)\"""", source))
    arguments = {argument for user in users for argument in user["arguments"]["properties"]}
    trains = re.search(r"\b(training_rows|train|finish_training|cross_scores)\(", source)
    by_runtime = (shared if trains else set()) | (measures if "score(" in source or "load_model(" in source else set())
    by_runtime |= {"params"} if "hyperparameters(" in source else set()
    assert reads["arg"] - by_runtime <= arguments, f"{name} does not declare {reads['arg'] - by_runtime - arguments}"
    unread = arguments - reads["arg"] - by_runtime
    assert not unread, f"{name} never reads {', '.join(unread)}"
    assert reads["input_path"] | reads["input_paths"] <= {port["name"] for user in users for port in user["inputs"]}
    assert reads["output_path"] <= {port["name"] for user in users for port in user["outputs"]}
    imported = {alias.name.split(".")[0] for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module.split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom)}
    packages = {"sklearn": "scikit-learn", "xgboost": "xgboost-cpu", "mlflow": "mlflow-skinny", "confluent_kafka": "confluent-kafka",
                "nbformat": "nbclient"}
    pins = {pin.split("==")[0] for pin in spec["run"]["requirements"]}
    for module in imported - set(sys.stdlib_module_names):
        assert packages.get(module, module) in pins, f"{name} imports {module} but does not require it"


def test_prelude_needs_only_the_standard_library():
    done = subprocess.run([sys.executable, "-S", "-c", PRELUDE], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr


def section_of(name):
    """Where a top-level name of the prelude is defined: in its first part, or in a section that a script may not need."""
    at = re.search(rf"^(?:def |class )?{name}\b", PRELUDE, re.M).start()
    return (["core"] + re.findall(r"# == section: (\w+) ==", PRELUDE[:at]))[-1]


def test_prelude_without_models_stands_alone():
    assert section_of("read_table") == "core" and section_of("fetch") == "storage" and section_of("train") == "models"
    first = PRELUDE.split("# == section: models ==")[0]
    for name in ("load_model", "score", "train", "feature_frame"):
        assert not re.search(rf"\b{name}\(", first)


def test_training_emits_the_metrics_that_are_asked_for(lake, shared):
    done = lake.run("xgboost.train", {"target": "churn", "n_estimators": 20, "metrics": ["auc", "f1"]}, {"data": shared("split")["train"]})
    assert float(done.value("auc")) > 0.6 and 0 < float(done.value("f1")) <= 1


# the data

def test_data_can_be_made_again(tmp_path):
    subprocess.run([sys.executable, str(DATA / "generate.py"), str(tmp_path)], check=True)
    names = sorted(path.name for path in DATA.iterdir() if path.suffix in (".csv", ".jsonl"))
    assert len(names) == 7
    for name in names:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "sales.parquet"), pandas.read_parquet(DATA / "sales.parquet"))
    assert all(path.stat().st_size < 200_000 for path in DATA.iterdir() if path.is_file())


# load

def test_load_formats(lake, tmp_path):
    frame = pandas.read_csv(DATA / "customers.csv")
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    frame.to_csv(tmp_path / "semicolon", sep=";", index=False)
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    frame.to_json(tmp_path / "records.json", orient="records")
    (tmp_path / "parts").mkdir()
    frame[:120].to_csv(tmp_path / "parts" / "1.csv", index=False)
    frame[120:].to_parquet(tmp_path / "parts" / "2.parquet")
    for source in ("a.xlsx", "semicolon", "a.csv.gz", "records.json", "parts"):
        result = lake.run("data.load", {"source": str(tmp_path / source)})
        assert result.value("rows") == 200, source
        assert list(result.table().columns) == list(frame.columns), source
        assert result.table()["name"].tolist() == frame["name"].tolist(), source
    assert result.last == "rows=200 columns=5"


def test_load_columns_and_numbers(lake):
    table = pandas.read_parquet(lake.load("churn.csv", columns=["age", "churn"]))
    assert list(table.columns) == ["age", "churn"] and len(table) == 1230
    assert table["age"].isna().sum() > 0 and set(table["churn"]) == {0, 1}
    sensors = pandas.read_parquet(lake.load("sensors.jsonl"))
    assert len(sensors) == 900 and sensors["temperature"].dtype == float


def test_load_several_files_by_pattern(lake, tmp_path):
    for i in range(3):
        pandas.DataFrame({"a": [i, i]}).to_csv(tmp_path / f"part-{i}.csv", index=False)
    result = lake.run("data.load", {"source": str(tmp_path / "part-*.csv")})
    assert result.table()["a"].tolist() == [0, 0, 1, 1, 2, 2]


def test_load_refuses(lake, tmp_path):
    lake.refuse("data.load", {"source": "nowhere.csv"}, {}, "nowhere.csv")
    (tmp_path / "empty.csv").write_text("a,b\n")
    lake.refuse("data.load", {"source": str(tmp_path / "empty.csv")}, {}, "empty.csv", "no rows")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\0\0\0\rIHDR")
    lake.refuse("data.load", {"source": str(tmp_path / "picture.csv")}, {}, "picture.csv", "not a table")
    lake.refuse("data.load", {"source": str(DATA / "churn.csv"), "columns": ["agee"]}, {}, "agee", "tenure_months")
    lake.refuse("data.load", {"source": "ftp2://host/x.csv"}, {}, "ftp2")
    lake.refuse("data.load", {"source": "http://127.0.0.1:1/x.csv"}, {}, "http://127.0.0.1:1/x.csv")
    lake.refuse("data.load", {}, {}, "source")


def test_load_sql(lake, tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as base:
        pandas.read_csv(DATA / "orders.csv").to_sql("orders", base, index=False)
    uri = f"sqlite:///{tmp_path / 'shop.db'}"
    result = lake.run("data.load_sql", {"connection": uri, "query": "SELECT product, sum(amount) AS total FROM orders GROUP BY product;"})
    assert sorted(result.table()["product"]) == ["cable", "desk", "keyboard", "monitor", "mouse"]
    assert abs(result.table()["total"].sum() - pandas.read_csv(DATA / "orders.csv")["amount"].sum()) < 0.01
    assert lake.run("data.load_sql", {"connection": "sqlite:///$BASE", "query": "orders"},
                    environment={"BASE": str(tmp_path / "shop.db")}).value("rows") == 1000
    lake.refuse("data.load_sql", {"connection": uri, "query": "SELECT * FROM nothing"}, {}, "nothing")
    lake.refuse("data.load_sql", {"connection": "sqlite:///gone.db", "query": "orders"}, {}, "gone.db")
    lake.refuse("data.load_sql", {"connection": uri, "query": "SELECT * FROM orders WHERE amount < 0"}, {}, "no rows")


# clean

def test_clean(lake, shared):
    result = lake.run("data.clean", {"operations": ["drop_duplicates"]}, {"data": shared("churn")})
    assert result.value("rows") == 1200 and result.value("removed") == 30 and result.last == "rows=1200 removed=30"
    default = lake.run("data.clean", {}, {"data": shared("churn")})
    assert default.table().isna().sum().sum() == 0 and 900 < default.value("rows") < 1200
    filled = lake.run("data.clean", {"operations": ["fill_missing"]}, {"data": shared("churn")}).table()
    assert len(filled) == 1230 and filled.isna().sum().sum() == 0 and filled["age"].dtype == float
    source = pandas.read_csv(DATA / "churn.csv")
    assert filled.loc[source["age"].isna(), "age"].eq(source["age"].median()).all()
    some = lake.run("data.clean", {"operations": '["fill_missing"]', "fill_value": "0", "columns": ["age"]},
                    {"data": shared("churn")}).table()
    assert (some["age"] == 0).sum() == source["age"].isna().sum() and some["country"].isna().sum() > 0


def test_clean_text_and_outliers(lake, tmp_path):
    frame = pandas.DataFrame({"My Name": [" ann ", "ann", "bob  b", ""] * 5, "x": [float(i) for i in range(19)] + [1000.0]})
    frame.to_parquet(tmp_path / "t")
    result = lake.run("data.clean", {"operations": ["lowercase_columns", "strip_text", "drop_outliers"], "columns": ["My Name", "x"]},
                      {"data": str(tmp_path / "t")}).table()
    assert list(result.columns) == ["my_name", "x"] and len(result) == 19 and result["x"].max() == 18
    assert set(result["my_name"].dropna()) == {"ann", "bob b"} and result["my_name"].isna().sum() == 4
    lake.refuse("data.clean", {"operations": ["polish"]}, {"data": str(tmp_path / "t")}, "polish")
    lake.refuse("data.clean", {"columns": ["y"]}, {"data": str(tmp_path / "t")}, "y", "My Name")
    pandas.DataFrame({"a": [None, None], "b": [1, 2]}).to_parquet(tmp_path / "gaps")
    lake.refuse("data.clean", {}, {"data": str(tmp_path / "gaps")}, "drop_missing", "every row")


def test_filter(lake, shared):
    source = pandas.read_csv(DATA / "churn.csv")
    wanted = source[(source["country"] == "DE") & (source["age"] > 30)]
    for expression in ("country == 'DE' and age > 30", "country = 'DE' AND age > 30"):
        result = lake.run("data.filter", {"expression": expression}, {"data": shared("churn")})
        assert result.value("rows") == len(wanted) and result.table()["customer_id"].tolist() == wanted["customer_id"].tolist()
    assert lake.run("data.filter", {"expression": "age > 500"}, {"data": shared("churn")}).value("rows") == 0
    lake.refuse("data.filter", {"expression": "agee > 30"}, {"data": shared("churn")}, "agee", "tenure_months")


def test_select(lake, shared):
    result = lake.run("data.select", {"drop": ["name"], "rename": {"city": "town"}}, {"data": shared("customers")})
    assert list(result.table().columns) == ["customer_id", "segment", "town", "signup_date"]
    result = lake.run("data.select", {"keep": "city, segment"}, {"data": shared("customers")})
    assert list(result.table().columns) == ["city", "segment"]
    lake.refuse("data.select", {"keep": ["town"]}, {"data": shared("customers")}, "town", "city")
    lake.refuse("data.select", {}, {"data": shared("customers")}, "keep")


def test_validate(lake, shared, tmp_path):
    good = lake.run("data.validate", {"required_columns": ["churn"], "min_rows": 1000, "no_nulls": ["churn"]}, {"data": shared("churn")})
    assert good.value("valid") is True and good.value("rows") == 1230
    bad = {"required_columns": ["income"], "no_nulls": ["age"], "unique": ["customer_id"], "min_rows": "5000"}
    lake.refuse("data.validate", bad, {"data": shared("churn")}, "income", "age", "customer_id", "5000")
    told = lake.run("data.validate", {**bad, "on_failure": "report"}, {"data": shared("churn")})
    assert told.value("valid") is False and told.value("problems") == 4
    pandas.DataFrame({"a": []}).to_parquet(tmp_path / "none")
    lake.refuse("data.validate", {}, {"data": str(tmp_path / "none")}, "0 rows")


# split, join, aggregate

def test_split(lake, shared):
    result = lake.run("data.split", {"test_size": 0.3, "validation_size": 0.1, "stratify": "churn"}, {"data": shared("churn")})
    train, test, validation = (result.table(port) for port in ("train", "test", "validation"))
    assert (len(train), len(test), len(validation)) == (738, 369, 123)
    assert abs(test["churn"].mean() - train["churn"].mean()) < 0.01 and abs(validation["churn"].mean() - train["churn"].mean()) < 0.02
    plain = lake.run("data.split", {"seed": 3}, {"data": shared("customers")})
    ids = [set(plain.table(port)["customer_id"]) for port in ("train", "test")]
    assert [len(part) for part in ids] == [160, 40] and not ids[0] & ids[1]
    again = lake.run("data.split", {"seed": "3"}, {"data": shared("customers")})
    assert again.table("test").equals(plain.table("test")) and plain.value("validation_rows") == 0
    lake.refuse("data.split", {"test_size": 20}, {"data": shared("customers")}, "test_size", "0.2")
    lake.refuse("data.split", {"stratify": "label"}, {"data": shared("customers")}, "label")


def test_join(lake, shared):
    tables = {"tables": [shared("orders"), shared("customers")]}
    inner = lake.run("data.join", {"on": ["customer_id"]}, tables)
    assert inner.value("rows") == 990 and {"city", "amount"} <= set(inner.table().columns)
    orders = pandas.read_csv(DATA / "orders.csv").merge(pandas.read_csv(DATA / "customers.csv"))
    assert inner.table().sort_values("order_id")["city"].tolist() == orders.sort_values("order_id")["city"].tolist()
    assert lake.run("data.join", {"how": "left"}, tables).value("rows") == 1000
    append = lake.run("data.join", {"how": "append"}, {"tables": [shared("customers"), shared("customers")]})
    assert append.value("rows") == 400
    lake.refuse("data.join", {"on": ["client"]}, tables, "client")
    lake.refuse("data.join", {}, {"tables": [shared("orders")]}, "two tables")
    lake.refuse("data.join", {}, {"tables": [shared("customers"), shared("houses")]}, "share no column", "town")


def test_aggregate(lake, shared):
    result = lake.run("data.aggregate", {"group_by": ["product"], "aggregations": {"amount": "sum", "quantity": "mean"}},
                      {"data": shared("orders")})
    orders = pandas.read_csv(DATA / "orders.csv")
    table = result.table().set_index("product")
    assert len(table) == 5 and abs(table.loc["desk", "amount"] - orders[orders["product"] == "desk"]["amount"].sum()) < 1e-6
    whole = lake.run("data.aggregate", {"aggregations": {"amount": "max"}}, {"data": shared("orders")}).table()
    assert whole.to_dict("records") == [{"amount": orders["amount"].max()}]
    counts = lake.run("data.aggregate", {"group_by": "region"}, {"data": shared("sales")}).table()
    assert counts["rows"].sum() == 1500 and len(counts) == 4
    lake.refuse("data.aggregate", {"group_by": ["product"], "aggregations": {"product": "mean"}}, {"data": shared("orders")}, "product", "mean")
    lake.refuse("data.aggregate", {"group_by": ["shop"]}, {"data": shared("orders")}, "shop", "quantity")


# features

def test_features(lake, shared):
    scaled = lake.run("features.scale", {"target": "price"}, {"data": shared("houses")}).table()
    assert abs(scaled["area_m2"].mean()) < 1e-9 and abs(scaled["area_m2"].std(ddof=0) - 1) < 1e-9
    assert scaled["price"].tolist() == pandas.read_csv(DATA / "houses.csv")["price"].tolist()
    ranged = lake.run("features.scale", {"method": "minmax", "columns": ["area_m2"]}, {"data": shared("houses")}).table()
    assert (ranged["area_m2"].min(), ranged["area_m2"].max()) == (0, 1) and ranged["rooms"].max() == 9
    onehot = lake.run("features.encode", {"columns": ["town"]}, {"data": shared("houses")}).table()
    assert onehot[["town_Ahlen", "town_Brink", "town_Cassel", "town_Dorn"]].sum(axis=1).eq(1).all()
    ordinal = lake.run("features.encode", {"method": "ordinal", "target": "contract"}, {"data": shared("churn")}).table()
    assert set(ordinal["contract"]) == {"monthly", "yearly"}
    assert set(ordinal["plan"]) == {0, 1, 2} and -1 in set(ordinal["country"]) and ordinal["customer_id"].dtype == object
    words = lake.run("features.tfidf", {"text": "text", "max_features": 50}, {"data": shared("reviews")}).table()
    assert len(words.columns) == 51 and "tfidf_refund" in words and "text" not in words and len(words) == 600
    made = lake.run("features.engineer", {"features": {"per_m2": "price / area_m2", "old": "year_built < 1950"}}, {"data": shared("houses")}).table()
    assert (made["per_m2"] - made["price"] / made["area_m2"]).abs().max() < 1e-9 and made["old"].dtype == bool
    lake.refuse("features.scale", {"columns": ["town"]}, {"data": shared("houses")}, "town")
    lake.refuse("features.encode", {"columns": ["color"]}, {"data": shared("houses")}, "color", "town")
    lake.refuse("features.tfidf", {"text": "review"}, {"data": shared("reviews")}, "review", "label")
    lake.refuse("features.engineer", {"features": {"x": "price / size"}}, {"data": shared("houses")}, "size", "area_m2")


# train

@pytest.mark.parametrize("name,arguments", [
    ("xgboost.train", {"n_estimators": "80", "max_depth": 3, "params": {"subsample": "0.8"}}),
    ("lightgbm.train", {"num_leaves": 7, "n_estimators": 80}),
    ("catboost.train", {"iterations": 80, "depth": 4}),
    ("sklearn.train", {"estimator": "random_forest", "params": {"min_samples_leaf": 3}}),
    ("sklearn.train", {"estimator": "logistic_regression"}),
    ("sklearn.train", {"estimator": "svm"}),
])
def test_train_classifier(lake, shared, name, arguments):
    result = lake.run(name, {"target": "churn", "seed": 1, **arguments}, {"data": shared("clean")["data"]})
    facts = json.loads((pathlib.Path(result["model"]) / "model.json").read_text())
    assert facts["task"] == "classification" and facts["classes"] == [0, 1] and "customer_id" not in facts["features"]
    assert result.value("rows") == 960 and len(result.table("holdout")) == 240
    assert facts["scores"]["auc"] > 0.7 and facts["scored_on"] == "holdout" and result.value("score") > 0.65
    if name != "sklearn.train":
        check = lake.run("model.evaluate", {"metrics": ["auc"]}, {"model": result["model"], "data": result["holdout"]})
        assert abs(check.value("auc") - facts["scores"]["auc"]) < 1e-4 and check.last.startswith("auc=")


@pytest.mark.parametrize("name,arguments", [
    ("xgboost.train", {}), ("lightgbm.train", {}), ("catboost.train", {"iterations": 150}),
    ("sklearn.train", {"estimator": "ridge"}), ("sklearn.train", {"estimator": "gradient_boosting"}),
])
def test_train_regressor(lake, shared, name, arguments):
    result = lake.run(name, {"target": "price", **arguments}, {"data": shared("houses")})
    facts = json.loads((pathlib.Path(result["model"]) / "model.json").read_text())
    assert facts["task"] == "regression" and facts["scores"]["r2"] > 0.85 and result.value("score") > 0.85
    assert set(facts["scores"]) == {"rmse", "mse", "mae", "r2"}


@pytest.mark.parametrize("estimator", ["extra_trees", "decision_tree", "hist_gradient_boosting", "adaboost", "naive_bayes", "mlp"])
def test_other_estimators(lake, shared, estimator):
    result = lake.run("sklearn.train", {"estimator": estimator, "target": "species", "test_size": 0.3}, {"data": shared("iris")})
    assert result.value("score") > (0.6 if estimator == "mlp" else 0.85)
    assert result.table("holdout")["species"].value_counts().tolist() == [15, 15, 15]


@pytest.mark.parametrize("estimator", ["lasso", "elastic_net"])
def test_linear_estimators(lake, shared, estimator):
    assert lake.run("sklearn.train", {"estimator": estimator, "target": "price"}, {"data": shared("houses")}).value("score") > 0.7


def test_train_on_text_and_strange_columns(lake, shared, tmp_path):
    result = lake.run("sklearn.train", {"estimator": "logistic_regression", "target": "label"}, {"data": shared("reviews")})
    assert result.value("score") > 0.9
    frame = pandas.read_csv(DATA / "houses.csv").head(300)
    frame["sold"] = pandas.date_range("2020-01-01", periods=300, freq="D", tz="UTC")
    frame.loc[5, "sold"] = pandas.NaT
    frame["flag"] = pandas.Series([True, None, False] * 100, dtype="boolean")
    frame["rooms"] = frame["rooms"].astype("Int64")
    frame.loc[3, "rooms"] = pandas.NA
    frame["tags"] = [["a"], ["b", "c"], None] * 100
    frame["nothing"] = None
    frame["town"] = frame["town"].astype("category")
    frame.to_parquet(tmp_path / "odd")
    for name, more in (("xgboost.train", {}), ("sklearn.train", {"estimator": "ridge"})):
        odd = lake.run(name, {"target": "price", **more}, {"data": str(tmp_path / "odd")})
        assert odd.value("score") > 0.8 and "tags" in odd.stdout and "nothing" in odd.stdout
        guess = lake.run("model.predict", {}, {"model": odd["model"], "data": str(tmp_path / "odd")})
        assert guess.table("predictions")["prediction"].notna().all()


def test_training_is_repeatable(lake, shared):
    arguments = {"target": "churn", "test_size": 0, "n_estimators": 60, "max_depth": 3}
    again = lake.run("xgboost.train", arguments, {"data": shared("split")["train"]})
    first = pathlib.Path(shared("xgboost")["model"], "model.json").read_text()
    assert pathlib.Path(again["model"], "model.json").read_text() == first


def test_train_without_holdout(shared):
    result = shared("xgboost")
    assert len(result.table("holdout")) == 0 and result.value("rows") == 900 and "training rows" in result.last


def test_train_refuses(lake, shared, tmp_path):
    data = {"data": shared("houses")}
    ridge = {"estimator": "ridge"}
    lake.refuse("catboost.train", {"target": "prize"}, data, "prize", "area_m2")
    lake.refuse("catboost.train", {"target": "price", "depth": "many"}, data, "depth", "many")
    lake.refuse("sklearn.train", {**ridge, "features": ["price", "rooms"]}, data, "price", "feature")
    lake.refuse("sklearn.train", {**ridge, "target": "price"}, {"data": str(tmp_path / "gone")}, "data", "gone")
    lake.refuse("sklearn.train", {**ridge, "target": "price"}, {}, "data", "not connected")
    lake.refuse("sklearn.train", {"estimator": "ridge", "target": "town", "task": "regression"}, data, "town", "not a number")
    lake.refuse("sklearn.train", {"estimator": "ridge", "target": "price", "params": {"trees": 3}}, data, "trees", "alpha")
    lake.refuse("sklearn.train", {"estimator": "lasso", "target": "town", "task": "classification"}, data, "lasso")
    pandas.DataFrame({"a": [], "b": []}).to_parquet(tmp_path / "empty")
    lake.refuse("sklearn.train", {"estimator": "ridge", "target": "b"}, {"data": str(tmp_path / "empty")}, "no rows")
    pandas.DataFrame({"a": range(9), "b": ["x"] * 9}).to_parquet(tmp_path / "one")
    lake.refuse("sklearn.train", {**ridge, "target": "b"}, {"data": str(tmp_path / "one")}, "same b")


def test_kmeans(lake, shared):
    result = lake.run("kmeans.train", {"clusters": 3, "columns": ["petal_length", "petal_width"]}, {"data": shared("iris")})
    table = result.table()
    assert table.groupby("cluster")["species"].agg(lambda kinds: kinds.value_counts(normalize=True).iloc[0]).min() > 0.9
    assert result.value("silhouette") > 0.5 and result.value("inertia") > 0
    check = lake.run("model.evaluate", {"metrics": ["silhouette"]}, {"model": result["model"], "data": shared("iris")})
    assert abs(check.value("silhouette") - result.value("silhouette")) < 1e-5
    assert lake.run("model.predict", {}, {"model": result["model"], "data": shared("iris")}).table("predictions")["prediction"].equals(table["cluster"].astype("int32"))
    lake.refuse("kmeans.train", {"clusters": 500}, {"data": shared("iris")}, "500")


def test_isolation_forest(lake, shared):
    chosen = lake.run("data.select", {"drop": ["time", "machine"]}, {"data": shared("sensors")})["data"]
    result = lake.run("sklearn.train", {"estimator": "isolation_forest", "target": "faulty", "params": {"contamination": 0.03}}, {"data": chosen})
    assert 0.01 < result.value("score") < 0.08
    table = lake.run("model.predict", {"column": "odd"}, {"model": result["model"], "data": chosen}).table("predictions")
    assert table[table["faulty"]]["odd"].mean() > 0.8 and table[~table["faulty"]]["odd"].mean() < 0.03


def test_search(lake, shared):
    result = lake.run("tune.search", {"target": "churn", "estimator": "logistic_regression", "metric": "auc", "trials": 4}, {"data": shared("clean")["data"]})
    assert result.value("best_score") > 0.75 and len(result.table("trials")) == 4
    assert result.table("trials")["auc"].max() == pytest.approx(result.value("best_score"), rel=1e-4)
    grid = lake.run("tune.search", {"target": "price", "estimator": "xgboost", "method": "grid", "metric": "rmse", "folds": 2,
                                    "space": {"max_depth": [2, 4], "n_estimators": {"min": 20, "max": 60}}}, {"data": shared("houses")})
    assert len(grid.table("trials")) == 10 and grid.value("best_score") == pytest.approx(grid.table("trials")["rmse"].min(), rel=1e-4)
    assert grid.value("score") > 0.85
    lake.refuse("tune.search", {"target": "price", "metric": "auc"}, {"data": shared("houses")}, "auc", "r2")
    lake.refuse("tune.search", {"target": "price", "space": {"depth": [1]}}, {"data": shared("houses")}, "depth", "max_depth")


@pytest.mark.parametrize("arguments, of", [
    ({"target": "churn", "estimator": "knn", "metric": "f1", "trials": 7}, 3),
    ({"target": "price", "estimator": "ridge", "method": "grid", "metric": "rmse", "space": {"alpha": [0.1, 1, 10]}, "test_size": 0}, 4),
])
def test_shared_search(lake, shared, arguments, of):
    """Parts of a search and the choice among them give what the one step gives."""
    data = {"data": shared("clean")["data"] if arguments["target"] == "churn" else shared("houses")}
    alone = lake.run("tune.search", {**arguments, "metrics": ["r2" if of == 4 else "auc"]}, data)
    parts = [lake.run("_inner/tune.part", {**arguments, "part": {"number": number, "of": of}}, data) for number in range(1, of + 1)]
    tried = [len(part.json("points")) for part in parts]
    assert sum(tried) == len(alone.table("trials")) and max(tried) - min(tried) <= 1
    best = lake.run("_inner/tune.best", {**arguments, "metrics": ["r2" if of == 4 else "auc"]},
                    {**data, "points": [part["points"] for part in reversed(parts)]})
    assert best.table("trials").equals(alone.table("trials"))
    for value in ("best_score", "score", "rows", "r2" if of == 4 else "auc"):
        assert best.value(value) == alone.value(value), value
    assert best.table("holdout").equals(alone.table("holdout"))


# evaluate, compare, select, predict

def test_evaluate(lake, shared):
    names = ["accuracy", "auc", "f1", "precision", "recall", "logloss"]
    inputs = {"model": shared("xgboost")["model"], "data": shared("split")["test"]}
    result = lake.run("model.evaluate", {"metrics": names}, inputs)
    assert list(result.json()) == names and result.value("auc") > 0.75 and result.value("accuracy") > 0.7
    assert result.value("score") == result.value("accuracy") and result.value("rows") == 300
    import joblib
    from sklearn.metrics import roc_auc_score
    test = shared("split").table("test")
    core = joblib.load(pathlib.Path(inputs["model"], "model.joblib"))
    assert result.json()["auc"] == pytest.approx(roc_auc_score(test["churn"], core.predict_proba(test)[:, 1]), abs=1e-6)
    price = lake.run("model.evaluate", {}, {"model": shared("houses_linear")["model"], "data": shared("houses_linear")["holdout"]})
    assert set(price.json()) == {"rmse", "mse", "mae", "r2"} and price.json()["rmse"] == pytest.approx(price.json()["mse"] ** 0.5)
    lake.refuse("model.evaluate", {"metrics": ["rmse"]}, inputs, "rmse", "accuracy")
    lake.refuse("model.evaluate", {}, {**inputs, "data": shared("houses")}, "churn")
    lake.refuse("model.evaluate", {}, {**inputs, "data": shared("xgboost")["holdout"]}, "no rows")
    lake.refuse("model.evaluate", {}, {**inputs, "model": shared("split")["test"]}, "no model")


def test_evaluate_several_classes(lake, shared):
    made = lake.run("xgboost.train", {"target": "species", "n_estimators": 20}, {"data": shared("iris")})
    result = lake.run("model.evaluate", {"metrics": ["auc", "f1", "accuracy", "logloss"]}, {"model": made["model"], "data": made["holdout"]})
    assert result.value("auc") > 0.95 and result.value("f1") > 0.85 and result.value("logloss") < 0.5
    guess = lake.run("model.predict", {}, {"model": made["model"], "data": made["holdout"]}).table("predictions")
    assert (guess["prediction"] == guess["species"]).mean() == pytest.approx(result.json()["accuracy"])


def test_compare_and_select(lake, shared):
    models = [shared("forest")["model"], shared("xgboost")["model"]]
    inputs = {"models": models, "data": shared("split")["test"]}
    result = lake.run("model.compare", {"metric": "auc"}, inputs)
    report = result.json()
    scores = {row["model"]: row["auc"] for row in report["models"]}
    assert set(scores) == {"xgboost", "random_forest"} and result.value("best") == max(scores, key=scores.get)
    assert result.value("best_score") == pytest.approx(max(scores.values()), rel=1e-5)
    best = {"xgboost": models[1], "random_forest": models[0]}[report["best"]]
    by_report = lake.run("model.select", {}, {"models": models[::-1], "metrics": [result["metrics"]]})
    by_table = lake.run("model.select", {"metric": "auc"}, inputs)
    singles = [lake.run("model.evaluate", {"metrics": ["auc"]}, {"model": path, "data": inputs["data"]})["metrics"] for path in models]
    by_metrics = lake.run("model.select", {"metric": "auc"}, {"models": models, "metrics": singles})
    for chosen in (by_report, by_table, by_metrics):
        assert chosen.value("best") == report["best"] and chosen.value("best_score") == pytest.approx(report["best_score"], rel=1e-5)
        assert (pathlib.Path(chosen["model"]) / "model.joblib").read_bytes() == (pathlib.Path(best) / "model.joblib").read_bytes()
    same = lake.run("model.compare", {}, {"models": [models[0], models[0]], "data": inputs["data"]}).json()
    assert {row["model"] for row in same["models"]} == {"random_forest", "random_forest-2"} and same["metric"] == "accuracy"
    lake.refuse("model.select", {}, {"models": [models[0], shared("houses_linear")["model"]]}, "same task")
    lake.refuse("model.select", {}, {}, "models")


def test_select_by_training_score(lake, shared):
    poor = lake.run("sklearn.train", {"estimator": "knn", "target": "price"}, {"data": shared("houses")})
    result = lake.run("model.select", {}, {"models": [poor["model"], shared("houses_linear")["model"]]})
    scores = {}
    for path in (poor["model"], shared("houses_linear")["model"]):
        facts = json.loads((pathlib.Path(path) / "model.json").read_text())
        scores[facts["name"]] = facts["scores"]["rmse"]
    assert result.value("best") == min(scores, key=scores.get) and "rmse" in result.last


def test_predict(lake, shared, tmp_path):
    inputs = {"model": shared("xgboost")["model"], "data": shared("split")["test"]}
    result = lake.run("model.predict", {"output": str(tmp_path / "deep" / "p.csv")}, inputs)
    table = result.table("predictions")
    assert len(table) == 300 and table["prediction"].isin([0, 1]).all() and table["prediction_probability"].between(0, 1).all()
    assert ((table["prediction_probability"] > 0.5) == (table["prediction"] == 1)).all()
    assert len(pandas.read_csv(tmp_path / "deep" / "p.csv")) == 300
    unknown = lake.run("data.select", {"drop": ["churn"]}, {"data": inputs["data"]})["data"]
    assert lake.run("model.predict", {}, {**inputs, "data": unknown}).table("predictions")["prediction"].equals(table["prediction"])
    lake.refuse("model.predict", {}, {**inputs, "data": shared("houses")}, "age", "area_m2")


# save, deploy, copy, report

def test_chain(lake, tmp_path):
    data = lake.load("churn.csv")
    clean = lake.run("data.clean", {"operations": ["drop_duplicates", "fill_missing"]}, {"data": data})
    parts = lake.run("data.split", {"stratify": "churn"}, {"data": clean["data"]})
    models, measured = [], []
    for name, more in (("lightgbm.train", {"n_estimators": 60}), ("sklearn.train", {"estimator": "logistic_regression"})):
        made = lake.run(name, {"target": "churn", "test_size": "0", **more}, {"data": parts["train"]})
        models.append(made["model"])
        measured.append(lake.run("model.evaluate", {"metrics": ["auc"]}, {"model": made["model"], "data": parts["test"]}))
    best = lake.run("model.select", {"metric": "auc"}, {"models": models, "metrics": [step["metrics"] for step in measured]})
    assert best.value("best_score") == pytest.approx(max(step.value("auc") for step in measured), rel=1e-5) and best.value("best_score") > 0.75
    lake.run("model.deploy", {"location": str(tmp_path / "live"), "version": "v1"}, {"model": best["model"]})
    again = lake.run("model.evaluate", {"metrics": ["auc"]}, {"model": str(tmp_path / "live" / "v1"), "data": parts["test"]})
    assert again.value("auc") == best.value("best_score")
    saved = lake.run("data.save", {"destination": str(tmp_path / "saved")}, {"input": best["model"]})
    assert (tmp_path / "saved" / "model.json").is_file() and saved.value("uri") == str(tmp_path / "saved")
    report = lake.run("report.write", {"title": "Churn"}, {"metrics": [step["metrics"] for step in measured]})
    assert "# Churn" in pathlib.Path(report["report"]).read_text()


def test_save(lake, shared, tmp_path):
    table = pandas.read_parquet(shared("sales"))
    for ending, reader in ((".csv", pandas.read_csv), (".parquet", pandas.read_parquet), (".xlsx", pandas.read_excel),
                           (".jsonl", lambda path: pandas.read_json(path, lines=True)), (".json", pandas.read_json)):
        target = tmp_path / "new" / f"sales{ending}"
        result = lake.run("data.save", {"destination": str(target)}, {"input": shared("sales")})
        assert len(reader(target)) == 1500 and reader(target)["revenue"].sum() == pytest.approx(table["revenue"].sum()), ending
        assert result.last == f"uri={target}"
    assert lake.run("data.save", {"destination": f"{tmp_path}/out/", "format": "csv"}, {"input": shared("sales")}).value("uri") == f"{tmp_path}/out/data.csv"
    (tmp_path / "note.md").write_text("# hi\n")
    lake.run("data.save", {"destination": f"file://{tmp_path}/out/"}, {"input": str(tmp_path / "note.md")})
    assert (tmp_path / "out" / "note.md").read_text() == "# hi\n"
    lake.refuse("data.save", {"destination": "http://127.0.0.1:1/x"}, {"input": str(tmp_path / "note.md")}, "http://127.0.0.1:1/x")


def test_storage_by_fsspec(lake, shared, tmp_path):
    """s3:// through fsspec, against a server on this machine."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        env = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
        import s3fs
        s3fs.S3FileSystem(key="a", secret="b", endpoint_url=env["AWS_ENDPOINT_URL"]).mkdir("lake")
        lake.run("data.save", {"destination": "s3://lake/in/sales.csv"}, {"input": shared("sales")}, environment=env)
        assert lake.run("data.load", {"source": "s3://lake/in/sales.csv"}, environment=env).value("rows") == 1500
        lake.run("model.deploy", {"location": "s3://lake/models/a"}, {"model": shared("xgboost")["model"]}, environment=env)
        lake.run("file.copy", {"source": "s3://lake/models/a", "destination": str(tmp_path / "a")}, environment=env)
        assert sorted(os.listdir(tmp_path / "a")) == ["model.joblib", "model.json"]
        lake.refuse("data.load", {"source": "s3://lake/in/none.csv"}, {}, "s3://lake/in/none.csv", environment=env)
    finally:
        server.stop()


def test_copy_and_deploy(lake, shared, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.txt").write_text("a")
    (tmp_path / "in" / "deep" / "b.txt").write_text("bb")
    result = lake.run("file.copy", {"source": str(tmp_path / "in"), "destination": str(tmp_path / "out")})
    assert (tmp_path / "out" / "deep" / "b.txt").read_text() == "bb" and result.last == "files=2 bytes=3"
    one = lake.run("file.copy", {"source": str(tmp_path / "in" / "a.txt"), "destination": str(tmp_path / "two") + "/"})
    assert (tmp_path / "two" / "a.txt").read_text() == "a" and one.value("files") == 1
    lake.refuse("file.copy", {"source": str(tmp_path / "none"), "destination": "x"}, {}, "none")
    done = lake.run("model.deploy", {"location": f"file://{tmp_path}/models/churn/"}, {"model": shared("forest")["model"]})
    assert sorted(os.listdir(tmp_path / "models" / "churn")) == ["model.joblib", "model.json"] and done.value("uri").endswith("models/churn")


def test_report(lake, shared, tmp_path):
    (tmp_path / "m").write_text(json.dumps({"auc": 0.91234, "f1": 0.5}))
    (tmp_path / "n").write_text(json.dumps({"auc": 0.8}))
    (tmp_path / "c").write_text(json.dumps({"metric": "auc", "best": "a", "models": [{"model": "a", "digest": "1", "auc": 0.9}, {"model": "b|c", "digest": "2", "auc": 0.8}]}))
    (tmp_path / "t").write_text("Free <text>\nof a step")
    inputs = {"metrics": [str(tmp_path / "m"), str(tmp_path / "n"), str(tmp_path / "c")], "texts": [str(tmp_path / "t")]}
    text = pathlib.Path(lake.run("report.write", {"title": "Churn", "note": "Nightly run"}, inputs)["report"]).read_text()
    for line in ("# Churn", "Nightly run", "| metric | value 1 | value 2 |", "| auc | 0.9123 | 0.8 |", "| f1 | 0.5 |  |", "| b\\|c | 0.8 |", "Free <text>"):
        assert line in text.splitlines(), text
    page = lake.run("report.write", {"title": "A & B", "format": "html", "output": str(tmp_path / "r.html")}, inputs)
    text = (tmp_path / "r.html").read_text()
    assert text == pathlib.Path(page["report"]).read_text() and "<h1>A &amp; B</h1>" in text and "Free &lt;text&gt;" in text and "<td>0.9123</td>" in text
    lake.refuse("report.write", {}, {}, "nothing to report")


def test_git_clone(lake, tmp_path):
    source, who = tmp_path / "repo", ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(source)], check=True)
    for i in range(2):
        (source / "code.py").write_text(f"print({i})\n")
        subprocess.run(["git", "-C", str(source), "add", "."], check=True)
        subprocess.run(["git", "-C", str(source), *who, "commit", "-q", "-m", str(i)], check=True)
    first = subprocess.run(["git", "-C", str(source), "rev-parse", "HEAD~1"], capture_output=True, text=True).stdout.strip()
    result = lake.run("git.clone", {"repository": f"file://{source}"})
    assert (pathlib.Path(result["code"]) / "code.py").read_text() == "print(1)\n"
    old = lake.run("git.clone", {"repository": f"file://{source}", "branch": first})
    assert (pathlib.Path(old["code"]) / "code.py").read_text() == "print(0)\n" and old.last == f"commit={first}"
    lake.refuse("git.clone", {"repository": f"file://{tmp_path}/none"}, {}, "none")
    lake.refuse("git.clone", {"repository": f"file://{source}", "branch": "nobranch"}, {}, "nobranch")


# the net: everything on 127.0.0.1

@pytest.fixture
def web():
    class Handler(http.server.BaseHTTPRequestHandler):
        seen = []

        def answer(self, code, body=b"ok"):
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            file = DATA / self.path.lstrip("/").split("?")[0]
            self.answer(200, file.read_bytes()) if file.is_file() else self.answer(404, b"no such file")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.seen.append((self.path, json.loads(body), dict(self.headers)))
            self.answer(403 if self.path == "/closed" else 200, b"invalid_token" if self.path == "/closed" else b"ok")

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Handler.seen
    server.shutdown()
    server.server_close()


def test_http(lake, web):
    base, _ = web
    assert lake.run("data.load", {"source": f"{base}/churn.csv?version=3"}).value("rows") == 1230
    import hashlib
    right = hashlib.sha256((DATA / "iris.csv").read_bytes()).hexdigest()
    got = lake.run("data.download", {"url": f"{base}/iris.csv", "sha256": right})
    assert pathlib.Path(got["file"]).read_bytes() == (DATA / "iris.csv").read_bytes()
    assert got.value("bytes") == (DATA / "iris.csv").stat().st_size
    lake.refuse("data.download", {"url": f"{base}/iris.csv", "sha256": "0" * 64}, {}, "0" * 64)
    lake.refuse("data.download", {"url": f"{base}/gone.bin"}, {}, "gone.bin", "404")


def test_slack_and_webhook(lake, web, tmp_path):
    base, seen = web
    (tmp_path / "m").write_text(json.dumps({"auc": 0.91234}))
    lake.run("notify.slack", {"message": "done", "channel": "#ml"}, {"metrics": str(tmp_path / "m")}, environment={"SLACK_WEBHOOK_URL": f"{base}/slack"})
    assert seen[-1][:2] == ("/slack", {"text": "done\nauc: 0.9123", "channel": "#ml"})
    lake.refuse("notify.slack", {"message": "done"}, {}, "SLACK_WEBHOOK_URL")
    lake.refuse("notify.slack", {"message": "done"}, {}, "invalid_token", environment={"SLACK_WEBHOOK_URL": f"{base}/closed"})
    result = lake.run("notify.webhook", {"url": f"{base}/hook", "message": "fertig ✓"}, {"metrics": str(tmp_path / "m")}, environment={"WEBHOOK_TOKEN": "t"})
    assert seen[-1][:2] == ("/hook", {"message": "fertig ✓", "metrics": {"auc": 0.91234}}) and seen[-1][2]["Authorization"] == "Bearer t"
    assert result.value("code") == 200
    lake.refuse("notify.webhook", {"url": f"{base}/closed", "message": "x"}, {}, "/closed", "403")
    lake.refuse("notify.webhook", {"url": "file:///etc/hosts", "message": "x"}, {}, "not a web address")


class MailSink(socketserver.StreamRequestHandler):
    """As much SMTP as a client without TLS and login needs; keeps the messages."""

    def handle(self):
        self.wfile.write(b"220 sink\r\n")
        while line := self.rfile.readline():
            word = line.strip().upper()[:4]
            if word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                rows = []
                while (row := self.rfile.readline()) != b".\r\n":
                    rows.append(row)
                self.server.mails.append(b"".join(rows))
            elif word == b"RCPT":
                self.server.receivers.append(line.decode())
                if b"refused@" in line:
                    self.wfile.write(b"550 no such user\r\n")
                    continue
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                break


def test_email(lake, tmp_path):
    import email
    import email.policy
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailSink) as server:
        server.mails, server.receivers = [], []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        env = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(server.server_address[1])}
        (tmp_path / "r").write_text("# Report\n\nauc 0.9\n")
        (tmp_path / "m").write_text(json.dumps({"auc": 0.9}))
        lake.run("notify.email", {"to": ["ann@acme.com", "bob@acme.com"], "subject": "Training\nis done", "body": "All is well."},
                 {"report": str(tmp_path / "r"), "metrics": str(tmp_path / "m")}, environment=env)
        mail = email.message_from_bytes(server.mails[0], policy=email.policy.default)
        assert mail["To"] == "ann@acme.com, bob@acme.com" and mail["Subject"] == "Training is done" and len(server.receivers) == 2
        assert mail.get_body().get_content().split() == "All is well. auc: 0.9".split()
        assert [part.get_content().replace("\r\n", "\n") for part in mail.iter_attachments()] == ["# Report\n\nauc 0.9\n"]
        lake.refuse("notify.email", {"to": ["refused@acme.com"], "subject": "x"}, {}, "127.0.0.1", "no such user", environment=env)
        server.shutdown()
    lake.refuse("notify.email", {"to": "ann@acme.com", "subject": "x"}, {}, "SMTP_HOST")
    lake.refuse("notify.email", {"to": ["ann"], "subject": "x"}, {}, "ann", environment=env)


# heavy packages: run where they are installed

def test_torch_mlp(lake, shared):
    pytest.importorskip("torch")
    made = lake.run("torch.train", {"target": "churn", "epochs": 20}, {"data": shared("clean")["data"]})
    check = lake.run("model.evaluate", {"metrics": ["auc"]}, {"model": made["model"], "data": made["holdout"]})
    assert check.value("auc") > 0.7
    price = lake.run("torch.train", {"target": "price", "epochs": 60, "hidden": [32], "learning_rate": 0.01}, {"data": shared("houses")})
    assert price.value("score") > 0.8
    assert lake.run("model.predict", {}, {"model": price["model"], "data": price["holdout"]}).value("rows") == 160


def tiny_language_model(folder, causal):
    """A transformer with random weights and a word tokenizer, small enough for a test."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.train_from_iterator(pandas.read_csv(DATA / "reviews.csv")["text"], trainers.WordLevelTrainer(special_tokens=["[PAD]", "[UNK]", "[END]"]))
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", eos_token="[END]", model_max_length=64).save_pretrained(folder)
    size = {"vocab_size": 200, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    (LlamaForCausalLM(LlamaConfig(**size)) if causal else BertForSequenceClassification(BertConfig(**size))).save_pretrained(folder)
    return str(folder)


def test_finetune_text_model(lake, shared, tmp_path):
    for package in ("torch", "transformers", "accelerate"):
        pytest.importorskip(package)
    base = tiny_language_model(tmp_path / "base", False)
    made = lake.run("torch.finetune", {"text": "text", "label": "label", "model": base, "epochs": 6, "learning_rate": 0.005}, {"data": shared("reviews")})
    assert made.value("score") > 0.85
    guess = lake.run("model.predict", {}, {"model": made["model"], "data": made["holdout"]}).table("predictions")
    assert set(guess["prediction"]) == {"positive", "negative"}
    lake.refuse("torch.finetune", {"text": "text", "label": "mood", "model": base}, {"data": shared("reviews")}, "mood")
    lake.refuse("torch.finetune", {"text": "text", "label": "label", "model": str(tmp_path / "none")}, {"data": shared("reviews")}, "none")


def test_finetune_language_model(lake, shared, tmp_path):
    for package in ("torch", "transformers", "accelerate", "peft"):
        pytest.importorskip(package)
    base = tiny_language_model(tmp_path / "base", True)
    made = lake.run("llm.finetune", {"base_model": base, "epochs": 1, "lora_rank": 4, "batch_size": 16, "max_length": 32}, {"data": shared("reviews")})
    assert (pathlib.Path(made["model"]) / "adapter_model.safetensors").is_file() and 0 < made.value("loss") < 10


def test_load_huggingface(lake, tmp_path):
    pytest.importorskip("datasets")
    (tmp_path / "set").mkdir()
    pandas.read_csv(DATA / "reviews.csv").to_csv(tmp_path / "set" / "train.csv", index=False)
    env = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    result = lake.run("data.load_huggingface", {"dataset": str(tmp_path / "set"), "max_rows": 50}, environment=env)
    assert result.value("rows") == 50 and list(result.table().columns) == ["text", "label"]
    lake.refuse("data.load_huggingface", {"dataset": "acme/none"}, {}, "acme/none", environment=env)


def test_register(lake, shared, tmp_path):
    pytest.importorskip("mlflow")
    server = (tmp_path / "mlruns").as_uri()
    for version in (1, 2):
        result = lake.run("model.register", {"name": "churn", "tracking_uri": server, "alias": "champion"}, {"model": shared("forest")["model"]})
        assert result.value("version") == version
    lake.refuse("model.register", {"name": "churn"}, {"model": shared("forest")["model"]}, "MLFLOW_TRACKING_URI")
