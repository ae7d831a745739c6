# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
url, message, body, metrics = arg("url", ...), arg("message"), arg("body", {}, dict), input_path("metrics", optional=True)
if message is None and not body:
    fail("there is nothing to send", "give the step a message or a body")
body = {**({"message": message} if message is not None else {}), **body}
method = arg("method", "POST").upper()
if not url.startswith(("http://", "https://")):
    fail(f"{url} is not a web address", "start it with https://")
if metrics:
    body["metrics"] = json.loads(pathlib.Path(metrics).read_text())
headers = {"Content-Type": "application/json", "User-Agent": "couler", **from_environment(arg("headers", {}, dict))}
if os.environ.get("WEBHOOK_TOKEN") and "authorization" not in {name.lower() for name in headers}:
    headers["Authorization"] = "Bearer " + os.environ["WEBHOOK_TOKEN"]
try:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers, method=method), timeout=30) as answer:
        status = answer.status
except OSError as error:
    fail(f"{url} refused the message: {error}", "check the address, and WEBHOOK_TOKEN if it needs one")
emit("code", status)
print(f"sent {len(json.dumps(body))} characters to {url}")
print(f"code={status}")
