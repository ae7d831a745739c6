# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import re

frame, expression = read_table(input_path("data")), arg("expression", ...)
parts = re.split(r"""('[^']*'|"[^"]*"|`[^`]*`)""", expression)
for i in range(0, len(parts), 2):  # SQL spellings outside of quotes
    part = re.sub(r"(?<![<>=!])=(?!=)", "==", parts[i].replace("<>", "!="))
    parts[i] = re.sub(r"\b(AND|OR|NOT|IN)\b", lambda word: word.group().lower(), part)
try:
    kept = frame.query("".join(parts), engine="python")
except Exception as error:
    there = ", ".join(frame.columns[:60])
    fail(f"the expression {expression!r} cannot be used: {error}", f"write it like age > 30; the columns are {there}")
write_table(kept, output_path("data"))
emit("rows", len(kept))
emit("removed", len(frame) - len(kept))
print(f"kept the rows where {''.join(parts)}")
print(f"rows={len(kept)} removed={len(frame) - len(kept)}")
