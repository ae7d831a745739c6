# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas
import sqlalchemy

query, params, columns = arg("query", ...), arg("params", {}, dict), arg("columns", [], list)
engine, name = database(arg("connection", ...))
if " " not in query.strip():
    query = "SELECT * FROM " + ".".join(f'"{part}"' for part in query.strip().strip(";").split("."))
    query = query.replace('"', "`") if engine.name in ("mysql", "mariadb") else query
try:
    with engine.connect() as connection:
        rows = connection.execute(sql_text(query.rstrip().rstrip(";"), params), {key: scalar(value) for key, value in params.items()})
        limit = arg("limit", 0, int)
        frame = pandas.DataFrame(rows.fetchmany(limit) if limit else rows.fetchall(), columns=list(rows.keys()))
except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
    fail(f"the query on {name} failed: {sql_reason(error)}", "check the connection and the SQL")
if frame.empty:
    fail("the query gave no rows", "check its conditions")
need(frame, *columns, *([arg("target")] if arg("target") else []))
frame = plain_numbers(frame[columns] if columns else frame)
if arg("target"):
    TOLD["target"] = arg("target")
write_table(frame, output_path("data"))
emit("rows", len(frame))
print(f"{name} gave the columns {', '.join(map(str, frame.columns[:40]))}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
