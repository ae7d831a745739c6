# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import html

title, kind = arg("title", "Report"), arg("format", "markdown")
if kind not in ("markdown", "html"):
    fail(f"the argument format is {kind}", "use markdown or html")


def shown(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


blocks, single = [], []  # a block is a text or a table: (heading, [header, row, ...])
for path in input_paths("metrics", optional=True):
    try:
        values = json.loads(pathlib.Path(path).read_text())
    except ValueError as error:
        fail(f"{path} holds no metrics: {error}", "connect the metrics output of a step")
    models = values.get("models")
    if isinstance(models, list) and models:
        names = [name for name in models[0] if name not in ("digest", "task")]
        rows = [[shown(row.get(name, "")) for name in names] for row in models]
        blocks.append((f"Comparison by {values.get('metric')}: best is {values.get('best')}", [names] + rows))
    else:
        single.append({name: shown(value) for name, value in values.items() if not isinstance(value, (list, dict))})
if single:
    names = list(dict.fromkeys(name for values in single for name in values))
    heads = ["value"] if len(single) == 1 else [f"value {i}" for i in range(1, len(single) + 1)]
    rows = [[name] + [values.get(name, "") for values in single] for name in names]
    blocks.insert(0, ("Metrics", [["metric"] + heads] + rows))
for path in input_paths("texts", optional=True):
    blocks.append((None, pathlib.Path(path).read_text(encoding="utf-8", errors="replace").strip()))
if arg("note"):
    blocks.insert(0, (None, arg("note")))
if not blocks:
    fail("there is nothing to report", "connect metrics or texts, or give the step a note")
lines = []
for heading, content in blocks:
    if kind == "html":
        lines += [f"<h2>{html.escape(heading)}</h2>"] if heading else []
        if isinstance(content, str):
            lines.append(f"<pre>{html.escape(content)}</pre>" if "\n" in content else f"<p>{html.escape(content)}</p>")
        else:
            rows = ["".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
                    for tag, row in [("th", content[0])] + [("td", row) for row in content[1:]]]
            lines += ["<table>"] + [f"<tr>{row}</tr>" for row in rows] + ["</table>"]
    else:
        lines += [f"## {heading}", ""] if heading else []
        if isinstance(content, str):
            lines += [content, ""]
        else:
            rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in content]
            lines += [rows[0], "|" + " --- |" * len(content[0])] + rows[1:] + [""]
if kind == "html":
    style = "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}td,th{border:1px solid #aaa;padding:.3em .6em}"
    name = html.escape(title)
    page = [f'<!doctype html><html><head><meta charset="utf-8"><title>{name}</title><style>{style}</style></head><body>',
            f"<h1>{name}</h1>", *lines, "</body></html>"]
else:
    page = [f"# {title}", "", *lines]
path = output_path("report")
pathlib.Path(path).write_text("\n".join(page).rstrip() + "\n", encoding="utf-8")
if arg("output"):
    print(f"saved to {put(path, arg('output'))}")
print(f"{kind} report with {len(blocks)} parts: {title}")
print(f"bytes={os.path.getsize(path)}")
