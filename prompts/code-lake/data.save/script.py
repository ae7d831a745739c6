# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
ENDINGS = {"csv": ".csv", "tsv": ".tsv", "parquet": ".parquet", "json": ".json", "jsonl": ".jsonl", "excel": ".xlsx",
           "feather": ".feather", "orc": ".orc"}
DATABASES = ("postgres", "postgresql", "mysql", "mariadb", "sqlite", "duckdb", "mssql", "oracle", "snowflake", "bigquery", "redshift")
path, destination, mode = input_path("input"), arg("destination", ...), arg("mode", "replace")
plain = re.sub(r"\.(gz|zst)$", "", destination.lower())
asked = arg("format") or next((kind for kind, end in ENDINGS.items() if plain.endswith(end)), None)
squeeze = arg("compression") or {".gz": "gzip", ".zst": "zstd"}.get(pathlib.Path(destination.lower()).suffix)
if asked and asked not in ENDINGS:
    fail(f"the argument format is {asked}", f"use one of {', '.join(ENDINGS)}")
if mode not in ("replace", "append", "fail"):
    fail(f"the argument mode is {mode}", "use replace, append or fail")
with open(path, "rb") if os.path.isfile(path) else open(os.devnull, "rb") as file:
    is_table = file.read(4) == b"PAR1"


def there(uri):
    if uri.startswith("file://") or "://" not in uri:
        return os.path.exists(_local(uri))
    files, place = storage(uri)
    return files.exists(place)


def to_database(frame):
    import sqlalchemy
    if not arg("table"):
        fail("the table of the database has no name", "give the step table")
    engine, name = database(destination, create=True)
    schema, _, table = arg("table").rpartition(".")
    lists = [column for column in frame.columns if frame[column].map(lambda value: isinstance(value, (list, dict)) or hasattr(value, "tolist")
                                                                     and getattr(value, "ndim", 0)).any()]
    for column in lists:
        frame[column] = frame[column].map(lambda value: json.dumps(value.tolist() if hasattr(value, "tolist") else value))
    try:
        with engine.begin() as connection:
            frame.to_sql(table, connection, schema=schema or None, if_exists=mode, index=False, chunksize=1000)
    except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        fail(f"the table {arg('table')} of {name} cannot be written: {sql_reason(error)}", "check the connection, the columns and the mode")
    return f"{name}#{arg('table')}"


def written(frame, kind, copy):
    if kind in ("csv", "tsv"):
        mark = arg("delimiter", "\t" if kind == "tsv" else ",")
        mark = {"tab": "\t", "\\t": "\t", "semicolon": ";", "pipe": "|"}.get(mark.lower(), mark)
        frame.to_csv(copy, index=False, sep=mark, encoding=arg("encoding", "utf-8"), compression=squeeze if squeeze != "none" else None)
    elif kind == "parquet":
        need(frame, *folders)
        frame.to_parquet(copy, index=False, compression=None if squeeze == "none" else squeeze or "snappy", partition_cols=folders or None)
    elif kind == "excel":
        frame.to_excel(copy, index=False, sheet_name=arg("table", "Sheet1")[:31])
    elif kind in ("feather", "orc"):
        getattr(frame.reset_index(drop=True), "to_" + kind)(copy)
    else:
        frame.to_json(copy, orient="records", lines=kind == "jsonl", date_format="iso", compression=squeeze if squeeze != "none" else None)


what = "folder" if os.path.isdir(path) else "file"
frame = read_table(path, "parquet", empty=True) if is_table else None
chosen, folders = arg("columns", [], list), arg("partition_by", [], list)
if frame is not None and chosen:
    need(frame, *chosen)
    frame = frame[chosen]
scheme = destination.split(":")[0].split("+")[0].lower() if "://" in destination else ""
if scheme in DATABASES:
    if frame is None:
        fail(f"a {what} cannot be written to a database", "save a table, or choose a path")
    what, uri = f"table of {len(frame)} rows", to_database(frame)
else:
    if frame is not None:
        kind = asked or "parquet"
        if destination.endswith("/") and not folders:
            destination += "data" + ENDINGS[kind] + {"gzip": ".gz", "zstd": ".zst"}.get(squeeze if kind in ("csv", "tsv", "json", "jsonl") else "", "")
        if mode == "append" and there(destination):
            import pandas
            frame = pandas.concat([read_table(fetch(destination), kind if kind in ("parquet", "feather", "orc") else None), frame], ignore_index=True)
        copy = os.path.join(tempfile.mkdtemp(), "data" + ENDINGS[kind])
        what, path = f"table of {len(frame)} rows as {kind}", copy
    if mode == "fail" and there(destination):
        fail(f"{destination} is there already", "choose another destination, or the mode replace")
    if frame is not None:
        written(frame, kind, copy)
    uri = put(path, destination)
emit("uri", uri)
print(f"saved the {what}")
print(f"uri={uri}")
