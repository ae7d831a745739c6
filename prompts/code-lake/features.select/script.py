# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import numpy
import pandas

frame, method, columns = read_table(input_path("data")), arg("method", "mutual_information"), arg("columns", [], list)
need(frame, *columns)
if method not in ("mutual_information", "f_test", "importance", "rfe", "variance", "correlation"):
    fail(f"the argument method is {method}", "use mutual_information, f_test, importance, rfe, variance or correlation")
alone = method in ("variance", "correlation")
target = (arg("target") or TOLD.get("target")) if alone else training_target(frame)
if target:
    need(frame, target)
    TOLD["target"] = target
numbers = [column for column in columns or frame.select_dtypes(["number", "bool"]).columns if column != target]
wrong = [column for column in numbers if not pandas.api.types.is_numeric_dtype(frame[column])]
if wrong or not numbers:
    fail(f"{', '.join(wrong) or 'none of the columns'} is a number", "encode the category columns first")
table = frame[numbers].astype(float)
filled, bound = table.fillna(table.median()).fillna(0.0), arg("threshold", None, float)
count, seed = arg("count", 0, int), arg("seed", 0, int)
if method == "variance":
    spread = filled.var(ddof=0)
    marks = spread.to_dict()
    best = [column for column in numbers if spread[column] > (bound or 0.0)]
    best = sorted(best, key=lambda column: -spread[column])[:count or len(best)]
elif method == "correlation":  # of two columns that go together the later one leaves
    bonds, best, marks = filled.corr().abs().fillna(0.0), [], {}
    for column in numbers:
        marks[column] = float(bonds.loc[column, best].max()) if best else 0.0
        best += [column] if marks[column] <= (0.95 if bound is None else bound) else []
    best = best[:count or len(best)]
else:
    from sklearn import ensemble, feature_selection
    known = frame[target].notna()
    answer, table = frame[target][known], filled[known]
    kind = guess_task(answer)
    answer = labels(answer) if kind == "classification" else answer.astype(float)
    ways = {"classification": ("mutual_info_classif", "f_classif", "RandomForestClassifier"),
            "regression": ("mutual_info_regression", "f_regression", "RandomForestRegressor")}[kind]
    forest = getattr(ensemble, ways[2])(100, random_state=seed, n_jobs=-1)
    wanted = min(count or -(-len(numbers) // 2), len(numbers))
    if method == "rfe":
        ranks = feature_selection.RFE(forest, n_features_to_select=wanted, step=max(1, len(numbers) // 10)).fit(table, answer).ranking_
        values = -ranks.astype(float)
    elif method == "importance":
        values = forest.fit(table, answer).feature_importances_
    elif method == "f_test":
        values = numpy.nan_to_num(getattr(feature_selection, ways[1])(table, answer)[0])
    else:
        values = getattr(feature_selection, ways[0])(table, answer, random_state=seed)
    marks = dict(zip(numbers, map(float, values)))
    best = sorted(numbers, key=lambda column: -marks[column])[:wanted]
if not best:
    fail("no column is good enough", "use another threshold")
gone = [column for column in numbers if column not in best]
write_table(frame.drop(columns=gone), output_path("data"))
emit("rows", len(frame))
emit("columns", len(frame.columns) - len(gone))
print(f"{method} keeps " + ", ".join(f"{column} ({marks[column]:.3g})" for column in best[:40]))
print(f"rows={len(frame)} columns={len(frame.columns) - len(gone)} removed={len(gone)}")
