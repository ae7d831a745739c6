"""Components that talk to databases, web services, Kafka, notebooks, Spark and dbt: all of them real, on this machine."""
import email
import email.policy
import http.server
import importlib.util
import json
import os
import pathlib
import shutil
import socket
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time

import pandas
import pytest

from conftest import DATA
from test_components import MailSink


def later(seconds, action):
    threading.Timer(seconds, action).start()


@pytest.fixture
def api():
    """A small web service: /echo gives the request back, /late is ready at the third look, /never is not."""
    class Handler(http.server.BaseHTTPRequestHandler):
        seen = []

        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            request = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": self.rfile.read(length).decode()}
            self.seen.append(request)
            looks = sum(1 for one in self.seen if one["path"] == self.path)
            code = 200 if self.path.startswith("/echo") or self.path == "/late" and looks >= 3 else 202 if self.path == "/taken" else 503
            body = json.dumps(request).encode() if self.path.startswith("/echo") else b"ready" if code == 200 else b"not yet"
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Handler.seen
    server.shutdown()
    server.server_close()


# waiting

def test_wait_time(lake):
    began = time.monotonic()
    lake.run("wait.time", {"duration": "2s"})
    assert time.monotonic() - began >= 2
    assert "waited 0 seconds" in lake.run("wait.time", {"until": "2020-01-01 06:30", "timezone": "Europe/Berlin"}).stdout
    soon = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 2))
    assert lake.run("wait.time", {"until": soon}).last in ("waited 0 seconds", "waited 1 seconds", "waited 2 seconds")
    lake.refuse("wait.time", {}, {}, "duration")
    lake.refuse("wait.time", {"duration": "5s", "until": "06:30"}, {}, "either")
    lake.refuse("wait.time", {"duration": "a while"}, {}, "a while")
    lake.refuse("wait.time", {"until": "noon"}, {}, "noon")
    lake.refuse("wait.time", {"until": "06:30", "timezone": "Mars/Base"}, {}, "Mars/Base")


def test_wait_file(lake, tmp_path, api):
    base, _ = api
    later(2.5, lambda: (tmp_path / "ready-1.txt").write_text("12345"))
    done = lake.run("wait.file", {"path": str(tmp_path / "ready-*.txt"), "poll": "1s", "min_bytes": 5, "timeout": "60s"})
    assert done.value("bytes") == 5
    later(2.5, (tmp_path / "ready-1.txt").unlink)
    lake.run("wait.file", {"path": str(tmp_path / "ready-1.txt"), "poll": "1s", "absent": True, "timeout": "60s"})
    lake.refuse("wait.file", {"path": str(tmp_path / "never"), "poll": "1s", "timeout": "2s"}, {}, "never", "2 seconds")
    lake.run("wait.file", {"path": f"{base}/echo", "poll": "1s", "timeout": "20s"})
    lake.refuse("wait.file", {"path": f"{base}/never", "poll": "1s", "timeout": "2s"}, {}, "/never")


def test_wait_http(lake, api):
    base, seen = api
    done = lake.run("wait.http", {"url": f"{base}/late", "poll": "1s", "contains": "ready", "headers": {"X-Key": "$KEY"}}, environment={"KEY": "k1"})
    assert done.value("code") == 200 and len(seen) == 3 and seen[0]["headers"]["X-Key"] == "k1"
    assert lake.run("wait.http", {"url": f"{base}/taken", "status": 202, "method": "HEAD"}).value("code") == 202
    lake.refuse("wait.http", {"url": f"{base}/never", "poll": "1s", "timeout": "2s"}, {}, "503", "2 seconds")
    lake.refuse("wait.http", {"url": "http://127.0.0.1:1/", "poll": "1s", "timeout": "1s"}, {}, "no answer")
    lake.refuse("wait.http", {"url": "ftp://x"}, {}, "not a web address")


