# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import itertools

import numpy
import pandas

frame, features, added = read_table(input_path("data")), arg("features", {}, dict), []
dates, lags, rolling, bins = arg("date_parts", [], list), arg("lags", {}, dict), arg("rolling", {}, dict), arg("bins", {}, dict)
order, groups, power, drop = arg("order_by"), arg("group_by", [], list), arg("polynomial", 0, int), arg("drop", [], list)
if not (features or dates or lags or rolling or bins or power):
    fail("there is no feature to make", "give the step features, date_parts, lags, rolling, bins or polynomial")
if arg("target"):
    need(frame, arg("target"))
    TOLD["target"] = arg("target")
need(frame, *dates, *lags, *rolling, *groups, *([order] if order else []))
for name, expression in features.items():
    try:
        value = frame.eval(str(expression), engine="python")
        if not isinstance(value, pandas.Series) and not numpy.isscalar(value):
            raise ValueError("it does not give one value per row")
    except Exception as error:
        there = ", ".join(frame.columns[:60])
        fail(f"the expression {expression!r} of {name} cannot be computed: {error}", f"the columns are {there}")
    frame[name] = value
    if pandas.api.types.is_float_dtype(frame[name]):  # a division by zero is a missing value
        frame[name] = frame[name].replace([numpy.inf, -numpy.inf], numpy.nan)
    added.append(f"{name} = {expression}")
for column in dates:
    moments = pandas.to_datetime(frame[column], errors="coerce")
    if moments.isna().all() and frame[column].notna().any():
        fail(f"the column {column} has no dates", "name a date or time column")
    for part, values in (("year", moments.dt.year), ("month", moments.dt.month), ("day", moments.dt.day),
                         ("weekday", moments.dt.dayofweek), ("hour", moments.dt.hour)):
        if part != "hour" or (values.fillna(0) != 0).any():
            frame[f"{column}_{part}"] = values.astype("int64" if values.notna().all() else "float64")
    added.append(f"the parts of {column}")
if lags or rolling:
    if order and frame[order].dtype == object:
        moments = pandas.to_datetime(frame[order], errors="coerce")
        line = frame.assign(**{order: moments if moments.notna().all() else frame[order]}).sort_values(order, kind="stable")
    else:
        line = frame.sort_values(order, kind="stable") if order else frame
    for column, steps in lags.items():
        for step in steps:
            values = line.groupby(groups, dropna=False)[column].shift(int(step)) if groups else line[column].shift(int(step))
            frame[f"{column}_lag_{step}"] = values
        added.append(f"{column} of {', '.join(map(str, steps))} rows before")
    for column, width in rolling.items():  # the row itself counts, rows after it do not
        if not pandas.api.types.is_numeric_dtype(frame[column]):
            fail(f"the column {column} is not a number, so it has no mean", "name a number column")
        mean = (lambda values: values.rolling(int(width), min_periods=1).mean())
        frame[f"{column}_mean_{width}"] = line.groupby(groups, dropna=False)[column].transform(mean) if groups else mean(line[column])
        added.append(f"the mean of {column} over {width} rows")
for column, edges in bins.items():
    need(frame, column)
    try:
        cut = pandas.qcut(frame[column], int(edges), labels=False, duplicates="drop") if not isinstance(edges, list) else pandas.cut(
            frame[column], [-numpy.inf, *map(float, edges), numpy.inf], labels=False, right=False)
    except (ValueError, TypeError) as error:
        fail(f"the column {column} cannot be cut into bins: {error}", "give a number of bins, or their edges, for a number column")
    frame[f"{column}_bin"] = cut
    added.append(f"bins of {column}")
if power:
    numbers = [column for column in frame.select_dtypes("number").columns if column != TOLD.get("target") and frame[column].nunique() > 2]
    if sum(1 for degree in range(2, power + 1) for _ in itertools.combinations_with_replacement(numbers, degree)) > 2000:
        fail(f"the products of {len(numbers)} columns up to the degree {power} are too many", "select columns first, or use a lower degree")
    made = {}
    for degree in range(2, power + 1):
        for names in itertools.combinations_with_replacement(numbers, degree):
            made["*".join(names)] = frame[list(names)].astype(float).prod(axis=1, skipna=False)
    frame = pandas.concat([frame, pandas.DataFrame(made, index=frame.index)], axis=1)
    added.append(f"{len(made)} products")
need(frame, *drop)
frame = frame.drop(columns=drop)
write_table(frame, output_path("data"))
emit("rows", len(frame))
emit("columns", len(frame.columns))
print(f"added {', '.join(added)}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
