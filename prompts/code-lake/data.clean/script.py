# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas

STEPS = ["lowercase_columns", "convert_types", "drop_empty_columns", "strip_text", "lowercase_text", "remove_punctuation",
         "drop_duplicates", "fill_missing", "drop_missing", "drop_outliers", "clip_outliers", "drop_constant"]
frame = read_table(input_path("data"))
operations = arg("operations", None, list) or ["drop_duplicates", "drop_missing"]
columns, fill, types = arg("columns", [], list), scalar(ARGS.get("fill_value")), arg("types", {}, dict)
operations = operations + (["convert_types"] if types and "convert_types" not in operations else [])
unknown = [operation for operation in operations if operation not in STEPS]
if unknown:
    fail(f"unknown operations: {', '.join(unknown)}", f"use some of {', '.join(STEPS)}")
if "lowercase_columns" in operations:
    frame.columns = ["_".join(column.lower().split()) for column in frame.columns]
    columns = ["_".join(column.lower().split()) for column in columns]
    types = {"_".join(column.lower().split()): kind for column, kind in types.items()}
    TOLD.update((key, "_".join(str(column).lower().split())) for key, column in list(TOLD.items()))
need(frame, *columns)
chosen, before, notes = columns or list(frame.columns), len(frame), []


def is_number(column):
    return pandas.api.types.is_numeric_dtype(frame[column]) and not pandas.api.types.is_bool_dtype(frame[column])


for operation in [step for step in STEPS if step in operations]:
    rows, chosen = len(frame), [column for column in chosen if column in frame.columns]
    if operation == "convert_types":
        frame = as_types(frame, types or fail("convert_types needs the kinds of the columns", "give the step types"))
    elif operation in ("drop_empty_columns", "drop_constant"):
        most = arg("max_missing", None, float)
        empty = (lambda column: frame[column].isna().mean() > most if most is not None else frame[column].isna().all())
        alike = (lambda column: frame[column].map(str).nunique() <= 1)
        gone = [column for column in chosen if (empty if operation == "drop_empty_columns" else alike)(column)]
        frame = frame.drop(columns=gone)
        notes.append(f"{operation}: {', '.join(gone) or 'none'}")
        if not len(frame.columns):
            fail(f"{operation} removed every column", "limit it to some columns")
        continue
    elif operation in ("lowercase_text", "remove_punctuation"):
        way = str.lower if operation == "lowercase_text" else (lambda text: " ".join(re.sub(r"[^\w\s]", " ", text).split()))
        for column in chosen:
            if frame[column].dtype == object:
                frame[column] = frame[column].map(lambda value: way(value) if isinstance(value, str) else value)
    elif operation == "strip_text":
        for column in chosen:
            if frame[column].dtype == object:
                clean = frame[column].map(lambda value: " ".join(value.split()) if isinstance(value, str) else value)
                frame[column] = clean.where(clean != "", None)
    elif operation == "drop_duplicates":
        keys = frame[chosen].map(lambda value: str(value) if isinstance(value, (list, dict)) or hasattr(value, "tolist")
                                 and getattr(value, "ndim", 0) else value)
        stays = arg("keep", "first")
        if stays not in ("first", "last", "none"):
            fail(f"the argument keep is {stays}", "use first, last or none")
        frame = frame[~keys.duplicated(keep=stays if stays != "none" else False)]
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
    elif operation in ("drop_outliers", "clip_outliers"):
        keep = pandas.Series(True, index=frame.index)
        for column in chosen:
            if is_number(column) and frame[column].nunique() > 10:
                low, high = frame[column].quantile([0.25, 0.75])
                reach = arg("outlier_factor", 1.5, float) * (high - low)
                if operation == "clip_outliers":
                    cut = frame[column].astype(float).clip(low - reach, high + reach)
                    frame[column] = cut if (cut != frame[column].astype(float))[cut.notna()].any() else frame[column]
                keep &= frame[column].isna() | frame[column].between(low - reach, high + reach)
        frame = frame if operation == "clip_outliers" else frame[keep]
    if operation.startswith("drop_"):
        notes.append(f"{operation}: {rows - len(frame)} rows")
    if frame.empty:
        fail(f"{operation} removed every row", "limit it to some columns or use another operation, such as fill_missing")
write_table(frame, output_path("data"))
emit("rows", len(frame))
emit("removed", before - len(frame))
print("; ".join(notes) or ", ".join(operations))
print(f"rows={len(frame)} removed={before - len(frame)}")
