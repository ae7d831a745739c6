"""A file of results, one JSON object a line: what is in it is not measured again."""
import json


class Results:
    def __init__(self, path):
        self.path, self.known = path, {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self.read()

    def read(self):
        """Reads what this process or another one has written."""
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                try:
                    key, value = json.loads(line)
                except ValueError:
                    continue  # the last line of an interrupted run
                self.known[tuple(key)] = value

    def get(self, key, measure):
        """The value under the key; measured and written if it is new."""
        if key not in self.known:
            self.put(key, measure())
        return self.known[key]

    def put(self, key, value):
        """Writes a value; what was under the key is forgotten."""
        if self.known.get(key) != value:
            self.known[key] = value
            with self.path.open("a") as file:
                file.write(json.dumps([list(key), value]) + "\n")

    def part(self, *prefix):
        """Everything whose key begins like this: {rest of the key: value}."""
        return {key[len(prefix):]: value for key, value in self.known.items() if key[:len(prefix)] == prefix}