def test_wait_sql(lake, tmp_path):
    base = tmp_path / "jobs.db"

    def load():
        with sqlite3.connect(base) as connection:
            connection.execute("CREATE TABLE loads (day TEXT)")
            connection.execute("INSERT INTO loads VALUES ('2024-05-01')")
            connection.commit()

    later(3, load)
    arguments = {"connection": f"sqlite:///{base}", "query": "SELECT count(*) FROM loads WHERE day = :day;", "params": {"day": "2024-05-01"}, "poll": "1s"}
    done = lake.run("wait.sql", {**arguments, "timeout": "60s"})
    assert done.value("value") == 1 and "no such file" in done.stdout
    lake.refuse("wait.sql", {**arguments, "params": {"day": "2030-01-01"}, "timeout": "2s"}, {}, "2 seconds")
    lake.refuse("wait.sql", {**arguments, "query": "SELEC 1", "timeout": "9s"}, {}, "syntax")


# SQL

def statements(lake, uri, tmp_path):
    """What a database must do whatever its kind."""
    (tmp_path / "make.sql").write_text("-- two; tables\nCREATE TABLE a (x INTEGER, label VARCHAR(20));\nINSERT INTO a VALUES (1, 'one; still one'), (2, 'two');\n")
    made = lake.run("sql.run", {"connection": uri, "file": "make.sql"}, {"code": str(tmp_path)})
    assert made.value("rows") == 2 and "2 statements" in made.stdout
    again = lake.run("sql.run", {"connection": uri, "query": "INSERT INTO a VALUES (:x, :label); SELECT x, label FROM a ORDER BY x", "params": {"x": 3, "label": "a:b"},
                                     "output": str(tmp_path / "rows.csv")})
    assert again.table()["label"].tolist() == ["one; still one", "two", "a:b"] == pandas.read_csv(tmp_path / "rows.csv")["label"].tolist()
    assert again.value("rows") == 3 and again.value("value") == 1
    lake.refuse("sql.run", {"connection": uri, "query": "CREATE TABLE b (x INTEGER); INSERT INTO b VALUES (1); INSERT INTO nothing VALUES (1)"}, {},
                "statement 3", "undone")
    lake.refuse("data.load_sql", {"connection": uri, "query": "SELECT * FROM b"}, {}, "b")
    lake.refuse("sql.run", {"connection": uri, "query": "CREATE TABLE b (x INTEGER); INSERT INTO nothing VALUES (1)", "transaction": False}, {}, "stay done")
    lake.run("data.save", {"destination": uri, "table": "iris"}, {"input": lake.load("iris.csv")})
    lake.run("data.save", {"destination": uri, "table": "iris", "mode": "append"}, {"input": lake.load("iris.csv")})
    rows = lake.run("data.load_sql", {"connection": uri, "query": "SELECT species, petal_width FROM iris WHERE species = :kind", "params": {"kind": "setosa"},
                                      "limit": 90, "columns": ["petal_width"], "target": "petal_width"})
    assert rows.value("rows") == 90 and list(rows.table().columns) == ["petal_width"]
    lake.refuse("data.save", {"destination": uri, "table": "iris", "mode": "fail"}, {"input": lake.load("iris.csv")}, "iris")
    lake.refuse("data.save", {"destination": uri}, {"input": lake.load("iris.csv")}, "table")


def test_sql_on_sqlite(lake, tmp_path):
    statements(lake, f"sqlite:///{tmp_path}/shop.db", tmp_path)
    lake.refuse("sql.run", {"connection": f"sqlite:///{tmp_path}/shop.db"}, {}, "query", "file")


