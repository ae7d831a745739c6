# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import numpy
import pandas
from sklearn import decomposition, manifold
from sklearn.preprocessing import StandardScaler

frame, method, columns = read_table(input_path("data")), arg("method", "pca"), arg("columns", [], list)
target, wanted, seed = arg("target") or TOLD.get("target"), arg("components", 2.0, float), arg("seed", 0, int)
need(frame, *columns, *([target] if target else []))
if target:
    TOLD["target"] = target
if method not in ("pca", "svd", "tsne"):
    fail(f"the argument method is {method}", "use pca, svd or tsne")
columns = [column for column in columns or frame.select_dtypes("number").columns if column != target]
wrong = [column for column in columns if not pandas.api.types.is_numeric_dtype(frame[column])]
if wrong or len(columns) < 2:
    fail(f"{', '.join(wrong)} is not a number" if wrong else "fewer than two number columns are there", "encode the category columns first")
table = frame[columns].astype(float)
table = table.fillna(table.median()).fillna(0.0)
ready = StandardScaler().fit_transform(table) if arg("scale", True, bool) else table.to_numpy()
if wanted >= 1 and (wanted % 1 or wanted > min(len(columns), len(frame))):
    fail(f"{wanted:g} components cannot be made of {len(columns)} columns", "use fewer, or for pca a share below 1")
if wanted < 1 and method != "pca":
    fail(f"{method} needs a number of components", "use pca for a share of the variance")
count = wanted if wanted < 1 else int(wanted)
if method == "tsne":
    maker = manifold.TSNE(count, random_state=seed, perplexity=min(30.0, (len(frame) - 1) / 3), method="barnes_hut" if count <= 3 else "exact")
else:
    maker = decomposition.PCA(count, random_state=seed) if method == "pca" else decomposition.TruncatedSVD(count, random_state=seed)
spots = maker.fit_transform(ready)
names = [f"{method}_{number}" for number in range(1, spots.shape[1] + 1)]
clash = [name for name in names if name in frame.columns]
if clash:
    fail(f"the table has a column {clash[0]} already", "rename it first")
rest = frame if arg("keep", False, bool) else frame.drop(columns=columns)
result = pandas.concat([rest.reset_index(drop=True), pandas.DataFrame(numpy.asarray(spots, dtype=float), columns=names)], axis=1)
write_table(result, output_path("data"))
emit("rows", len(result))
emit("columns", len(result.columns))
held = f", which keep {maker.explained_variance_ratio_.sum():.1%} of the variance" if method != "tsne" else ""
print(f"{method} of {len(columns)} columns: {len(names)} components{held}")
print(f"rows={len(result)} columns={len(result.columns)}")
