"""What the arguments of components do that the tests of the components themselves leave out."""
import json
import os
import pathlib
import zipfile

import numpy
import pandas
import pytest

from conftest import DATA


def facts(result):
    return json.loads((pathlib.Path(result["model"]) / "model.json").read_text())


# the column to predict, as it travels

def test_target_is_handed_on(lake, shared):
    data = lake.run("data.load", {"source": str(DATA / "churn.csv"), "target": "churn"})["data"]
    clean = lake.run("data.clean", {"operations": ["drop_duplicates"]}, {"data": data})
    renamed = lake.run("data.select", {"rename": {"churn": "left"}, "sort_by": ["age"]}, {"data": clean["data"]})
    parts = lake.run("data.split", {"stratify": True}, {"data": renamed["data"]})
    assert "stratified by left, the target" in parts.stdout
    train, test = parts.table("train"), parts.table("test")
    assert abs(train["left"].mean() - test["left"].mean()) < 0.01
    made = lake.run("sklearn.train", {"estimator": "logistic_regression"}, {"data": parts["train"]})
    assert facts(made)["target"] == "left" and "as a step before named it" in made.stdout
    by_split = lake.run("data.split", {"stratify": "town"}, {"data": shared("houses")})
    made = lake.run("sklearn.train", {"estimator": "naive_bayes"}, {"data": by_split["train"]})
    assert facts(made)["target"] == "town"
    last = lake.run("sklearn.train", {"estimator": "ridge"}, {"data": shared("houses")})
    assert facts(last)["target"] == "price" and "the last one" in last.stdout


# training

@pytest.mark.parametrize("name, more", [
    ("xgboost.train", {"n_estimators": 400, "learning_rate": 0.3}), ("lightgbm.train", {"n_estimators": 400, "learning_rate": 0.3}),
    ("catboost.train", {"iterations": 400, "learning_rate": 0.3}), ("sklearn.train", {"estimator": "hist_gradient_boosting"}),
])
def test_features_weights_and_early_stopping(lake, shared, name, more):
    frame = shared("clean").table()
    frame["weight"] = numpy.where(frame["churn"] == 1, 3.0, 1.0)
    path = str(lake.folder / "weighted")
    frame.to_parquet(path)
    features = ["age", "tenure_months", "plan", "contract"]
    made = lake.run(name, {"target": "churn", "features": features, "sample_weight": "weight", "early_stopping": 5,
                           "categorical": ["age"], **more}, {"data": path})
    assert facts(made)["features"] == features
    if name != "sklearn.train":
        assert "early stopping on" in made.stdout
        kept = int(made.stdout.split(" keeps ")[1].split()[0])
        assert 1 <= kept < 400
    plain = lake.run(name, {"target": "churn", "features": features, **more}, {"data": path})
    rate = [lake.run("model.predict", {}, {"model": step["model"], "data": path}).table("predictions")["prediction"].mean() for step in (made, plain)]
    assert rate[0] > rate[1], "rows with a greater weight must weigh more"


def test_class_weight_folds_and_output(lake, shared, tmp_path):
    data = {"data": shared("clean")["data"]}
    common = {"target": "churn", "estimator": "logistic_regression", "metrics": ["recall", "balanced_accuracy", "mcc"]}
    plain = lake.run("sklearn.train", common, data)
    even = lake.run("sklearn.train", {**common, "class_weight": "balanced", "folds": 4, "output": str(tmp_path / "models" / "churn")}, data)
    by_hand = lake.run("sklearn.train", {**common, "class_weight": {"1": 5, "0": 1}}, data)
    assert plain.value("recall") < even.value("recall") < by_hand.value("recall")
    assert facts(even)["cross_validation"]["folds"] == 4 and 0.6 < facts(even)["cross_validation"]["auc"] < 1
    again = lake.run("model.evaluate", {"metrics": ["recall"]}, {"model": str(tmp_path / "models" / "churn"), "data": even["holdout"]})
    assert again.value("recall") == even.value("recall")
    lake.refuse("sklearn.train", {**common, "class_weight": {"2": 5}}, data, "class_weight", "0, 1")
    lake.refuse("sklearn.train", {"estimator": "ridge", "target": "price", "class_weight": "balanced"}, {"data": shared("houses")}, "class_weight")
    lake.refuse("sklearn.train", {**common, "metrics": [], "estimator": "knn", "class_weight": "balanced"}, data, "knn", "weight")
    lake.refuse("sklearn.train", {**common, "sample_weight": "contract"}, data, "contract", "weights")
    lake.refuse("sklearn.train", {**common, "estimator": "random_forest", "early_stopping": 5}, data, "random_forest", "early_stopping")
    lake.refuse("sklearn.train", {**common, "features": ["age", "income"]}, data, "income")