def test_sql_on_duckdb(lake, tmp_path):
    pytest.importorskip("duckdb_engine")
    statements(lake, f"duckdb:///{tmp_path}/shop.duckdb", tmp_path)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """A PostgreSQL server of its own, on a socket of this machine."""
    found = shutil.which("initdb") or next((str(path) for path in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    if not found:
        pytest.skip("PostgreSQL is not installed")
    bin, root, owner = pathlib.Path(found).resolve().parent, os.geteuid() == 0, None
    folder = pathlib.Path(__import__("tempfile").mkdtemp(dir="/tmp"))
    if root:  # the server refuses to run as root
        owner = next((name for name in ("postgres", "nobody") if subprocess.run(["id", name], capture_output=True).returncode == 0), None)
        if not owner or not shutil.which("setpriv"):
            pytest.skip("PostgreSQL cannot run as root, and there is no other user for it")
        shutil.chown(folder, owner)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    drop = ["setpriv", f"--reuid={owner}", "--clear-groups"] if owner else []
    place = {**os.environ, "HOME": str(folder)}
    subprocess.run([*drop, str(bin / "initdb"), "-D", str(folder / "data"), "-U", "me", "-A", "trust", "-N"], check=True, capture_output=True, env=place, cwd=folder)
    server = subprocess.Popen([*drop, str(bin / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=place, cwd=folder)
    try:
        for _ in range(100):
            if subprocess.run([str(bin / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)], capture_output=True).returncode == 0:
                break
            time.sleep(0.2)
        yield f"postgresql://me:$PGSECRET@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def test_sql_on_postgres(lake, tmp_path, postgres):
    pytest.importorskip("psycopg2")
    statements(lake, postgres, tmp_path)
    cast = lake.run("sql.run", {"connection": postgres, "query": "SELECT '12:30'::text AS at, 1.5::numeric AS half"}, environment={"PGSECRET": "hidden"})
    assert cast.table().to_dict("records") == [{"at": "12:30", "half": 1.5}] and "hidden" not in cast.stdout
    later(2, lambda: lake.attempt("sql.run", {"connection": postgres, "query": "CREATE TABLE late AS SELECT true AS ok"}))
    assert lake.run("wait.sql", {"connection": postgres, "query": "SELECT ok FROM late", "poll": "1s", "timeout": "60s"}).value("value") in (True, "True")


# HTTP and messages

def test_http_request(lake, api, tmp_path):
    base, _ = api
    done = lake.run("http.request", {"url": f"{base}/echo?a=1", "params": {"b": "x y"}, "headers": {"X-Key": "$KEY"}}, environment={"KEY": "k"})
    said = json.loads(pathlib.Path(done["response"]).read_text())
    assert said["method"] == "GET" and said["path"] == "/echo?a=1&b=x+y" and said["headers"]["X-Key"] == "k"
    assert done.value("code") == 200 and done.value("body") == said
    posted = lake.run("http.request", {"url": f"{base}/echo", "body": {"full": True}, "output": f"{tmp_path}/answers/"}, environment={"HTTP_TOKEN": "t"})
    said = posted.value("body")
    assert said["method"] == "POST" and json.loads(said["body"]) == {"full": True} and said["headers"]["Authorization"] == "Bearer t"
    assert json.loads((tmp_path / "answers" / "echo").read_text()) == said
    text = lake.run("http.request", {"url": f"{base}/echo", "method": "PUT", "body": "plain $HOME"}).value("body")
    assert text["method"] == "PUT" and text["body"] == "plain $HOME" and text["headers"]["Content-Type"].startswith("text/plain")
    assert lake.run("http.request", {"url": f"{base}/never", "status": [503]}).value("code") == 503
    lake.refuse("http.request", {"url": f"{base}/never"}, {}, "503", "not yet")
    lake.refuse("http.request", {"url": "http://127.0.0.1:1/", "timeout": "2s"}, {}, "no answer")


def test_messages(lake, api, tmp_path):
    base, seen = api
    lake.run("notify.webhook", {"url": f"{base}/echo", "body": {"run": 7}, "method": "PUT", "headers": {"X-Team": "ml"}})
    assert seen[-1]["method"] == "PUT" and json.loads(seen[-1]["body"]) == {"run": 7} and seen[-1]["headers"]["X-Team"] == "ml"
    lake.refuse("notify.webhook", {"url": f"{base}/echo"}, {}, "nothing to send")
    lake.run("notify.slack", {"message": "It failed.", "subject": "Nightly run", "recipients": ["ann", "U024BE7LH"], "username": "couler"},
             environment={"SLACK_WEBHOOK_URL": f"{base}/echo"})
    assert json.loads(seen[-1]["body"]) == {"text": "*Nightly run*\n@ann <@U024BE7LH>\nIt failed.", "username": "couler", "link_names": True}
    (tmp_path / "plan.csv").write_text("a\n1\n")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailSink) as server:
        server.mails, server.receivers = [], []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        env = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(server.server_address[1])}
        mail = {"to": ["ann@acme.com"], "subject": "Plan", "body": "<b>See</b>", "cc": ["bob@acme.com"], "bcc": ["eve@acme.com"], "sender": "ops@acme.com",
                "attachments": [str(tmp_path / "plan.csv")], "html": True}
        lake.run("notify.email", mail, environment=env)
        sent = email.message_from_bytes(server.mails[0], policy=email.policy.default)
        assert (sent["Cc"], sent["Bcc"], sent["From"], len(server.receivers)) == ("bob@acme.com", None, "ops@acme.com", 3)
        assert sent.get_body(("html",)).get_content().strip() == "<b>See</b>"
        assert [part.get_filename() for part in sent.iter_attachments()] == ["plan.csv"]
        lake.refuse("notify.email", {**mail, "cc": ["refused@acme.com"]}, {}, "refused@acme.com", environment=env)
        server.shutdown()


@pytest.fixture(scope="module")
def kafka():
    """The mock cluster of librdkafka: brokers that speak Kafka on this machine."""
    kafka = pytest.importorskip("confluent_kafka")
    cluster = kafka.Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1})
    brokers = [f"{broker.host}:{broker.port}" for broker in cluster.list_topics(timeout=10).brokers.values()]
    yield ",".join(brokers)
    cluster.flush(1)


