# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
url, body, metrics = arg("url", ...), {"message": arg("message", ...)}, input_path("metrics", optional=True)
if not url.startswith(("http://", "https://")):
    fail(f"{url} is not a web address", "start it with https://")
if metrics:
    body["metrics"] = json.loads(pathlib.Path(metrics).read_text())
headers = {"Content-Type": "application/json", "User-Agent": "couler"}
if os.environ.get("WEBHOOK_TOKEN"):
    headers["Authorization"] = "Bearer " + os.environ["WEBHOOK_TOKEN"]
try:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=30) as answer:
        status = answer.status
except OSError as error:
    fail(f"{url} refused the message: {error}", "check the address, and WEBHOOK_TOKEN if it needs one")
emit("status", status)
print(f"sent {len(json.dumps(body))} characters to {url}")
print(f"status={status}")