@pytest.mark.parametrize("estimator", ["sgd", "linear_svm", "lda", "bagging", "dummy", "gaussian_process"])
def test_further_classifiers(lake, shared, estimator):
    made = lake.run("sklearn.train", {"estimator": estimator, "target": "species"}, {"data": shared("iris")})
    assert made.value("score") > (0.2 if estimator == "dummy" else 0.8)


@pytest.mark.parametrize("estimator", ["bayesian_ridge", "huber", "poisson"])
def test_further_regressors(lake, shared, estimator):
    assert lake.run("sklearn.train", {"estimator": estimator, "target": "price"}, {"data": shared("houses")}).value("score") > 0.7


@pytest.mark.parametrize("estimator", ["one_class_svm", "local_outlier_factor"])
def test_anomalies(lake, tmp_path, estimator):
    rng = numpy.random.default_rng(0)
    frame = pandas.DataFrame({"a": [*rng.normal(size=300), 9, -9, 15], "b": [*rng.normal(size=300), 9, -9, -20], "odd": [False] * 300 + [True] * 3})
    frame.to_parquet(tmp_path / "t")
    made = lake.run("sklearn.train", {"estimator": estimator, "features": ["a", "b"], "test_size": 0}, {"data": str(tmp_path / "t")})
    table = lake.run("model.predict", {}, {"model": made["model"], "data": str(tmp_path / "t")}).table("predictions")
    assert table[table["odd"]]["prediction"].all() and table[~table["odd"]]["prediction"].mean() < 0.15


def test_kmeans_arguments(lake, shared):
    made = lake.run("kmeans.train", {"clusters": 3, "features": ["petal_length", "petal_width"], "column": "group", "max_iterations": 50},
                    {"data": shared("iris")})
    assert made.table()["group"].nunique() == 3 and facts(made)["features"] == ["petal_length", "petal_width"]


def test_search_feeds_a_training(lake, shared):
    data = {"data": shared("clean")["data"]}
    search = lake.run("tune.search", {"target": "churn", "estimator": "xgboost", "method": "bayesian", "trials": 5, "parallel": 2, "seed": 3,
                                      "params": {"subsample": 0.7}, "features": ["age", "tenure_months", "plan", "contract"],
                                      "space": {"max_depth": {"min": 2, "max": 6}, "learning_rate": {"min": 0.01, "max": 0.3, "log": True}}}, data)
    best = search.json("best")
    assert best["estimator"] == "xgboost" and set(best["params"]) == {"subsample", "max_depth", "learning_rate"} == set(search.value("best_params"))
    assert 2 <= best["params"]["max_depth"] <= 6 and len(search.table("trials")) == 5
    made = lake.run("xgboost.train", {"target": "churn", "learning_rate": 0.2, "n_estimators": 30}, {**data, "params": search["best"]})
    import joblib
    model = joblib.load(pathlib.Path(made["model"], "model.joblib"))[-1]
    assert (model.max_depth, model.learning_rate, model.subsample) == (best["params"]["max_depth"], 0.2, 0.7)
    other = lake.run("lightgbm.train", {"target": "churn", "n_estimators": 20}, {**data, "params": search["best"]})
    assert "not used" in other.stdout
    folds = lake.run("model.cross_validate", {"target": "churn", "algorithm": "xgboost", "folds": 3}, {**data, "params": search["best"]})
    assert "best values" in folds.stdout
    report = lake.run("report.write", {}, {"metrics": [search["best"]]})
    assert "| max_depth |" in pathlib.Path(report["report"]).read_text()


def test_search_over_steps_and_time(lake, shared):
    grid = lake.run("tune.search", {"target": "price", "estimator": "catboost", "method": "random", "trials": 2, "folds": 2, "metric": "mape",
                                    "params": {"iterations": 30}, "space": {"depth": {"min": 2, "max": 6, "step": 2}}}, {"data": shared("houses")})
    assert set(grid.table("trials")["depth"]) <= {2, 4, 6} and grid.value("best_score") > 0
    short = lake.run("tune.search", {"target": "price", "estimator": "lasso", "trials": 50, "timeout": "1s", "method": "bayesian",
                                     "space": {"alpha": {"min": 0.001, "max": 10}}}, {"data": shared("houses")})
    assert 1 <= len(short.table("trials")) <= 50
    lake.refuse("tune.search", {"target": "price", "estimator": "ridge", "timeout": "soon"}, {"data": shared("houses")}, "timeout", "soon")


@pytest.mark.parametrize("of", [2])
def test_bayesian_search_in_parts(lake, shared, of):
    arguments = {"target": "churn", "estimator": "knn", "method": "bayesian", "trials": 5}
    data = {"data": shared("clean")["data"]}
    parts = [lake.run("_inner/tune.part", {**arguments, "part": {"number": number, "of": of}}, data) for number in range(1, of + 1)]
    best = lake.run("_inner/tune.best", arguments, {**data, "points": [part["points"] for part in parts]})
    assert len(best.table("trials")) == 5
    assert best.json("best")["best_score"] == pytest.approx(max(score for part in parts for _, score, _ in part.json("points")))


