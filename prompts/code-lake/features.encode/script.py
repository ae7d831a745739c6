# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import zlib

import pandas

frame, method, target = read_table(input_path("data")), arg("method", "onehot"), arg("target")
columns, many_at_most = arg("columns", [], list), arg("max_categories", 0, int)
need(frame, *columns, *([target] if target else []))
if method not in ("onehot", "ordinal", "label", "frequency", "target", "hash"):
    fail(f"the argument method is {method}", "use onehot, ordinal, frequency, target or hash")
if method == "target":
    target = target or TOLD.get("target") or fail("target encoding needs the column to predict", "give the step target")
if target:
    TOLD["target"] = target
if not columns:
    texts = frame.select_dtypes(["object", "category", "string"]).columns
    columns = [column for column in texts if frame[column].astype(str).nunique() <= 50]
columns = [column for column in columns if column != target]
if not columns:
    fail("the table has no category column to encode", f"its columns are {', '.join(frame.columns[:60])}")
before = frame[columns].copy()
if many_at_most:
    for column in columns:
        often = frame[column].value_counts().index[:many_at_most]
        frame[column] = frame[column].where(frame[column].isin(often) | frame[column].isna(), "other")
for column in columns:
    many = frame[column].nunique()
    if method == "onehot" and many > 1000:
        fail(f"the column {column} has {many} values, too many for one-hot", "encode it with method ordinal or drop it")
if method == "onehot":
    frame = pandas.get_dummies(frame, columns=columns, dtype="int8", drop_first=arg("drop_first", False, bool))
elif method == "target":
    answer = labels(frame[target].dropna()) if guess_task(frame[target].dropna()) == "classification" else frame[target].astype(float)
    kinds = sorted(answer.unique().tolist()) if answer.dtype in ("object", "bool") or answer.nunique() == 2 else None
    if kinds and len(kinds) > 2:
        fail(f"the target {target} has {len(kinds)} classes", "target encoding is for two classes or numbers")
    answer = (answer == kinds[1]).astype(float) if kinds else answer.astype(float)
    for column in columns:  # ten rows' worth of the mean of all keep rare values from speaking too loud
        group = answer.groupby(frame[column])
        means = (group.sum() + 10 * answer.mean()) / (group.count() + 10)
        frame[column] = frame[column].map(means).astype(float).fillna(answer.mean())
elif method == "frequency":
    for column in columns:
        frame[column] = frame[column].map(frame[column].value_counts(normalize=True)).astype(float).fillna(0.0)
elif method == "hash":
    buckets = arg("buckets", 32, int)
    for column in columns:
        frame[column] = frame[column].map(lambda value: zlib.crc32(str(value).encode()) % buckets).astype("int64")
else:
    for column in columns:  # missing becomes -1
        kinds = sorted(frame[column].dropna().unique(), key=lambda value: (isinstance(value, str), value))
        frame[column] = frame[column].map({kind: i for i, kind in enumerate(kinds)}).fillna(-1).astype("int64")
if arg("keep", False, bool):
    frame = frame if method == "onehot" else frame.rename(columns={column: f"{column}_{method}" for column in columns})
    frame = pandas.concat([before, frame], axis=1)
write_table(frame, output_path("data"))
emit("rows", len(frame))
emit("columns", len(frame.columns))
print(f"{method} encoding of {', '.join(columns[:60])}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
