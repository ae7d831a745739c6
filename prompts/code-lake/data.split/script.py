# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import numpy

frame, stratify = read_table(input_path("data")), scalar(ARGS.get("stratify"))
test, validation = arg("test_size", 0.2, float), arg("validation_size", 0.0, float)
group, time, target, seed = arg("group"), arg("time"), arg("target"), arg("seed", 0, int)
for name, share in (("test_size", test), ("validation_size", validation)):
    if 1 < share < 100:
        fail(f"the argument {name} is {share:g}", f"write a share such as {share / 100:g}")
if not (0 < test < 1 and 0 <= validation < 1 and test + validation < 1):
    fail(f"test_size {test:g} and validation_size {validation:g} leave no rows to train", "choose smaller shares")
if target:
    TOLD["target"] = target
if stratify is True:
    target = target or TOLD.get("target")
    stratify = target if target in frame.columns else str(frame.columns[-1])
    print(f"stratified by {stratify}, " + ("the target" if target else "the last column"))
stratify = str(stratify) if stratify not in (None, False, "") else None
need(frame, *[column for column in (stratify, group, time, target) if column])
if stratify:
    TOLD.setdefault("target", stratify)
if sum(map(bool, (stratify, group, time))) > 1 and not (time and group and not stratify):
    fail("rows cannot be split by " + " and ".join(way for way, column in (("stratify", stratify), ("group", group), ("time", time)) if column),
         "choose one of them")
order = numpy.random.default_rng(seed).permutation(len(frame))
place, by = numpy.empty(len(frame)), ""
if time or not arg("shuffle", True, bool):  # the last rows are for testing, those before them for validation
    import pandas
    moments = numpy.arange(len(frame))
    if time:
        values = frame[time] if pandas.api.types.is_numeric_dtype(frame[time]) else pandas.to_datetime(frame[time], errors="coerce", utc=True)
        if values.isna().any():
            fail(f"the column {time} has {int(values.isna().sum())} values that are no time", "clean the column first")
        moments = values.to_numpy()
    place[numpy.argsort(moments, kind="stable")[::-1]] = numpy.arange(len(frame))
    by = f", by the time in {time}" if time else ", in their order"
elif stratify:  # the rows of each class are spread evenly over the places
    codes = frame[stratify].astype(str).to_numpy()[order]
    for code in sorted(set(codes)):
        rows = order[codes == code]
        place[rows] = (numpy.arange(len(rows)) + 0.5) / len(rows)
    place += numpy.random.default_rng(1).random(len(frame)) * 1e-9
    place[numpy.argsort(place)] = numpy.arange(len(frame))
    by = f", stratified by {stratify}"
else:
    place[order] = numpy.arange(len(frame))
tests, checks = max(1, round(len(frame) * test)), round(len(frame) * validation)
if validation:
    checks = max(1, checks)
if tests + checks >= len(frame):
    fail(f"{len(frame)} rows are too few for this split", "use a larger table or smaller shares")
if group:  # whole groups, in the order of their first row, until a part is full
    names = frame[group].astype(str).to_numpy()
    members = {}
    for row in numpy.argsort(place):
        members.setdefault(names[row], []).append(row)
    if len(members) < (3 if validation else 2):
        fail(f"{group} has {len(members)} values, too few for the parts", "split by another column")
    part, filled, wanted, left = numpy.empty(len(frame), dtype=object), 0, ["test"] * 1 + ["validation"] * bool(validation) + ["train"], len(members)
    bounds = {"test": tests, "validation": tests + checks, "train": len(frame)}
    for name, rows in members.items():
        while len(wanted) > 1 and (filled >= bounds[wanted[0]] or left < len(wanted)):
            wanted.pop(0)
        part[rows], filled, left = wanted[0], filled + len(rows), left - 1
        if wanted[0] != "train" and left <= len(wanted) - 1:
            wanted.pop(0)
    parts = {name: frame[part == name] for name in ("test", "validation", "train")}
    by += f", {len(members)} values of {group} stay together"
else:
    parts = {"test": frame[place < tests], "validation": frame[(place >= tests) & (place < tests + checks)],
             "train": frame[place >= tests + checks]}
for name in ("train", "test", "validation"):
    write_table(parts[name], output_path(name))
    emit(f"{name}_rows", len(parts[name]))
print(f"{len(frame)} rows are split{by}")
print(" ".join(f"{name}_rows={len(parts[name])}" for name in ("train", "test", "validation")))