def test_kafka(lake, shared, kafka):
    sent = lake.run("kafka.produce", {"brokers": kafka, "topic": "orders", "key": "customer_id", "columns": ["order_id", "amount"]}, {"data": shared("orders")})
    assert sent.value("messages") == 1000
    got = lake.run("kafka.consume", {"brokers": kafka, "topic": "orders", "group": "couler-test", "max_messages": 300, "timeout": "20s"})
    assert got.value("rows") == 300 and list(got.table().columns) == ["order_id", "amount"]
    rest = lake.run("kafka.consume", {"brokers": kafka, "topic": "orders", "group": "couler-test", "timeout": "20s"})
    assert rest.value("rows") == 700 and set(rest.table()["order_id"]) | set(got.table()["order_id"]) == set(pandas.read_csv(DATA / "orders.csv")["order_id"])
    lake.run("kafka.produce", {"brokers": kafka, "topic": "notes", "message": "hello"})
    text = lake.run("kafka.consume", {"brokers": kafka, "topic": "notes", "timeout": "20s"})
    assert text.table()["value"].tolist() == ["hello"]
    lake.refuse("kafka.consume", {"brokers": kafka, "topic": "notes", "format": "json", "timeout": "20s"}, {}, "hello")
    lake.refuse("kafka.produce", {"brokers": "127.0.0.1:1", "topic": "x", "message": "y"}, {}, "127.0.0.1:1")


# notebooks

def notebook(path, *cells):
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook
    book = new_notebook(cells=[new_code_cell(source, metadata={"tags": ["parameters"]} if number == 0 else {}) for number, source in enumerate(cells)])
    nbformat.write(book, path)


