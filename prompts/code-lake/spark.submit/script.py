# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import importlib.util
import time

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
application, began = arg("application", ...), time.monotonic()
here = in_code(application) if not application.startswith(("hdfs://", "s3a://", "local:")) else application


def spark_submit():
    """The program spark-submit: of SPARK_HOME, of the package pyspark, or of the path."""
    package = importlib.util.find_spec("pyspark")
    for home in (os.environ.get("SPARK_HOME"), os.path.dirname(package.origin) if package and package.origin else None):
        if home and os.path.exists(os.path.join(home, "bin", "spark-submit")):
            os.environ["SPARK_HOME"] = home
            return [os.path.join(home, "bin", "spark-submit")]
    found = shutil.which("spark-submit")
    return [found] if found else fail("spark-submit is not in the image", "use an image with Spark and Java")


def all_here(items):
    return ",".join(str(in_code(item)) if "://" not in item else item for item in items)


words = spark_submit()
master = arg("master", os.environ.get("SPARK_MASTER", "local[*]"))
flags = {"--master": master, "--deploy-mode": arg("deploy_mode"), "--class": arg("main_class"), "--name": arg("name"),
         "--packages": ",".join(arg("packages", [], list)), "--py-files": all_here(arg("py_files", [], list)), "--jars": all_here(arg("jars", [], list)),
         "--files": all_here(arg("files", [], list)), "--driver-memory": arg("driver_memory"), "--driver-cores": arg("driver_cores", None, int),
         "--executor-memory": arg("executor_memory"), "--executor-cores": arg("executor_cores", None, int),
         "--num-executors": arg("num_executors", None, int), "--queue": arg("queue")}
for flag, value in flags.items():
    words += [flag, str(value)] if value not in (None, "") else []
for name, value in arg("conf", {}, dict).items():
    words += ["--conf", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
program = str(here)
if program.lower().endswith(".sql"):  # a file of statements runs through a small program, which every Spark has Python for
    runner = os.path.join(tempfile.mkdtemp(), "statements.py")
    pathlib.Path(runner).write_text("""import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
text, part, quote = open(sys.argv[1], encoding="utf-8-sig").read(), "", None
lines = [line for line in text.splitlines() if not line.strip().startswith("--")]
statements = []
for mark in chr(10).join(lines):
    quote = None if mark == quote else mark if quote is None and mark in "'\\"`" else quote
    if mark == ";" and quote is None:
        statements, part = statements + [part], ""
    else:
        part += mark
for statement in [part.strip() for part in statements + [part] if part.strip()]:
    print(">", " ".join(statement.split())[:200], flush=True)
    spark.sql(statement).show(20, False)
""")
    words += [runner, os.path.abspath(program)]
else:
    words.append(program)
words += [str(word) for word in arg("args", [], list)]
print("running spark-submit " + " ".join(words[1:]), flush=True)
try:
    done = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
except OSError as error:
    fail(f"spark-submit cannot be started: {error}", "check the image")
said = []
for line in done.stdout:
    print(line, end="", flush=True)
    said = (said + [line.strip()])[-200:]
if done.wait():
    telling = [line for line in said if re.search(r"(Error|Exception)\b.*:|^Exception|JAVA_HOME|Unrecognized option|does not exist", line)]
    fail(f"{application} failed with exit code {done.returncode}: {(telling or said or ['no output'])[-1][:300]}", "read the log above")
emit("seconds", time.monotonic() - began)
print(f"{application} is done on {master}")
print(f"seconds={time.monotonic() - began:.0f}")
