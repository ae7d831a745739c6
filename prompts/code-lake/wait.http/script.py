# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import time

poll, limit, began = seconds("poll", 30.0), seconds("timeout"), time.monotonic()

url, wanted, text = arg("url", ...), arg("status", 200, int), arg("contains")
if not url.startswith(("http://", "https://")):
    fail(f"{url} is not a web address", "start it with https://")
headers = {"User-Agent": "couler", **from_environment(arg("headers", {}, dict))}


def look():
    """The status and the text of the answer, or None and why there is none."""
    request = urllib.request.Request(url, headers=headers, method=arg("method", "GET"))
    try:
        with urllib.request.urlopen(request, timeout=max(5.0, min(60.0, limit or 60.0))) as answer:
            return answer.status, answer.read(1 << 20).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(1 << 20).decode("utf-8", "replace")
    except OSError as error:
        return None, str(error)


last = None
while True:
    status, said = look()
    if status == wanted and (not text or text in said):
        break
    now = f"{url} gives {status}" + (f" without {text!r}" if status == wanted else "") if status else f"{url} gives no answer: {said}"
    if now != last:
        print(now, flush=True)
    last = now
    if limit is not None and time.monotonic() - began + poll > limit:
        fail(f"{now} after {limit:g} seconds", "check the service, or wait longer")
    time.sleep(poll)
emit("code", status)
print(f"{url} is ready after {time.monotonic() - began:.0f} seconds")
print(f"code={status}")