def test_notebook(lake, shared, tmp_path):
    pytest.importorskip("papermill")
    notebook(tmp_path / "sum.ipynb", "region = 'none'\nfactor = 1\ndata = None", "import pandas\nframe = pandas.read_parquet(data)",
             "open('where.txt', 'w').write(region)\nprint(region, frame['amount'].sum() * factor)")
    done = lake.run("notebook.run", {"notebook": "sum.ipynb", "parameters": {"region": "EU", "factor": "2"}, "output": str(tmp_path / "out" / "done.html")},
                    {"code": str(tmp_path), "data": shared("orders")})
    total = pandas.read_csv(DATA / "orders.csv")["amount"].sum() * 2
    assert done.value("cells") == 4 and f"EU {total}" in done.stdout and (tmp_path / "where.txt").read_text() == "EU"
    page = (tmp_path / "out" / "done.html").read_text()
    assert "<html" in page and "EU" in page
    assert json.loads(pathlib.Path(done["notebook"]).read_text())["cells"]
    notebook(tmp_path / "bad.ipynb", "x = 1", "1 / 0")
    lake.refuse("notebook.run", {"notebook": str(tmp_path / "bad.ipynb")}, {}, "bad.ipynb", "ZeroDivisionError")
    notebook(tmp_path / "slow.ipynb", "x = 1", "import time\ntime.sleep(60)")
    slow = lake.attempt("notebook.run", {"notebook": str(tmp_path / "slow.ipynb"), "timeout": "3s"})
    assert slow.code == 2 and "slow.ipynb cannot be run: CellTimeoutError" in slow.stderr  # beside what the kernel says when it is stopped
    lake.refuse("notebook.run", {"notebook": str(tmp_path / "bad.ipynb"), "kernel": "fortran"}, {}, "fortran")
    lake.refuse("notebook.run", {"notebook": str(tmp_path / "where.txt")}, {}, "where.txt", "not a notebook")


# Spark

@pytest.mark.skipif(not (importlib.util.find_spec("pyspark") and shutil.which("java")), reason="pyspark or Java is not installed")
def test_spark(lake, tmp_path):
    (tmp_path / "rules.py").write_text("def doubled(x):\n    return 2 * x\n")
    (tmp_path / "job.py").write_text(
        "import sys\nfrom pyspark.sql import SparkSession\nfrom rules import doubled\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "total = spark.read.csv(sys.argv[1], header=True, inferSchema=True).groupBy().sum('quantity').first()[0]\n"
        "print('TOTAL', doubled(total), spark.conf.get('spark.sql.shuffle.partitions'), spark.sparkContext.appName)\nspark.stop()\n")
    small = {"master": "local[1]", "conf": {"spark.ui.enabled": False, "spark.sql.shuffle.partitions": 3}, "driver_memory": "512m"}
    done = lake.run("spark.submit", {"application": "job.py", "args": [str(DATA / "orders.csv")], "py_files": ["rules.py"], "name": "sum-orders", **small},
                    {"code": str(tmp_path)})
    total = int(pandas.read_csv(DATA / "orders.csv")["quantity"].sum())
    assert f"TOTAL {2 * total} 3 sum-orders" in done.stdout and done.value("seconds") > 0
    (tmp_path / "count.sql").write_text(f"-- a view; then a count\nCREATE TEMPORARY VIEW orders USING csv OPTIONS (path '{DATA}/orders.csv', header 'true');\n"
                                        "SELECT count(*) AS n, ';' AS mark FROM orders\n")
    assert "1000" in lake.run("spark.submit", {"application": str(tmp_path / "count.sql"), **small}).stdout
    (tmp_path / "bad.py").write_text("raise ValueError('no such month')\n")
    lake.refuse("spark.submit", {"application": str(tmp_path / "bad.py"), **small}, {}, "no such month")
    lake.refuse("spark.submit", {"application": str(tmp_path / "gone.py"), **small}, {}, "gone.py")


# dbt

@pytest.fixture
def project(tmp_path):
    """A dbt project on DuckDB: a seed, two models, a test that holds and one that warns."""
    files = {
        "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: shop\nmodel-paths: [models]\nseed-paths: [seeds]\nmacro-paths: [macros]\nvars: {least: 0}\n",
        "profiles.yml": f"shop:\n  target: dev\n  outputs:\n    dev: {{type: duckdb, path: '{tmp_path}/dev.duckdb', threads: 1}}\n"
                        f"    prod: {{type: duckdb, path: '{tmp_path}/prod.duckdb', threads: 1}}\n",
        "seeds/orders.csv": (DATA / "orders.csv").read_text(),
        "models/big.sql": "select * from {{ ref('orders') }} where amount > {{ var('least') }}",
        "models/totals.sql": "{{ config(tags=['daily']) }} select product, sum(amount) as total from {{ ref('big') }} group by 1",
        "models/schema.yml": "version: 2\nmodels:\n  - name: totals\n    columns:\n      - name: product\n        data_tests: [unique, not_null]\n"
                             "      - name: total\n        data_tests:\n          - accepted_values:\n              arguments: {values: [1]}\n              config: {severity: warn}\n",
        "macros/greet.sql": "{% macro greet(name) %}{{ log('hello ' ~ name, info=True) }}{% endmacro %}",
    }
    for name, text in files.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "project"


