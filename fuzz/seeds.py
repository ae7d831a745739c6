"""Writes the inputs that fuzzing begins with to work/seeds, out of files that the repository has for other purposes."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "fuzz/work/seeds"


def put(target: str, number: int, text: str) -> None:
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(number)).write_text(text)


def gold() -> list[str]:
    """The programs of eval/gold, as text: they are blocks of YAML, all indented alike."""
    programs = []
    for file in sorted((ROOT / "eval/gold").glob("*.yaml")):
        for block in re.findall(r"^  program:\n((?:    .*\n)+)", file.read_text(), re.M):
            programs.append(re.sub(r"^    ", "", block, flags=re.M))
    return programs


def main() -> None:
    programs = gold()[::4] + [file.read_text() for file in (ROOT / "tests/conformance/programs").glob("*.yaml")]
    for number, text in enumerate(programs):
        put("program_yaml", number, text)
        for condition in re.findall(r"(?:when|condition): (.+)", text):
            put("condition", number, condition.strip("'\""))
        put("template", number, " ".join(re.findall(r"\S*\{\{.*", text)) or text[:300])
        put("mcp", number, mcp(text))
    for number, folder in enumerate(sorted((ROOT / "cards").glob("*/*.md"))):
        put("card", number, folder.read_text())
    answers()
    journals()


def mcp(program: str) -> str:
    messages = [
        {"method": "initialize", "params": {"protocolVersion": "2025-06-18"}},
        {"method": "tools/list"},
        {"method": "tools/call", "params": {"name": "explain", "arguments": {"program": program}}},
        {"method": "tools/call", "params": {"name": "compile", "arguments": {"program": program, "engine": "tekton"}}},
    ]
    lines = [json.dumps({"jsonrpc": "2.0", "id": number, **message}) for number, message in enumerate(messages)]
    return "\n".join(lines) + "\n"


def answers() -> None:
    step = {"text": "Load data/churn.csv", "task": "data.load", "name": "load", "with": {"source": "data/churn.csv"}}
    whole = {"workflow": True, "name": "w", "steps": [step, {**step, "name": "b", "task": "sklearn.train", "after": ["load"]}]}
    plan = {**whole, "schedule": "0 2 * * *", "finally": [{"text": "notify #ops", "task": "notify.send", "name": "n"}]}
    fragment = {"with": {"source": "data/churn.csv"}, "settings": {"retry": {"limit": 2}}}
    edit = {"action": "replace", "step": "c", "component": "sklearn.train"}
    for number in range(32):
        lines = [whole, plan, fragment] if number < 16 else [edit, plan, fragment]
        put("answer", number, "\n".join([chr(64 + number), *(json.dumps(line) for line in lines)]))


def journals() -> None:
    done = {"key": "0" * 64, "values": {"result": "[1, 2]"}, "seconds": 1.5}
    records = [
        {"event": "began", "version": 1, "workflow": "w", "at": 1},
        {"event": "started", "step": "a", "item": None, "attempt": 1},
        {"event": "succeeded", "step": "a", "item": None, "done": done},
        {"event": "failed", "step": "b", "item": 1, "attempt": 1, "message": "m", "retry_in": 3.0},
        {"event": "cached", "step": "b", "item": 0, "done": done},
        {"event": "repeated", "step": "c", "item": None, "round": 2},
        {"event": "lost", "step": "a"},
        {"event": "ended", "status": "failed", "at": 2},
    ]
    for number in range(1, len(records) + 1):
        put("journal", number, "\n".join(json.dumps(record) for record in records[:number]))
    manifest = {"version": 1, "workflow": "w", "working_dir": "/w", "parameters": {"p": "1"}, "host": False, "jobs": 2, "env": ["A"]}
    put("manifest", 0, json.dumps(manifest))
    put("program_json", 0, json.dumps({"version": "couler/v1", "name": "w", "steps": [
        {"name": "a", "map": {"over": {"kind": "range", "start": 0, "end": 9}}, "run": {"function": "run_container", "image": "i", "args": ["{{item}}"]}},
        {"name": "b", "after": ["a"], "when": "a.result == 'x'", "run": {"function": "run_script", "language": "bash", "source": "echo {{steps.a.result}}"}},
    ]}))
    put("model_file", 0, "qwen2.5-coder-1.5b\nGGUF\3\0\0\0")


sys.exit(main())