# cross-validation

def test_cross_validation(lake, shared, tmp_path):
    data = {"data": shared("clean")["data"]}
    made = lake.run("model.cross_validate", {"target": "churn", "algorithm": "random_forest", "folds": 4, "metrics": ["auc", "f1"]}, data)
    table = made.table("folds")
    assert len(table) == 4 and table["test_rows"].sum() == 1200 and made.value("auc") == pytest.approx(table["auc"].mean(), rel=1e-4)
    assert made.value("score") == made.value("auc") > 0.7 and made.value("deviation") > 0
    from_model = lake.run("model.cross_validate", {"folds": 3}, {**data, "model": shared("xgboost")["model"]})
    assert from_model.json()["algorithm"] == "xgboost" and from_model.value("rows") == 1200
    repeated = lake.run("model.cross_validate", {"algorithm": "ridge", "folds": 3, "repeats": 2}, {"data": shared("houses")})
    assert len(repeated.table("folds")) == 6 and repeated.value("score") > 0.8
    sales = pandas.read_parquet(shared("sales"))
    ordered = lake.run("model.cross_validate", {"target": "revenue", "algorithm": "ridge", "time": "date" if "date" in sales else sales.columns[0], "folds": 3},
                       {"data": shared("sales")})
    assert ordered.table("folds")["train_rows"].is_monotonic_increasing
    orders = lake.run("model.cross_validate", {"target": "amount", "algorithm": "linear_regression", "group": "customer_id", "folds": 3}, {"data": shared("orders")})
    assert orders.table("folds")["test_rows"].sum() == 1000
    lake.refuse("model.cross_validate", {"target": "price", "algorithm": "lda"}, {"data": shared("houses")}, "price")
    lake.refuse("model.cross_validate", {"target": "churn", "algorithm": "ridge", "params": {"trees": 1}}, data, "trees")


# load, save and what is between

def test_load_arguments(lake, tmp_path):
    (tmp_path / "old.csv").write_bytes("Erzeugt am 1.1.\nname;preis;tag;neu\nJörg;1,5;2024-05-01;ja\nÅsa;?;2024-06-01;nein\nZoë;3,5;2024-07-01;ja\n".encode("latin-1"))
    common = {"source": str(tmp_path / "old.csv"), "delimiter": ";", "encoding": "latin-1", "skip_rows": 1, "decimal": ",", "missing": ["?"]}
    table = lake.run("data.load", {**common, "dates": ["tag"], "types": {"name": "text"}}).table()
    assert table["name"].tolist() == ["Jörg", "Åsa", "Zoë"] and table["preis"].tolist()[::2] == [1.5, 3.5] and table["preis"].isna()[1]
    assert table["tag"].dt.month.tolist() == [5, 6, 7]
    assert lake.run("data.load", {**common, "limit": 2}).value("rows") == 2
    named = lake.run("data.load", {**common, "skip_rows": 2, "names": ["a", "b", "c", "d"]}).table()
    assert list(named.columns) == ["a", "b", "c", "d"] and len(named) == 3
    bare = lake.run("data.load", {**common, "skip_rows": 2, "header": False}).table()
    assert list(bare.columns) == ["column_0", "column_1", "column_2", "column_3"] and len(bare) == 3
    with pandas.ExcelWriter(tmp_path / "two.xlsx") as book:
        pandas.DataFrame({"a": [1]}).to_excel(book, sheet_name="first", index=False)
        pandas.DataFrame({"b": [2, 3]}).to_excel(book, sheet_name="second", index=False)
    assert lake.run("data.load", {"source": str(tmp_path / "two.xlsx"), "sheet": "second"}).table()["b"].tolist() == [2, 3]
    assert lake.run("data.load", {"source": str(tmp_path / "two.xlsx"), "sheet": 0}).table()["a"].tolist() == [1]
    for ending in ("feather", "orc"):
        getattr(pandas.read_csv(DATA / "iris.csv"), "to_" + ending)(tmp_path / ending)
        assert lake.run("data.load", {"source": str(tmp_path / ending)}).value("rows") == 150
    lake.refuse("data.load", {**common, "types": {"name": "number"}}, {}, "name", "number")
    lake.refuse("data.load", {**common, "names": ["a"]}, {}, "4 columns")
    lake.refuse("data.load", {**common, "encoding": "latin-99"}, {}, "latin-99")


