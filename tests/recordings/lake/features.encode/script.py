# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas

frame, method, target = read_table(input_path("data")), arg("method", "onehot"), arg("target")
columns = arg("columns", [], list)
need(frame, *columns, *([target] if target else []))
if method not in ("onehot", "ordinal"):
    fail(f"the argument method is {method}", "use onehot or ordinal")
if not columns:
    texts = frame.select_dtypes(["object", "category", "string"]).columns
    columns = [column for column in texts if frame[column].astype(str).nunique() <= 50]
columns = [column for column in columns if column != target]
if not columns:
    fail("the table has no category column to encode", f"its columns are {', '.join(frame.columns[:60])}")
for column in columns:
    many = frame[column].nunique()
    if method == "onehot" and many > 1000:
        fail(f"the column {column} has {many} values, too many for one-hot", "encode it with method ordinal or drop it")
if method == "onehot":
    frame = pandas.get_dummies(frame, columns=columns, dtype="int8")
else:
    for column in columns:  # missing becomes -1
        kinds = sorted(frame[column].dropna().unique(), key=lambda value: (isinstance(value, str), value))
        frame[column] = frame[column].map({kind: i for i, kind in enumerate(kinds)}).fillna(-1).astype("int64")
write_table(frame, output_path("data"))
emit("rows", len(frame))
emit("columns", len(frame.columns))
print(f"{method} encoding of {', '.join(columns[:60])}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