@pytest.mark.skipif(not importlib.util.find_spec("dbt"), reason="dbt-core is not installed")
def test_dbt(lake, project, tmp_path):
    pytest.importorskip("dbt.adapters.duckdb")
    code = {"code": str(project)}
    built = lake.run("dbt.run", {"command": "build", "vars": {"least": 100}}, code)
    assert built.value("passed") == 5 and built.value("warned") == 1 and (pathlib.Path(built["target"]) / "manifest.json").is_file()
    orders = pandas.read_csv(DATA / "orders.csv")
    rows = lake.run("data.load_sql", {"connection": f"duckdb:///{tmp_path}/dev.duckdb", "query": "SELECT * FROM totals"})
    assert rows.table()["total"].sum() == pytest.approx(orders[orders["amount"] > 100]["amount"].sum())
    lake.run("dbt.run", {"command": "seed", "project_dir": str(project), "target": "prod", "full_refresh": True, "threads": 2})
    one = lake.run("dbt.run", {"command": "run", "project_dir": str(project), "target": "prod", "select": ["+totals"], "exclude": ["tag:daily"]})
    assert one.value("passed") == 1
    assert "hello world" in lake.run("dbt.run", {"command": "run-operation", "macro": "greet", "args": {"name": "world"}}, code).stdout
    lake.run("dbt.run", {"command": "docs generate"}, code)
    (project / "models" / "bad.sql").write_text("select nothing from {{ ref('orders') }}")
    lake.refuse("dbt.run", {"command": "run", "select": ["bad"]}, code, "bad", "nothing")
    lake.refuse("dbt.run", {"command": "run", "full_refresh": True, "project_dir": str(tmp_path)}, {}, "dbt_project.yml")
    lake.refuse("dbt.run", {"command": "run", "profile": "other"}, code, "other")


# git

def test_git_arguments(lake, tmp_path):
    source, who = tmp_path / "repo", ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(source)], check=True)
    for i in range(3):
        (source / "etl").mkdir(exist_ok=True)
        (source / "etl" / "job.py").write_text(f"print({i})\n")
        subprocess.run(["git", "-C", str(source), "add", "."], check=True)
        subprocess.run(["git", "-C", str(source), *who, "commit", "-q", "-m", str(i)], check=True)
    heads = subprocess.run(["git", "-C", str(source), "log", "--format=%H"], capture_output=True, text=True).stdout.split()
    done = lake.run("git.clone", {"repository": f"file://{source}", "revision": heads[1], "depth": 0, "path": str(tmp_path / "copy")})
    assert done.value("commit") == heads[1] and (tmp_path / "copy" / "etl" / "job.py").read_text() == "print(1)\n"
    deep = lake.run("git.clone", {"repository": f"file://{source}", "depth": 2})
    count = subprocess.run(["git", "-C", deep["code"], "rev-list", "--count", "HEAD"], capture_output=True, text=True).stdout.strip()
    assert count == "2"
    part = lake.run("git.clone", {"repository": f"file://{source}", "folder": "etl"})
    assert os.listdir(part["code"]) == ["job.py"] and part.value("commit") == heads[0]
    lake.refuse("git.clone", {"repository": f"file://{source}", "folder": "../../etc"}, {}, "no folder")
    lake.refuse("git.clone", {"repository": f"file://{source}", "branch": "main", "revision": heads[1]}, {}, "one of them")
