# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas

STEPS = ["lowercase_columns", "strip_text", "drop_duplicates", "fill_missing", "drop_missing", "drop_outliers"]
frame = read_table(input_path("data"))
operations = arg("operations", None, list) or ["drop_duplicates", "drop_missing"]
columns, fill = arg("columns", [], list), scalar(ARGS.get("fill_value"))
unknown = [operation for operation in operations if operation not in STEPS]
if unknown:
    fail(f"unknown operations: {', '.join(unknown)}", f"use some of {', '.join(STEPS)}")
if "lowercase_columns" in operations:
    frame.columns = ["_".join(column.lower().split()) for column in frame.columns]
    columns = ["_".join(column.lower().split()) for column in columns]
need(frame, *columns)
chosen, before, notes = columns or list(frame.columns), len(frame), []


def is_number(column):
    return pandas.api.types.is_numeric_dtype(frame[column]) and not pandas.api.types.is_bool_dtype(frame[column])


for operation in [step for step in STEPS if step in operations]:
    rows = len(frame)
    if operation == "strip_text":
        for column in chosen:
            if frame[column].dtype == object:
                clean = frame[column].map(lambda value: " ".join(value.split()) if isinstance(value, str) else value)
                frame[column] = clean.where(clean != "", None)
    elif operation == "drop_duplicates":
        keys = frame[chosen].map(lambda value: str(value) if isinstance(value, (list, dict)) or hasattr(value, "tolist")
                                 and getattr(value, "ndim", 0) else value)
        frame = frame[~keys.duplicated()]
    elif operation == "drop_missing":
        frame = frame.dropna(subset=chosen)
    elif operation == "fill_missing":
        filled = 0
        for column in chosen:
            known, gaps = frame[column].dropna(), int(frame[column].isna().sum())
            if not gaps or fill is None and known.empty:
                continue
            way = fill if fill in ("mean", "median", "mode", None) else "value"
            if way in ("mean", "median", None) and is_number(column):
                value = known.mean() if way == "mean" else known.median()
            elif way == "value":
                value = fill
                if is_number(column) and not isinstance(fill, (int, float)):
                    continue  # text does not belong into a number column
                if frame[column].dtype == object and isinstance(fill, (int, float)) and known.map(type).eq(str).any():
                    value = str(fill)
            elif known.empty:
                continue
            else:
                value = known.mode().iloc[0]
            frame[column] = frame[column].astype(object).where(frame[column].notna(), value).infer_objects()
            filled += gaps
        notes.append(f"fill_missing: {filled} values")
    elif operation == "drop_outliers":
        keep = pandas.Series(True, index=frame.index)
        for column in chosen:
            if is_number(column) and frame[column].nunique() > 10:
                low, high = frame[column].quantile([0.25, 0.75])
                reach = 1.5 * (high - low)
                keep &= frame[column].isna() | frame[column].between(low - reach, high + reach)
        frame = frame[keep]
    if operation.startswith("drop_"):
        notes.append(f"{operation}: {rows - len(frame)} rows")
    if frame.empty:
        fail(f"{operation} removed every row", "limit it to some columns or use another operation, such as fill_missing")
write_table(frame, output_path("data"))
emit("rows", len(frame))
emit("removed", before - len(frame))
print("; ".join(notes) or ", ".join(operations))
print(f"rows={len(frame)} removed={before - len(frame)}")
