# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import numpy
import pandas

frame, features = read_table(input_path("data")), arg("features", ..., dict)
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
write_table(frame, output_path("data"))
emit("rows", len(frame))
emit("columns", len(frame.columns))
print(f"added {', '.join(f'{name} = {expression}' for name, expression in features.items())}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
