# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas

KNOWN = ["sum", "mean", "min", "max", "count", "median", "std", "nunique", "first", "last"]
frame, keys, functions = read_table(input_path("data")), arg("group_by", [], list), arg("aggregations", {}, dict)
need(frame, *keys, *functions)
for column, function in functions.items():
    if function not in KNOWN:
        fail(f"the function {function} of {column} is unknown", f"use one of {', '.join(KNOWN)}")
    if function in ("sum", "mean", "median", "std") and not pandas.api.types.is_numeric_dtype(frame[column]):
        fail(f"{column} is not a number, so it has no {function}", "use count, nunique, min, max, first or last")
if not keys and not functions:
    fail("there is nothing to group by and nothing to compute", "give the step group_by or aggregations")
groups = frame.groupby(keys, dropna=False, sort=True) if keys else frame.groupby(lambda row: 0)
parts = {}
for column, function in functions.items():
    parts[f"{column}_{function}" if column in keys else column] = getattr(groups[column], function)()
result = pandas.DataFrame(parts if functions else {"rows": groups.size()})
result = result.reset_index(drop=not keys)
write_table(result, output_path("data"))
emit("rows", len(result))
made = ", ".join(f"{function} of {column}" for column, function in functions.items()) or "number of rows"
print(f"{made} of {len(frame)} rows" + (f" by {', '.join(keys)}" if keys else ""))
print(f"rows={len(result)}")