def test_save_arguments(lake, shared, tmp_path):
    target = tmp_path / "out.csv.gz"
    lake.run("data.save", {"destination": str(target), "columns": ["order_id", "amount"], "delimiter": ";"}, {"input": shared("orders")})
    table = pandas.read_csv(target, sep=";")
    assert list(table.columns) == ["order_id", "amount"] and target.read_bytes()[:2] == b"\x1f\x8b"
    lake.run("data.save", {"destination": str(tmp_path / "grow.csv")}, {"input": shared("customers")})
    lake.run("data.save", {"destination": str(tmp_path / "grow.csv"), "mode": "append"}, {"input": shared("customers")})
    assert len(pandas.read_csv(tmp_path / "grow.csv")) == 400
    lake.refuse("data.save", {"destination": str(tmp_path / "grow.csv"), "mode": "fail"}, {"input": shared("customers")}, "there already")
    lake.run("data.save", {"destination": str(tmp_path / "parts"), "partition_by": ["region"]}, {"input": shared("sales")})
    assert {folder.name.split("=")[0] for folder in (tmp_path / "parts").iterdir()} == {"region"}
    for ending in ("tsv", "feather", "orc"):
        lake.run("data.save", {"destination": str(tmp_path / f"a.{ending}")}, {"input": shared("customers")})
        assert lake.run("data.load", {"source": str(tmp_path / f"a.{ending}")}).value("rows") == 200


def test_clean_arguments(lake, tmp_path):
    frame = pandas.DataFrame({"id": ["1", "1", "2", "3"], "Text": ["Hello, World!", "Hello, World!", "A-B", None], "same": 1, "gone": None,
                              "yes": ["yes", "yes", "no", "yes"], "x": [1.0, 1.0, 2.0, 90.0]})
    frame = pandas.concat([frame] + [pandas.DataFrame({"id": [str(i)], "Text": ["t"], "same": 1, "gone": None, "yes": ["no"], "x": [float(i % 13)]})
                                     for i in range(4, 30)], ignore_index=True)
    frame.to_parquet(tmp_path / "t")
    data = {"data": str(tmp_path / "t")}
    done = lake.run("data.clean", {"operations": ["drop_empty_columns", "drop_constant", "lowercase_text", "remove_punctuation", "convert_types", "clip_outliers"],
                                   "types": {"id": "integer", "yes": "boolean"}}, data).table()
    assert "gone" not in done and "same" not in done and done["id"].dtype == "int64" and done["yes"].dtype == bool
    assert done["Text"][0] == "hello world" and done["x"].max() < 90 and len(done) == len(frame)
    wide = lake.run("data.clean", {"operations": ["clip_outliers"], "outlier_factor": 100}, data).table()
    assert wide["x"].max() == 90
    assert lake.run("data.clean", {"operations": ["drop_duplicates"], "keep": "none"}, data).value("removed") == 2
    assert "Text" not in lake.run("data.clean", {"operations": ["drop_empty_columns"], "max_missing": 0.01}, data).table()
    lake.refuse("data.clean", {"types": {"Text": "number"}}, data, "Text", "number")


def test_filter_and_select_arguments(lake, shared):
    rest = lake.run("data.filter", {"expression": "country == 'DE'", "exclude": True, "columns": ["country", "age"]}, {"data": shared("churn")})
    assert "DE" not in set(rest.table()["country"].dropna()) and list(rest.table().columns) == ["country", "age"]
    assert lake.run("data.filter", {"expression": "age > 30", "limit": 7}, {"data": shared("churn")}).value("rows") == 7
    top = lake.run("data.select", {"sort_by": ["amount"], "descending": True, "limit": 10}, {"data": shared("orders")}).table()
    assert top["amount"].tolist() == sorted(pandas.read_csv(DATA / "orders.csv")["amount"], reverse=True)[:10]
    assert lake.run("data.select", {"sample": 0.1}, {"data": shared("orders")}).value("rows") == 100
    some = lake.run("data.select", {"sample": 25, "seed": 4}, {"data": shared("orders")}).table()
    assert len(some) == 25 and some["order_id"].is_monotonic_increasing


def test_split_arguments(lake, shared):
    by_group = lake.run("data.split", {"group": "customer_id", "test_size": 0.25, "validation_size": 0.1}, {"data": shared("orders")})
    owners = [set(by_group.table(part)["customer_id"]) for part in ("train", "test", "validation")]
    assert not owners[0] & owners[1] and not owners[0] & owners[2] and not owners[1] & owners[2]
    assert abs(by_group.value("test_rows") - 250) < 40 and abs(by_group.value("validation_rows") - 100) < 40
    sales = pandas.read_parquet(shared("sales"))
    day = next(column for column in sales.columns if "dat" in column or "day" in column)
    by_time = lake.run("data.split", {"time": day, "test_size": 0.2}, {"data": shared("sales")})
    assert pandas.to_datetime(by_time.table("train")[day]).max() <= pandas.to_datetime(by_time.table("test")[day]).min()
    assert by_time.value("test_rows") == 300
    in_order = lake.run("data.split", {"shuffle": False, "test_size": 0.1}, {"data": shared("orders")})
    assert in_order.table("test")["order_id"].tolist() == pandas.read_csv(DATA / "orders.csv")["order_id"].tolist()[-100:]
    lake.refuse("data.split", {"group": "customer_id", "stratify": "product"}, {"data": shared("orders")}, "group", "stratify")
    lake.refuse("data.split", {"time": "product"}, {"data": shared("orders")}, "product", "no time")


