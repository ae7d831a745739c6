# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import pandas
import sqlalchemy

query = arg("query", ...)
try:
    url = sqlalchemy.engine.make_url(os.path.expandvars(arg("connection", ...)))
except sqlalchemy.exc.ArgumentError:
    fail("the argument connection is no database URI", "write it like postgresql://user@host:5432/database")
drivers = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql", "postgres": "postgresql+psycopg2"}
url = url.set(drivername=drivers.get(url.drivername, url.drivername))
if url.drivername.startswith("sqlite") and not os.path.exists(url.database or ""):
    fail(f"no file {url.database}", f"check the path of the SQLite database; the step runs in {os.getcwd()}")
if " " not in query.strip():
    query = "SELECT * FROM " + ".".join(f'"{part}"' for part in query.strip().strip(";").split("."))
    query = query.replace('"', "`") if url.drivername.startswith(("mysql", "mariadb")) else query
try:
    with sqlalchemy.create_engine(url).connect() as connection:
        frame = pandas.read_sql_query(sqlalchemy.text(query.rstrip().rstrip(";").replace(":", r"\:")), connection)
except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    fail(f"the query on {url.render_as_string(hide_password=True)} failed: {reason}", "check the connection and the SQL")
if frame.empty:
    fail("the query gave no rows", "check its conditions")
write_table(frame, output_path("data"))
emit("rows", len(frame))
print(f"{url.render_as_string(hide_password=True)} gave the columns {', '.join(map(str, frame.columns[:40]))}")
print(f"rows={len(frame)} columns={len(frame.columns)}")
