# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
frame, problems = read_table(input_path("data"), empty=True), []
filled, unique, least = arg("no_nulls", [], list), arg("unique", [], list), arg("min_rows", 1, int)
for column in dict.fromkeys(arg("required_columns", [], list) + filled + unique):
    if column not in frame.columns:
        problems.append(f"the column {column} is missing (there are {', '.join(frame.columns[:60])})")
if len(frame) < least:
    problems.append(f"{len(frame)} rows are fewer than {least}")
for column in [column for column in filled if column in frame.columns]:
    if frame[column].isna().any():
        problems.append(f"the column {column} lacks {int(frame[column].isna().sum())} values")
if unique and all(column in frame.columns for column in unique) and frame.duplicated(unique).any():
    problems.append(f"{int(frame.duplicated(unique).sum())} rows repeat the {', '.join(unique)} of another")
emit("valid", not problems)
emit("rows", len(frame))
emit("problems", len(problems))
if problems and arg("on_failure", "fail") == "fail":
    fail(f"the table is not valid: {'; '.join(problems)}", "repair the source or relax the checks")
write_table(frame, output_path("data"))
print("; ".join(problems) or "the table meets every check")
print(f"valid={str(not problems).lower()} rows={len(frame)}")