def test_join_arguments(lake, tmp_path):
    pandas.DataFrame({"cust": [1, 2, 3], "total": [10, 20, 30]}).to_parquet(tmp_path / "a")
    pandas.DataFrame({"id": [1, 2, 4], "city": ["x", "y", "z"]}).to_parquet(tmp_path / "b")
    tables = {"tables": [str(tmp_path / "a"), str(tmp_path / "b")]}
    joined = lake.run("data.join", {"left_on": ["cust"], "right_on": ["id"], "columns": ["cust", "city"]}, tables).table()
    assert joined.to_dict("records") == [{"cust": 1, "city": "x"}, {"cust": 2, "city": "y"}]
    assert lake.run("data.join", {"how": "cross"}, tables).value("rows") == 9
    lake.refuse("data.join", {"left_on": ["cust"]}, tables, "left_on", "right_on")


def test_aggregate_arguments(lake, shared, tmp_path):
    orders = pandas.read_csv(DATA / "orders.csv")
    table = lake.run("data.aggregate", {"group_by": ["product"], "several": {"amount": ["sum", "mean", "mode"]}, "having": "amount_sum > 0",
                                        "sort_by": ["amount_sum"], "descending": True, "limit": 2}, {"data": shared("orders")}).table()
    totals = orders.groupby("product")["amount"].sum().sort_values(ascending=False)
    assert table["product"].tolist() == totals.index[:2].tolist() and table["amount_sum"].tolist() == pytest.approx(totals[:2].tolist())
    pandas.DataFrame({"when": ["2024-01-03", "2024-01-20", "2024-02-02"], "x": [1, 2, 4]}).to_csv(tmp_path / "t.csv", index=False)
    monthly = lake.run("data.aggregate", {"time": "when", "every": "month", "aggregations": {"x": "sum"}}, {"data": str(tmp_path / "t.csv")}).table()
    assert monthly["x"].tolist() == [3, 4] and pandas.to_datetime(monthly["when"]).dt.month.tolist() == [1, 2]
    few = lake.run("data.aggregate", {"group_by": ["customer_id"], "aggregations": {"amount": "sum"}, "having": "rows >= 8"}, {"data": shared("orders")}).table()
    assert set(few["customer_id"]) == set(orders["customer_id"].value_counts().loc[lambda counts: counts >= 8].index) and "rows" not in few
    lake.refuse("data.aggregate", {"time": "product", "aggregations": {"amount": "sum"}}, {"data": shared("orders")}, "product", "dates")


def test_validate_arguments(lake, shared):
    churn = {"data": shared("churn")}
    good = {"ranges": {"age": {"min": 0, "max": 120}}, "types": {"age": "number", "churn": "integer"}, "allowed": {"contract": ["monthly", "yearly", "two_years"]},
            "expressions": ["age >= 0 or age != age"], "max_rows": 2000, "max_missing": 0.5}
    lake.run("data.validate", {**good, "allowed": {"churn": [0, 1]}}, churn)
    bad = {"ranges": {"age": {"min": 40}}, "types": {"contract": "number"}, "allowed": {"plan": ["gold"]}, "expressions": ["age > 40"], "max_rows": 10,
           "max_missing": 0.0, "on_failure": "report"}
    told = lake.run("data.validate", bad, churn)
    assert told.value("valid") is False and told.value("problems") >= 6
    for words in ("outside of 40 to any", "no number", "other values", "do not meet age > 40", "more than 10", "of its values"):
        assert words in told.stdout, words
    lake.refuse("data.validate", {"expressions": ["agee > 1"]}, churn, "agee")


# features

def test_encode_and_scale_arguments(lake, shared):
    churn = {"data": shared("clean")["data"]}
    source = shared("clean").table()
    often = lake.run("features.encode", {"method": "frequency", "columns": ["plan"], "keep": True}, churn).table()
    assert often["plan_frequency"].iloc[0] == pytest.approx((source["plan"] == source["plan"].iloc[0]).mean()) and "plan" in often
    mean = lake.run("features.encode", {"method": "target", "columns": ["contract"], "target": "churn"}, churn).table()
    order = source.groupby("contract")["churn"].mean().sort_values().index
    values = mean["contract"].groupby(source["contract"]).first()
    assert values.loc[order].is_monotonic_increasing and mean["churn"].tolist() == source["churn"].tolist()
    hashed = lake.run("features.encode", {"method": "hash", "columns": ["country"], "buckets": 4}, churn).table()
    assert set(hashed["country"]) <= {0, 1, 2, 3}
    first = lake.run("features.encode", {"columns": ["plan"], "drop_first": True}, churn).table()
    assert sum(column.startswith("plan_") for column in first) == source["plan"].nunique() - 1
    rare = lake.run("features.encode", {"columns": ["country"], "max_categories": 2}, churn).table()
    assert "country_other" in rare and sum(column.startswith("country_") for column in rare) == 3
    houses = {"data": shared("houses")}
    span = lake.run("features.scale", {"method": "minmax", "columns": ["area_m2"], "range": [-1, 1]}, houses).table()
    assert (span["area_m2"].min(), span["area_m2"].max()) == (-1, 1)
    price = pandas.read_csv(DATA / "houses.csv")["price"]
    assert lake.run("features.scale", {"method": "log", "columns": ["price"]}, houses).table()["price"].tolist() == pytest.approx(numpy.log1p(price).tolist())
    assert lake.run("features.scale", {"method": "maxabs", "columns": ["price"]}, houses).table()["price"].max() == 1


