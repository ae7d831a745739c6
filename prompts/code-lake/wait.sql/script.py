# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import time

poll, limit, began = seconds("poll", 30.0), seconds("timeout"), time.monotonic()
import sqlalchemy

query, params = arg("query", ...).rstrip().rstrip(";"), {key: scalar(value) for key, value in arg("params", {}, dict).items()}
uri, name = arg("connection", ...), "the database"
FALSE = ("", "0", "0.0", "f", "false", "n", "no", "none", "null")


def look():
    """The first value of the first row (None when there is no row), and what keeps the query from being asked."""
    global name
    engine, name = database(uri, wait=True)
    if engine is None:
        return None, "there is no such file yet"
    try:
        with engine.connect() as connection:
            row = connection.execute(sql_text(query, params), params).fetchone()
        return (row[0], None) if row else (None, None)
    except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.ProgrammingError) as error:
        # A server or a table that is not there yet may come; a mistake in the SQL stays one.
        reason = sql_reason(error)
        if "syntax" in reason.lower() or "parser error" in reason.lower():
            fail(f"the query on {name} failed: {reason}", "correct the SQL")
        return None, reason
    except sqlalchemy.exc.SQLAlchemyError as error:
        fail(f"the query on {name} failed: {sql_reason(error)}", "check the connection and the SQL")
    finally:
        engine.dispose()


wrong = None
while True:
    value, problem = look()
    if problem and problem != wrong:
        print(f"{name}: {problem}", flush=True)
    wrong = problem
    if value is not None and str(value).strip().lower() not in FALSE:
        break
    if limit is not None and time.monotonic() - began + poll > limit:
        fail(f"the query on {name} gave {problem or value or 'no row'} for {limit:g} seconds", "check what should write the rows, or wait longer")
    time.sleep(poll)
emit("value", value)
print(f"{name} is ready after {time.monotonic() - began:.0f} seconds")
print(f"value={value}")
