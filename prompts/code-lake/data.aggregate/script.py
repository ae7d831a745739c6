# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas

KNOWN = ["sum", "mean", "min", "max", "count", "median", "std", "nunique", "first", "last", "var", "product", "mode"]
frame, keys, single = read_table(input_path("data")), arg("group_by", [], list), arg("aggregations", {}, dict)
several, time, order = arg("several", {}, dict), arg("time"), arg("sort_by", [], list)
periods = {"minute": "min", "hour": "h", "day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}
every = arg("every", "day")
need(frame, *keys, *single, *several, *([time] if time else []))
wanted = [(column, function, f"{column}_{function}" if column in keys or column == time else column) for column, function in single.items()]
wanted += [(column, function, f"{column}_{function}") for column, functions in several.items() for function in functions]
for column, function, _ in wanted:
    if function not in KNOWN:
        fail(f"the function {function} of {column} is unknown", f"use one of {', '.join(KNOWN)}")
    if function in ("sum", "mean", "median", "std", "var", "product") and not pandas.api.types.is_numeric_dtype(frame[column]):
        fail(f"{column} is not a number, so it has no {function}", "use count, nunique, min, max, first, last or mode")
if not keys and not wanted and not time:
    fail("there is nothing to group by and nothing to compute", "give the step group_by, time or aggregations")
if time:
    if every not in periods:
        fail(f"the argument every is {every}", f"use one of {', '.join(periods)}")
    moments = pandas.to_datetime(frame[time], errors="coerce")
    if moments.isna().all() and frame[time].notna().any():
        fail(f"the column {time} has no dates", "name a date or time column")
    moments = moments.dt.tz_localize(None) if moments.dt.tz is not None else moments
    source = frame.assign(**{time: moments.dt.to_period(periods[every]).dt.start_time})
    keys = [time] + keys
else:
    source = frame
groups = source.groupby(keys, dropna=False, sort=True) if keys else source.groupby(lambda row: 0)
ways = {"product": lambda group: group.prod(),
        "mode": lambda group: group.agg(lambda values: values.mode().iloc[0] if values.notna().any() else None)}
parts = {}
for column, function, name in wanted:
    group = (frame if column in keys else source)[column].groupby([source[key] for key in keys], dropna=False, sort=True) if column in keys else groups[column]
    parts[name] = ways[function](group) if function in ways else getattr(group, function)()
result = pandas.DataFrame(parts if wanted else {"rows": groups.size()})
if arg("having") and "rows" not in result.columns:
    result["rows"] = groups.size()
result = result.reset_index(drop=not keys)
if arg("having"):
    try:
        result = result.query(re.sub(r"(?<![<>=!])=(?!=)", "==", arg("having")), engine="python")
    except Exception as error:
        fail(f"the condition {arg('having')!r} cannot be used: {error}", f"write it like rows > 10; the columns are {', '.join(map(str, result.columns))}")
    result = result if "rows" in parts or not wanted else result.drop(columns=["rows"])
need(result, *order)
if order:
    result = result.sort_values(order, ascending=not arg("descending", False, bool), kind="stable")
result = result.head(arg("limit", len(result), int))
write_table(result, output_path("data"))
emit("rows", len(result))
made = ", ".join(f"{function} of {column}" for column, function, _ in wanted) or "number of rows"
named = [f"{key} ({every})" if key == time else key for key in keys]
print(f"{made} of {len(frame)} rows" + (f" by {', '.join(named)}" if keys else ""))
print(f"rows={len(result)}")