def test_engineer_arguments(lake, tmp_path):
    frame = pandas.DataFrame({"shop": ["a", "b"] * 5, "day": pandas.date_range("2024-02-26", periods=10).astype(str), "sales": range(10), "y": [0, 1] * 5})
    frame.sample(10, random_state=1).to_csv(tmp_path / "t.csv", index=False)
    made = lake.run("features.engineer", {"date_parts": ["day"], "lags": {"sales": [1]}, "rolling": {"sales": 2}, "order_by": "day", "group_by": ["shop"],
                                          "bins": {"sales": [5]}, "drop": ["y"]}, {"data": str(tmp_path / "t.csv")}).table()
    made = made.sort_values("day").reset_index(drop=True)
    assert made["sales_lag_1"].tolist()[2:] == list(range(8)) and made["sales_lag_1"].isna().sum() == 2
    assert made["sales_mean_2"].tolist()[2:] == [sales + 1 for sales in range(8)]
    assert made["day_month"].tolist()[:5] == [2, 2, 2, 2, 3] and made["day_weekday"].tolist()[0] == 0 and "day_hour" not in made
    assert made["sales_bin"].tolist() == [0] * 5 + [1] * 5 and "y" not in made
    power = lake.run("features.engineer", {"polynomial": 2, "target": "y"}, {"data": str(tmp_path / "t.csv")}).table()
    assert (power["sales*sales"] == power["sales"] ** 2).all()
    lake.refuse("features.engineer", {}, {"data": str(tmp_path / "t.csv")}, "no feature")


def test_select_and_reduce_features(lake, shared, tmp_path):
    rng = numpy.random.default_rng(0)
    frame = pandas.DataFrame(rng.normal(size=(300, 6)), columns=list("abcdef"))
    frame["twin"], frame["flat"] = frame["a"] * 2 + rng.normal(size=300) * 0.01, 1.0
    frame["y"] = (frame["a"] + 0.5 * frame["b"] > 0).astype(int)
    frame.to_parquet(tmp_path / "t")
    data = {"data": str(tmp_path / "t")}
    for method in ("mutual_information", "f_test", "importance", "rfe"):
        kept = lake.run("features.select", {"method": method, "count": 3, "target": "y"}, data).table()
        assert {"a", "twin", "y"} <= set(kept.columns) and len(kept.columns) == 4, method
    assert "flat" not in lake.run("features.select", {"method": "variance"}, data).table()
    assert "twin" not in lake.run("features.select", {"method": "correlation", "threshold": 0.9}, data).table()
    two = lake.run("features.reduce", {"method": "pca", "components": 2, "target": "species"}, {"data": shared("iris")})
    assert list(two.table().columns) == ["species", "pca_1", "pca_2"] and "variance" in two.stdout
    most = lake.run("features.reduce", {"components": 0.9, "keep": True, "target": "species"}, {"data": shared("iris")}).table()
    assert {"pca_1", "sepal_length"} <= set(most.columns)
    for method in ("svd", "tsne"):
        assert f"{method}_2" in lake.run("features.reduce", {"method": method}, {"data": shared("iris")}).table()
    words = lake.run("features.tfidf", {"text": "text", "min_df": 5, "max_df": 0.5, "stop_words": "none"}, {"data": shared("reviews")}).table()
    assert len(words.columns) > 10
    lake.refuse("features.reduce", {"components": 99}, {"data": shared("iris")}, "99")
    lake.refuse("features.select", {"method": "f_test", "target": "z"}, data, "z")


# evaluate, select, predict

