# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import re

frame, expression, columns = read_table(input_path("data")), arg("expression", ...), arg("columns", [], list)
need(frame, *columns)
parts = re.split(r"""('[^']*'|"[^"]*"|`[^`]*`)""", expression)
for i in range(0, len(parts), 2):  # SQL spellings outside of quotes
    part = re.sub(r"(?<![<>=!])=(?!=)", "==", parts[i].replace("<>", "!="))
    parts[i] = re.sub(r"\b(AND|OR|NOT|IN)\b", lambda word: word.group().lower(), part)
try:
    kept = frame.query("".join(parts), engine="python")
except Exception as error:
    there = ", ".join(frame.columns[:60])
    fail(f"the expression {expression!r} cannot be used: {error}", f"write it like age > 30; the columns are {there}")
without, limit = arg("exclude", False, bool), arg("limit", 0, int)
kept = frame.drop(kept.index) if without else kept
kept = kept.head(limit) if limit else kept
write_table(kept[columns] if columns else kept, output_path("data"))
emit("rows", len(kept))
emit("removed", len(frame) - len(kept))
print(f"{'removed' if without else 'kept'} the rows where {''.join(parts)}")
print(f"rows={len(kept)} removed={len(frame) - len(kept)}")
