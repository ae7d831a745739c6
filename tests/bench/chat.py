"""How fast `couler chat` answers a person: start to prompt, one-setting edits, Ctrl-C to prompt.

python3 tests/bench/chat.py target/release/couler [--model local] [-n 20]

Everything is measured in a pseudo-terminal, from the key to the text on the screen.
"""

import argparse
import os
import pty
import select
import signal
import statistics
import tempfile
import time

PROGRAM = """version: couler/v1
name: churn
steps:
  - {name: load, run: {function: component, component: data.load, with: {source: data/churn.csv}}}
  - {name: train, run: {function: component, component: xgboost.train, with: {target: churn}}, after: [load]}
  - {name: evaluate, run: {function: component, component: model.evaluate}, after: [train]}
"""


class Terminal:
    def __init__(self, couler, folder, arguments):
        self.started = time.perf_counter()
        self.process, self.screen = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.environ.update(TERM="xterm", NO_COLOR="1")
            os.execv(couler, [couler, "chat", "churn.yaml", "--apply", *arguments])
        self.seen = b""

    def type(self, text):
        os.write(self.screen, text.encode())
        return time.perf_counter()

    def wait(self, text, seconds=120):
        """Waits until the text is on the screen, and forgets everything up to it."""
        end = time.perf_counter() + seconds
        while text.encode() not in self.seen:
            if time.perf_counter() > end:
                raise SystemExit(f"{text!r} did not come; the screen: {self.seen.decode(errors='replace')}")
            if select.select([self.screen], [], [], 0.5)[0]:
                self.seen += os.read(self.screen, 65536)
        self.seen = self.seen.split(text.encode(), 1)[1]
        return time.perf_counter()

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.screen)


def shown(name, times, limit):
    times = [1000 * t for t in times]
    print(f"{name:<44} median {statistics.median(times):8.1f} ms, most {max(times):8.1f} ms, n = {len(times)} (aim {limit})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("couler")
    parser.add_argument("--model", default="local")
    parser.add_argument("-n", type=int, default=20)
    options = parser.parse_args()
    couler = os.path.abspath(options.couler)
    arguments = ["--model", options.model]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "churn.yaml"), "w") as file:
            file.write(PROGRAM)
        starts = []
        for _ in range(options.n):
            terminal = Terminal(couler, folder, arguments)
            starts.append(terminal.wait("churn> ") - terminal.started)
            terminal.close()
        shown("start to prompt", starts, "50 ms")

        terminal = Terminal(couler, folder, arguments)
        terminal.wait("churn> ")
        settings, additions, stops = [], [], []
        for index in range(options.n):
            begin = terminal.type(f"retry training {index + 2} times\r")
            terminal.wait("manifest lines")
            settings.append(terminal.wait("churn> ") - begin)
        shown("one-setting edit: retry training N times", settings, "10 s")
        for index in range(max(options.n // 4, 3)):
            begin = terminal.type(f"add a slack message to #ml-{index} if it fails\r")
            terminal.wait("manifest lines", 600)
            additions.append(terminal.wait("churn> ") - begin)
            terminal.type("/undo\r")
            terminal.wait("taken back")
            terminal.wait("churn> ")
        shown("an edit that needs the model: a new message", additions, "10 s")
        for index in range(max(options.n // 2, 5)):
            terminal.type(f"add a webhook to https://example.org/{index} which says what failed, and why, if it fails\r")
            terminal.wait("generate", 600)
            # In the middle of the work, sooner and later.
            time.sleep(0.02 + 0.02 * index)
            begin = terminal.type("\x03")
            terminal.wait("stopped")
            stops.append(terminal.wait("churn> ") - begin)
        shown("Ctrl-C to prompt while the model works", stops, "150 ms")
        terminal.close()


if __name__ == "__main__":
    main()
