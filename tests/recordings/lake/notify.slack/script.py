# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
message, channel, metrics = arg("message", ...), arg("channel"), input_path("metrics", optional=True)
hook = os.environ.get("SLACK_WEBHOOK_URL")
if not hook:
    fail("the environment variable SLACK_WEBHOOK_URL is not set", "create an incoming webhook and set it, from a secret")
if metrics:
    values = json.loads(pathlib.Path(metrics).read_text())
    message += "".join(f"\n{name}: {value:.4g}" for name, value in values.items() if isinstance(value, (int, float)))
body = {"text": message, **({"channel": channel} if channel else {})}
request = urllib.request.Request(hook, json.dumps(body).encode(), {"Content-Type": "application/json"})
try:
    with urllib.request.urlopen(request, timeout=30) as answer:
        status = answer.status
except OSError as error:
    said = error.read(300).decode("utf-8", "replace") if hasattr(error, "read") else ""
    fail(f"Slack refused the message: {error} {said}".strip(), "check SLACK_WEBHOOK_URL and the channel")
print(f"posted {len(message)} characters" + (f" to {channel}" if channel else ""))
print(f"status={status}")
