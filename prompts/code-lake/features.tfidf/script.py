# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas
from sklearn.feature_extraction.text import TfidfVectorizer

frame, column = read_table(input_path("data")), arg("text", ...)
need(frame, column)


def share_or_count(value, whole):
    """A share stays one; anything above is a number of rows. What 1 means depends on the bound."""
    return value if value < 1 or value == 1 and whole else int(value)


left_out = arg("stop_words", "english")
if left_out not in ("english", "none"):
    fail(f"the argument stop_words is {left_out}", "use english or none")
maker = TfidfVectorizer(max_features=arg("max_features", 200, int), ngram_range=(1, arg("ngrams", 1, int)), sublinear_tf=True,
                        min_df=share_or_count(arg("min_df", 1.0, float), False), max_df=share_or_count(arg("max_df", 1.0, float), True),
                        stop_words="english" if left_out == "english" else None)
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
