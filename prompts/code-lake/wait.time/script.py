# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import datetime
import time
import zoneinfo

until, span = arg("until"), seconds("duration")
if (span is None) == (until is None):
    fail("the step needs either a duration or a time", "give duration such as 10m, or until such as 06:30")
if until:
    try:
        zone = zoneinfo.ZoneInfo(arg("timezone", "UTC"))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        fail(f"the time zone {arg('timezone')} is unknown", "write it like Europe/Berlin")
    now = datetime.datetime.now(zone)
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", until):
            moment = datetime.datetime.combine(now.date(), datetime.time.fromisoformat(until.zfill(5)), zone)
            if moment <= now:
                moment = datetime.datetime.combine(now.date() + datetime.timedelta(days=1), moment.timetz())
        else:
            moment = datetime.datetime.fromisoformat(until)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    except ValueError:
        fail(f"the argument until is {until!r}", "write a time such as 06:30, or 2025-03-01 06:30")
    span = max(0.0, moment.timestamp() - time.time())
    print(f"waiting until {moment.isoformat(' ', 'minutes')}", flush=True)
end = time.monotonic() + span
while (left := end - time.monotonic()) > 0:
    time.sleep(min(left, 60))
print(f"waited {span:.0f} seconds")
