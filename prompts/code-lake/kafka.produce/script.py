# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
from confluent_kafka import KafkaException, Producer

brokers, topic, key, single = arg("brokers", ...), arg("topic", ...), arg("key"), arg("message")
path, columns = input_path("data", optional=True), arg("columns", [], list)
if single is None and path is None:
    fail("there is nothing to send", "connect a table, or give the step a message")
refused = []
try:
    producer = Producer({"bootstrap.servers": brokers, "message.timeout.ms": 30000, **from_environment(arg("options", {}, dict))})
    producer.list_topics(timeout=15)
except (KafkaException, ValueError) as error:
    fail(f"the brokers {brokers} cannot be used: {error.args[0] if error.args else error}", "check the address, the network and the options")


def send(text, name=None):
    told = (lambda error, message: refused.append(error) if error else None)
    while True:
        try:
            return producer.produce(topic, text.encode(), None if name is None else str(name).encode(), on_delivery=told)
        except BufferError:  # the queue is full: let some of it go out
            producer.poll(1.0)


if single is not None:
    send(single)
    count = 1
else:
    frame = read_table(path)
    need(frame, *columns, *([key] if key else []))
    chosen = frame[columns] if columns else frame
    for row, name in zip(chosen.to_json(orient="records", lines=True, date_format="iso").splitlines(), frame[key] if key else [None] * len(frame)):
        send(row, name)
    count = len(frame)
left = producer.flush(60)
if refused or left:
    fail(f"{len(refused) or left} of {count} messages were not taken: {refused[0] if refused else 'no answer in 60 seconds'}", "check the topic and the brokers")
emit("messages", count)
print(f"sent to the topic {topic} of {brokers}")
print(f"messages={count}")
