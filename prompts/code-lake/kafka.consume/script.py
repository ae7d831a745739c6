# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import time

import pandas
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

brokers, topic, group = arg("brokers", ...), arg("topic", ...), arg("group")
most, quiet, start = arg("max_messages", 0, int), seconds("timeout", 10.0), arg("start", "earliest")
if start not in ("earliest", "latest"):
    fail(f"the argument start is {start}", "use earliest or latest")
wrong = []
settings = {"bootstrap.servers": brokers, "group.id": group or "couler", "auto.offset.reset": start, "enable.auto.commit": False,
            "enable.partition.eof": True, "error_cb": wrong.append, **from_environment(arg("options", {}, dict))}
try:
    consumer = Consumer(settings)
    about = consumer.list_topics(topic, timeout=max(quiet, 5.0)).topics[topic]
except (KafkaException, ValueError) as error:
    fail(f"the brokers {brokers} cannot be used: {error.args[0] if error.args else error}", "check the address, the network and the options")
if about.error or not about.partitions:
    fail(f"the topic {topic} cannot be read: {about.error or 'it has no partitions'}", "check its name and the access rights")
places = [TopicPartition(topic, number) for number in about.partitions]
if group:
    places = [place if place.offset >= 0 else TopicPartition(topic, place.partition) for place in consumer.committed(places, timeout=30)]
for place in places:  # what is there now is read, what comes while reading is not waited for
    low, high = consumer.get_watermark_offsets(place, timeout=30)
    if place.offset < 0:
        place.offset = low if start == "earliest" else high
consumer.assign(places)
ends, rows, last = set(), [], time.monotonic()
while len(ends) < len(places) and (not most or len(rows) < most) and time.monotonic() - last < quiet:
    message = consumer.poll(1.0)
    if message is None:
        continue
    last = time.monotonic()
    if message.error() is None:
        rows.append(message)
    elif message.error().code() == KafkaError._PARTITION_EOF:
        ends.add(message.partition())
    else:
        fail(f"reading {topic} failed: {message.error()}", "check the brokers and the access rights")
if not rows:
    fail(f"the topic {topic} has no new message", "check what should write it, or wait longer")
texts = [(message.value() or b"").decode("utf-8", "replace") for message in rows]
parsed = [scalar(text) for text in texts]
kind = arg("format") or ("json" if all(isinstance(item, dict) for item in parsed) else "text")
if kind == "json":
    bad = next((text for text, item in zip(texts, parsed) if not isinstance(item, dict)), None)
    if bad is not None:
        fail(f"a message is no JSON object: {bad[:200]!r}", "read it as text")
    frame = pandas.json_normalize(parsed)
else:
    stamps = pandas.to_datetime([message.timestamp()[1] for message in rows], unit="ms")
    frame = pandas.DataFrame({"key": [(message.key() or b"").decode("utf-8", "replace") for message in rows], "value": texts, "time": stamps})
write_table(frame, output_path("data"))
if group:
    ahead = {}
    for message in rows:
        ahead[message.partition()] = max(ahead.get(message.partition(), 0), message.offset() + 1)
    consumer.commit(offsets=[TopicPartition(topic, number, offset) for number, offset in ahead.items()], asynchronous=False)
consumer.close()
emit("rows", len(frame))
print(f"{topic} gave the columns {', '.join(map(str, frame.columns[:40]))}")
print(f"rows={len(frame)}")
