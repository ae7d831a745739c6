# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas
import sqlalchemy
import sqlparse

query, file, params = arg("query"), arg("file"), {key: scalar(value) for key, value in arg("params", {}, dict).items()}
if bool(query) == bool(file):
    fail("the step needs either a query or a file", "give the step one of them")
if file:
    query = pathlib.Path(in_code(file)).read_text(encoding="utf-8-sig")
statements = [text.strip().rstrip(";").strip() for text in sqlparse.split(query)]
statements = [text for text in statements if sqlparse.format(text, strip_comments=True).strip()]
if not statements:
    fail(f"{file or 'the query'} has no SQL statement", "write at least one")
engine, name = database(arg("connection", ...), create=True)
frame, changed, number = None, 0, 0
if engine.name == "sqlite":  # its Python driver leaves table definitions outside of transactions unless it is told to keep out
    @sqlalchemy.event.listens_for(engine, "connect")
    def keep_out(connection, _):
        connection.isolation_level = None

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN")
whole = arg("transaction", True, bool)
try:
    with engine.connect().execution_options(**({} if whole or engine.name in ("sqlite", "duckdb") else {"isolation_level": "AUTOCOMMIT"})) as connection:
        for number, statement in enumerate(statements, start=1):
            used = {key: value for key, value in params.items() if re.search(rf":{re.escape(key)}\b", statement)}
            done = connection.execute(sql_text(statement, used), used)
            words = statement.split()[0].lower()
            counted = done.returns_rows and engine.name == "duckdb" and list(done.keys()) == ["Count"]
            if counted:  # DuckDB gives the number of rows it has changed as a row
                count = int((done.fetchone() or [0])[0])
                changed += count
                print(f"{number}. {words}: {count} rows changed", flush=True)
            elif done.returns_rows:
                rows = done.fetchall()
                frame = plain_numbers(pandas.DataFrame(rows, columns=list(done.keys())))
                print(f"{number}. {words}: {len(rows)} rows", flush=True)
            else:
                changed += max(done.rowcount, 0) if words in ("insert", "update", "delete", "merge", "replace", "copy") else 0
                print(f"{number}. {words}: {max(done.rowcount, 0)} rows changed", flush=True)
            if not whole:
                connection.commit()
        connection.commit()
except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
    undone = whole and engine.name not in ("mysql", "mariadb", "oracle")  # these never undo table definitions
    rest = ", so everything is undone" if undone else f"; {number - 1} statements before it stay done"
    fail(f"statement {number} of {len(statements)} on {name} failed{rest}: {sql_reason(error)}", "check the connection and the SQL")
if frame is not None:
    write_table(frame, output_path("data"))
    if arg("output"):
        copy = os.path.join(tempfile.mkdtemp(), "rows" + (pathlib.Path(arg("output")).suffix.lower() or ".parquet"))
        if copy.endswith((".csv", ".tsv")):
            frame.to_csv(copy, index=False, sep="\t" if copy.endswith(".tsv") else ",")
        elif copy.endswith((".json", ".jsonl")):
            frame.to_json(copy, orient="records", lines=copy.endswith(".jsonl"), date_format="iso")
        else:
            frame.to_parquet(copy, index=False)
        print(f"saved to {put(copy, arg('output'))}")
elif arg("output"):
    fail("no statement gives rows that could be saved", "leave out output, or end with a query")
count = len(frame) if frame is not None else changed
emit("rows", count)
emit("value", frame.iat[0, 0] if frame is not None and len(frame) else "")
print(f"{len(statements)} statements on {name}")
print(f"rows={count}")
