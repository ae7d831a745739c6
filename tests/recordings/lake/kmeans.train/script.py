# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
from sklearn.cluster import KMeans

frame, columns, clusters = read_table(input_path("data")), arg("columns", [], list), arg("clusters", 3, int)
need(frame, *columns)
if not 2 <= clusters < len(frame):
    fail(f"{len(frame)} rows cannot make {clusters} clusters", "choose from 2 to fewer clusters than rows")
maker = KMeans(clusters, n_init=10, random_state=arg("seed", 0, int))
pipeline, features = tabular_pipeline(frame[columns or list(frame.columns)], maker, scale=True, dense=True)
groups = pipeline.fit_predict(feature_frame(frame, features))
path = output_path("model")
save_model(pipeline, path, framework="sklearn", name="kmeans", task="clustering", target=None, features=features,
           classes=None, rows=len(frame), clusters=clusters)
values = score(load_model(path), frame)
save_model(None, path, **{**load_model(path).meta, "scores": values, "scored_on": "training rows"})
frame["cluster"] = groups
write_table(frame, output_path("data"))
emit("rows", len(frame))
emit("silhouette", values["silhouette"])
emit("score", values["silhouette"])
emit("inertia", float(pipeline[-1].inertia_))
print("rows by cluster: " + ", ".join(f"{group}: {rows}" for group, rows in frame["cluster"].value_counts().sort_index().items()))
print(f"silhouette={values['silhouette']:.4g}")
