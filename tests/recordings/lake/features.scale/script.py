# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas

frame, method, target = read_table(input_path("data")), arg("method", "standard"), arg("target")
columns = arg("columns", [], list)
need(frame, *columns, *([target] if target else []))
for column in columns:
    if not pandas.api.types.is_numeric_dtype(frame[column]):
        fail(f"the column {column} is not a number", "scale number columns only")
if not columns:  # columns with two values are flags or labels and stay
    columns = [column for column in frame.select_dtypes("number").columns if frame[column].nunique() > 2]
columns = [column for column in columns if column != target]
if not columns:
    fail("the table has no number column to scale", f"its columns are {', '.join(frame.columns[:60])}")
for column in columns:
    values = frame[column].astype(float)
    if method == "standard":
        centre, reach = values.mean(), values.std(ddof=0)
    elif method == "minmax":
        centre, reach = values.min(), values.max() - values.min()
    elif method == "robust":
        centre, reach = values.median(), values.quantile(0.75) - values.quantile(0.25)
    else:
        fail(f"the argument method is {method}", "use standard, minmax or robust")
    frame[column] = (values - centre) / (reach if reach else 1.0)
write_table(frame, output_path("data"))
emit("rows", len(frame))
print(f"{method} scaling of {', '.join(columns[:60])}")
print(f"rows={len(frame)} scaled={len(columns)}")
