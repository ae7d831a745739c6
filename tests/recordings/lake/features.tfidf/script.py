# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas
from sklearn.feature_extraction.text import TfidfVectorizer

frame, column = read_table(input_path("data")), arg("text", ...)
need(frame, column)
maker = TfidfVectorizer(max_features=arg("max_features", 200, int), ngram_range=(1, arg("ngrams", 1, int)),
                        sublinear_tf=True, stop_words="english")
try:
    weights = maker.fit_transform(frame[column].fillna("").astype(str))
except ValueError as error:
    fail(f"the column {column} gives no words: {error}", "name a column with text")
names = [f"tfidf_{word.replace(' ', '_')}" for word in maker.get_feature_names_out()]
words = pandas.DataFrame(weights.toarray().astype("float32"), columns=names)
rest = frame if arg("keep_text", False, bool) else frame.drop(columns=[column])
words = words[[name for name in names if name not in rest.columns]]
result = pandas.concat([rest.reset_index(drop=True), words], axis=1)
write_table(result, output_path("data"))
emit("rows", len(result))
emit("columns", len(result.columns))
print(f"{len(names)} words of {column}, such as {', '.join(name[6:] for name in names[:8])}")
print(f"rows={len(result)} columns={len(result.columns)}")