def test_evaluate_arguments(lake, shared, tmp_path):
    inputs = {"model": shared("xgboost")["model"], "data": shared("split")["test"]}
    every = ["balanced_accuracy", "pr_auc", "brier", "mcc", "kappa"]
    done = lake.run("model.evaluate", {"metrics": ["f1", "recall", *every], "threshold": 0.2, "by": "contract", "confusion_matrix": True,
                                       "output": str(tmp_path / "m.json")}, inputs)
    usual = lake.run("model.evaluate", {"metrics": ["recall", "precision", "brier"]}, inputs)
    assert done.value("recall") > usual.value("recall") and 0 < done.value("brier") == usual.value("brier") < 0.25
    report = json.loads((tmp_path / "m.json").read_text())
    matrix = report["confusion_matrix"]
    assert sum(sum(row.values()) for row in matrix.values()) == 300
    assert matrix["1"]["1"] / sum(matrix["1"].values()) == pytest.approx(report["recall"])
    assert sum(group["rows"] for group in report["groups"]) == 300 and {"contract", "recall"} <= set(report["groups"][0])
    other = lake.run("model.evaluate", {"metrics": ["recall"], "positive": 0}, inputs)
    plain = report and lake.run("model.evaluate", {"confusion_matrix": True}, inputs).json()["confusion_matrix"]
    assert other.value("recall") == pytest.approx(plain["0"]["0"] / sum(plain["0"].values()), abs=1e-5)
    macro = lake.run("model.evaluate", {"metrics": ["f1"], "average": "macro", "batch_size": 64}, inputs)
    assert macro.value("f1") != lake.run("model.evaluate", {"metrics": ["f1"]}, inputs).value("f1")
    renamed = lake.run("data.select", {"rename": {"churn": "truth"}}, {"data": inputs["data"]})["data"]
    assert lake.run("model.evaluate", {"target": "truth"}, {**inputs, "data": renamed}).value("rows") == 300
    text = pathlib.Path(lake.run("report.write", {"metrics": ["f1", "recall"], "author": "Ann", "body": "The end."}, {"metrics": [done["metrics"]]})["report"]).read_text()
    assert "## By contract" in text and "## Confusion matrix" in text and "| mcc |" not in text and "Ann" in text and text.rstrip().endswith("The end.")
    price = lake.run("model.evaluate", {"metrics": ["mape", "medae", "explained_variance"]}, {"model": shared("houses_linear")["model"], "data": shared("houses_linear")["holdout"]})
    assert 0 < price.value("mape") < 1 and price.value("explained_variance") > 0.8
    lake.refuse("model.evaluate", {"threshold": 0.5}, {"model": shared("houses_linear")["model"], "data": shared("houses")}, "threshold")
    lake.refuse("model.evaluate", {"positive": "x"}, inputs, "x", "0, 1")


def test_select_and_compare_arguments(lake, shared, tmp_path):
    inputs = {"models": [shared("forest")["model"], shared("xgboost")["model"]], "data": shared("split")["test"]}
    done = lake.run("model.compare", {"metric": "mcc", "metrics": ["f1", "mcc"], "output": str(tmp_path / "c.json")}, inputs)
    assert {"f1", "mcc"} <= set(json.loads((tmp_path / "c.json").read_text())["models"][0]) and done.value("best_score") > 0
    lake.run("model.select", {"metric": "auc", "minimum": 0.6, "output": str(tmp_path / "best")}, inputs)
    assert (tmp_path / "best" / "model.json").is_file()
    lake.refuse("model.select", {"metric": "auc", "minimum": 0.99}, inputs, "worse than 0.99")
    lake.refuse("model.select", {"metric": "logloss", "minimum": 0.01}, inputs, "worse than 0.01")


def test_predict_arguments(lake, shared):
    inputs = {"model": shared("xgboost")["model"], "data": shared("split")["test"]}
    whole = lake.run("model.predict", {}, inputs).table("predictions")
    some = lake.run("model.predict", {"columns": ["customer_id"], "batch_size": 37, "probabilities": True}, inputs).table("predictions")
    assert list(some.columns) == ["customer_id", "prediction", "prediction_probability", "prediction_0", "prediction_1"]
    assert some["prediction"].tolist() == whole["prediction"].tolist()
    assert (some["prediction_0"] + some["prediction_1"]).tolist() == pytest.approx([1.0] * 300)
    low = lake.run("model.predict", {"threshold": 0.1, "limit": 50, "probabilities": False}, inputs).table("predictions")
    assert len(low) == 50 and "prediction_probability" not in low
    assert low["prediction"].tolist() == (whole["prediction_probability"][:50] >= 0.1).astype(int).tolist()


# models from elsewhere

