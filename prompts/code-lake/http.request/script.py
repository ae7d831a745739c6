# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
url, body, output = arg("url", ...), ARGS.get("body"), arg("output")
if not url.startswith(("http://", "https://")):
    fail(f"{url} is not a web address", "start it with https://")
params, headers = from_environment(arg("params", {}, dict)), from_environment(arg("headers", {}, dict))
if params:
    url += ("&" if "?" in url else "?") + urllib.parse.urlencode(params)
sent = None
if body not in (None, ""):
    sent = (body if isinstance(body, str) else json.dumps(body)).encode()
    if "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json" if isinstance(scalar(body), (dict, list)) else "text/plain; charset=utf-8"
if os.environ.get("HTTP_TOKEN") and "authorization" not in {name.lower() for name in headers}:
    headers["Authorization"] = "Bearer " + os.environ["HTTP_TOKEN"]
method = arg("method", "POST" if sent is not None else "GET").upper()
request = urllib.request.Request(url, sent, {"User-Agent": "couler", **headers}, method=method)
good = [int(status) for status in arg("status", [], list)]
path = output_path("response")
try:
    with urllib.request.urlopen(request, timeout=seconds("timeout", 60.0)) as answer, open(path, "wb") as file:
        status = answer.status
        shutil.copyfileobj(answer, file)
except urllib.error.HTTPError as error:
    status = error.code
    pathlib.Path(path).write_bytes(error.read())
except (OSError, ValueError) as error:
    fail(f"{method} {url} gave no answer: {error}", "check the address and the network")
with open(path, "rb") as file:
    start = file.read(4096)
said, size = start.decode("utf-8", "replace").strip(), os.path.getsize(path)
if status not in good if good else not 200 <= status < 300:
    fail(f"{method} {url} gave {status}: {' '.join(said.split())[:300]}", "check the request, and HTTP_TOKEN if the service needs one")
if output:
    copy = os.path.join(tempfile.mkdtemp(), os.path.basename(urllib.parse.urlsplit(url).path.rstrip("/")) or "response")
    shutil.copyfile(path, copy)
    print(f"saved to {put(copy, output)}")
emit("code", status)
emit("body", said)
print(f"{method} {url} gave {size} bytes")
print(f"code={status}")
