# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
frame, problems = read_table(input_path("data"), empty=True), []
types, ranges, allowed, rules = arg("types", {}, dict), arg("ranges", {}, dict), arg("allowed", {}, dict), arg("expressions", [], list)
filled, unique, least = arg("no_nulls", [], list), arg("unique", [], list), arg("min_rows", 1, int)
for column in dict.fromkeys(arg("required_columns", [], list) + filled + unique + [*types, *ranges, *allowed]):
    if column not in frame.columns:
        problems.append(f"the column {column} is missing (there are {', '.join(frame.columns[:60])})")
if len(frame) < least:
    problems.append(f"{len(frame)} rows are fewer than {least}")
if arg("max_rows", None, int) is not None and len(frame) > arg("max_rows", None, int):
    problems.append(f"{len(frame)} rows are more than {arg('max_rows')}")
for column in [column for column in filled if column in frame.columns]:
    if frame[column].isna().any():
        problems.append(f"the column {column} lacks {int(frame[column].isna().sum())} values")
if unique and all(column in frame.columns for column in unique) and frame.duplicated(unique).any():
    problems.append(f"{int(frame.duplicated(unique).sum())} rows repeat the {', '.join(unique)} of another")
most = arg("max_missing", None, float)
for column, share in frame.isna().mean().items() if most is not None else ():
    if share > most:
        problems.append(f"the column {column} lacks {share:.1%} of its values")


def fits(series, kind):
    import pandas
    known, numeric = series.dropna(), pandas.api.types.is_numeric_dtype(series)
    if kind == "boolean":
        return known.map(lambda value: isinstance(value, bool) or value in (0, 1)).all()
    if kind in ("number", "integer"):
        return numeric and not pandas.api.types.is_bool_dtype(series) and (kind == "number" or (known % 1 == 0).all())
    if kind == "date":
        return not numeric and pandas.to_datetime(known, errors="coerce").notna().all()
    return known.map(lambda value: isinstance(value, str)).all()


for column, kind in types.items():
    if column in frame.columns and not fits(frame[column], kind):
        problems.append(f"the column {column} has values that are no {kind}")
for column, bounds in ranges.items():
    if column not in frame.columns:
        continue
    values, known = frame[column].dropna(), {side: scalar(bound) for side, bound in bounds.items()}
    try:
        out = sum(int((values < known["min"]).sum()) if side == "min" else int((values > known["max"]).sum()) for side in known)
    except TypeError:
        problems.append(f"the column {column} cannot be compared with {bounds}")
        continue
    if out:
        problems.append(f"the column {column} has {out} values outside of " + " to ".join(str(known.get(side, "any")) for side in ("min", "max")))
for column, choices in allowed.items():
    strange = set(frame[column].dropna().map(str)) - set(map(str, choices)) if column in frame.columns else ()
    if strange:
        problems.append(f"the column {column} has other values: {', '.join(sorted(strange)[:5])}")
for rule in rules:
    try:
        broken = len(frame) - int(frame.eval(re.sub(r"(?<![<>=!])=(?!=)", "==", rule), engine="python").sum())
    except Exception as error:
        fail(f"the expression {rule!r} cannot be used: {error}", f"write it like end >= start; the columns are {', '.join(frame.columns[:60])}")
    if broken:
        problems.append(f"{broken} rows do not meet {rule}")
emit("valid", not problems)
emit("rows", len(frame))
emit("problems", len(problems))
if problems and arg("on_failure", "fail") == "fail":
    fail(f"the table is not valid: {'; '.join(problems)}", "repair the source or relax the checks")
write_table(frame, output_path("data"))
print("; ".join(problems) or "the table meets every check")
print(f"valid={str(not problems).lower()} rows={len(frame)}")