def test_load_models(lake, shared, tmp_path):
    import joblib
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    own = lake.run("model.load", {"source": shared("xgboost")["model"]})
    assert facts(own) == facts(shared("xgboost")) and own.value("framework") == "xgboost"
    iris = pandas.read_csv(DATA / "iris.csv")
    columns = [column for column in iris.columns if column != "species"]
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(iris[columns], iris["species"]), tmp_path / "iris.pkl")
    made = lake.run("model.load", {"source": str(tmp_path / "iris.pkl"), "target": "species", "name": "foreign"})
    check = lake.run("model.evaluate", {"metrics": ["accuracy", "auc", "logloss"]}, {"model": made["model"], "data": shared("iris")})
    assert check.value("accuracy") > 0.95 and check.value("auc") > 0.98 and facts(made)["features"] == columns
    table = lake.run("model.predict", {"batch_size": 20}, {"model": made["model"], "data": shared("iris")}).table("predictions")
    assert set(table["prediction"]) == set(iris["species"])
    import catboost
    import xgboost
    houses = pandas.read_csv(DATA / "houses.csv")
    numbers = ["area_m2", "rooms"]
    xgboost.XGBRegressor(n_estimators=20).fit(houses[numbers], houses["price"]).save_model(tmp_path / "price.ubj")
    price = lake.run("model.load", {"source": str(tmp_path / "price.ubj"), "target": "price"})
    assert facts(price)["task"] == "regression"
    assert lake.run("model.evaluate", {"metrics": ["r2"]}, {"model": price["model"], "data": shared("houses")}).value("r2") > 0.5
    catboost.CatBoostRegressor(iterations=30, verbose=False, allow_writing_files=False).fit(houses[numbers], houses["price"]).save_model(str(tmp_path / "price.cbm"))
    price = lake.run("model.load", {"source": str(tmp_path / "price.cbm"), "target": "price", "task": "regression"})
    assert lake.run("model.evaluate", {"metrics": ["r2"]}, {"model": price["model"], "data": shared("houses")}).value("r2") > 0.5
    (tmp_path / "text.pkl").write_text("no model")
    lake.refuse("model.load", {"source": str(tmp_path / "text.pkl")}, {}, "text.pkl")
    lake.refuse("model.load", {"source": str(tmp_path / "gone")}, {}, "gone")


def test_load_from_registry(lake, shared, tmp_path):
    pytest.importorskip("mlflow")
    server = (tmp_path / "mlruns").as_uri()
    lake.run("model.register", {"name": "churn", "tracking_uri": server, "alias": "champion", "tags": {"team": "a"}, "description": "first"},
             {"model": shared("forest")["model"]})
    for source in ("models:/churn/1", "models:/churn@champion", "models:/churn"):
        made = lake.run("model.load", {"source": source, "tracking_uri": server})
        assert made.value("name") == "random_forest"
    assert lake.run("model.evaluate", {"metrics": ["auc"]}, {"model": made["model"], "data": shared("split")["test"]}).value("auc") > 0.7
    lake.refuse("model.load", {"source": "models:/none/3", "tracking_uri": server}, {}, "models:/none/3")


def test_deploy_arguments(lake, shared, tmp_path):
    done = lake.run("model.deploy", {"location": str(tmp_path), "name": "churn", "version": "v2"}, {"model": shared("forest")["model"]})
    assert done.value("uri") == f"{tmp_path}/churn/v2" and (tmp_path / "churn" / "v2" / "model.json").is_file()
    lake.refuse("model.deploy", {"location": str(tmp_path), "name": "churn", "version": "v2", "overwrite": False}, {"model": shared("forest")["model"]}, "there already")


# files

def test_copy_arguments(lake, tmp_path):
    for name in ("a.csv", "b.txt", "deep/c.csv"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(name)
    done = lake.run("file.copy", {"source": str(tmp_path / "in"), "destination": str(tmp_path / "flat"), "recursive": False, "pattern": "*.csv"})
    assert [file.name for file in (tmp_path / "flat").rglob("*")] == ["a.csv"] and done.value("files") == 1
    lake.run("file.copy", {"source": str(tmp_path / "in" / "*.csv"), "destination": str(tmp_path / "glob")})
    assert os.listdir(tmp_path / "glob") == ["a.csv"]
    lake.refuse("file.copy", {"source": str(tmp_path / "in" / "a.csv"), "destination": str(tmp_path / "glob") + "/", "overwrite": False}, {}, "there already")
    lake.run("file.copy", {"source": str(tmp_path / "in"), "destination": str(tmp_path / "moved"), "pattern": "*.csv", "move": True})
    assert sorted(file.name for file in (tmp_path / "moved").rglob("*.csv")) == ["a.csv", "c.csv"]
    assert [file.name for file in (tmp_path / "in").rglob("*")] == ["b.txt"]
    lake.refuse("file.copy", {"source": str(tmp_path / "in"), "destination": "x", "pattern": "*.zip"}, {}, "*.zip")


def test_download_arguments(lake, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/one.txt", "1")
        archive.writestr("two.txt", "2")
    got = lake.run("data.download", {"url": str(tmp_path / "a.zip"), "extract": True, "output": str(tmp_path / "out")})
    assert sorted(os.listdir(got["file"])) == ["two.txt", "x"] and (tmp_path / "out" / "x" / "one.txt").read_text() == "1"
    lake.run("data.download", {"url": str(tmp_path / "a.zip"), "output": f"{tmp_path}/keep/"})
    assert (tmp_path / "keep" / "a.zip").is_file()
    folder = lake.run("data.download", {"url": str(tmp_path / "out")})
    assert sorted(os.listdir(folder["file"])) == ["two.txt", "x"] and folder.value("bytes") == 2
    (tmp_path / "bad.zip").write_text("no archive")
    lake.refuse("data.download", {"url": str(tmp_path / "bad.zip"), "extract": True}, {}, "bad.zip")
