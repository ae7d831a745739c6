# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import numpy

frame, stratify = read_table(input_path("data")), arg("stratify")
test, validation = arg("test_size", 0.2, float), arg("validation_size", 0.0, float)
for name, share in (("test_size", test), ("validation_size", validation)):
    if 1 < share < 100:
        fail(f"the argument {name} is {share:g}", f"write a share such as {share / 100:g}")
if not (0 < test < 1 and 0 <= validation < 1 and test + validation < 1):
    fail(f"test_size {test:g} and validation_size {validation:g} leave no rows to train", "choose smaller shares")
if stratify:
    need(frame, stratify)
order = numpy.random.default_rng(arg("seed", 0, int)).permutation(len(frame))
place = numpy.empty(len(frame))
if stratify:  # the rows of each class are spread evenly over the places
    codes = frame[stratify].astype(str).to_numpy()[order]
    for code in sorted(set(codes)):
        rows = order[codes == code]
        place[rows] = (numpy.arange(len(rows)) + 0.5) / len(rows)
    place += numpy.random.default_rng(1).random(len(frame)) * 1e-9
    place[numpy.argsort(place)] = numpy.arange(len(frame))
else:
    place[order] = numpy.arange(len(frame))
tests, checks = max(1, round(len(frame) * test)), round(len(frame) * validation)
if validation:
    checks = max(1, checks)
if tests + checks >= len(frame):
    fail(f"{len(frame)} rows are too few for this split", "use a larger table or smaller shares")
parts = {"test": frame[place < tests], "validation": frame[(place >= tests) & (place < tests + checks)],
         "train": frame[place >= tests + checks]}
for name in ("train", "test", "validation"):
    write_table(parts[name], output_path(name))
    emit(f"{name}_rows", len(parts[name]))
print(f"{len(frame)} rows are split" + (f", stratified by {stratify}" if stratify else ""))
print(" ".join(f"{name}_rows={len(parts[name])}" for name in ("train", "test", "validation")))
