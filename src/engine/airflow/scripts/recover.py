"""Reads DAG files without running them: a JSON list of texts in, a JSON list of graphs out."""

import ast
import json
import re
import sys

CHAINS = ("chain", "chain_linear", "as_teardown")
HELPERS = {"ItemList", "Verdict", "CreateClaim", "DeleteClaim", "StopDaemons", "CleanUp"}
SYMBOLS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
PODS = {"KubernetesPodOperator", "PodStep", "DaemonStep"}


class Call:
    """A call that is not carried out."""

    def __init__(self, name, positional, named):
        self.name, self.positional, self.named = name, positional, named


class Reader:
    """One file."""

    def __init__(self, text):
        self.text, self.tree = text, ast.parse(text)
        self.constants = {
            node.targets[0].id: node.value
            for node in self.tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }

    def value(self, node):
        """A constant, a list, a dictionary or a call, with the names of constants looked up."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.value(item) for item in node.elts]
        if isinstance(node, ast.Dict):
            return {self.value(key): self.value(value) for key, value in zip(node.keys, node.values)}
        if isinstance(node, ast.Name) and isinstance(self.constants.get(node.id), ast.Constant):
            return unified(self.constants[node.id].value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self.value(node.operand)
        if isinstance(node, ast.Call):
            return self.call(node)
        return node

    def table(self, name):
        """A constant of the file, if it is a dictionary."""
        value = self.value(self.constants[name]) if name in self.constants else None
        return value if isinstance(value, dict) else {}

    def texts_of(self, node):
        """Every string and number, with references in the words of the unified API."""
        if isinstance(node, ast.Call) and name_of(node.func) == "literal":
            argument = node.args[0]
            argument = (
                self.constants.get(argument.id, argument) if isinstance(argument, ast.Name) else argument
            )
            return [argument.value]
        if isinstance(node, ast.Constant):
            return [unified(node.value) if isinstance(node.value, str) else str(node.value)]
        if isinstance(node, ast.Name) and isinstance(self.constants.get(node.id), ast.Constant):
            return [unified(self.constants[node.id].value)]
        if isinstance(node, ast.Lambda):
            return [self.condition(node.body)]
        return [text for child in ast.iter_child_nodes(node) for text in self.texts_of(child)]

    def call(self, node):
        name = name_of(node.func)
        if name == "literal":
            argument = node.args[0]
            argument = (
                self.constants.get(argument.id, argument) if isinstance(argument, ast.Name) else argument
            )
            return argument.value
        named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        return Call(name, [self.value(argument) for argument in node.args], named)

    def condition(self, node):
        """A condition in the words of the unified API."""
        if isinstance(node, ast.BoolOp) and is_needed(node.values[0]):
            return self.condition(node.values[1]) if len(node.values) == 2 else self.all_of(node.values[1:])
        if isinstance(node, ast.BoolOp):
            word = " and " if isinstance(node.op, ast.And) else " or "
            return word.join(
                f"({self.condition(part)})" if isinstance(part, ast.BoolOp) else self.condition(part)
                for part in node.values
            )
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = node.left, node.comparators[0]
            if isinstance(node.ops[0], ast.In):
                values = ", ".join(self.operand(value) for value in right.elts)
                return f"{self.operand(left)} in [{values}]"
            return f"{self.operand(left)} {SYMBOLS[type(node.ops[0])]} {self.operand(right)}"
        return self.operand(node)

    def all_of(self, parts):
        return self.condition(ast.BoolOp(op=ast.And(), values=parts))

    def operand(self, node):
        if isinstance(node, ast.Call):
            names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            function = name_of(node.func)
            if function == "output" and names:
                return f"{names[0]}.{names[1] if len(names) > 1 else 'result'}"
            if function == "param" and names:
                return f"parameters.{names[0]}"
            if function == "item":
                return ".".join(["item", *names])
            if function == "status" and names:
                return f"{names[0]}.status"
            if function == "workflow_status":
                return "workflow.status"
            if function == "float" and names:
                return names[0]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return "'" + node.value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        return ast.get_source_segment(self.text, node)

    def dag(self):
        """The call that makes the DAG and the statements in it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if name_of(decorator.func if isinstance(decorator, ast.Call) else decorator) == "dag":
                        named = self.call(decorator).named if isinstance(decorator, ast.Call) else {}
                        return node.name, named, node.body
            if isinstance(node, ast.With) and isinstance(node.items[0].context_expr, ast.Call):
                call = node.items[0].context_expr
                if name_of(call.func) == "DAG":
                    first = [("dag_id", argument) for argument in call.args[:1]]
                    return "", dict(first) | self.call(call).named, node.body
        raise ValueError("the file holds no DAG")


def is_needed(node):
    """Whether a part of a condition only makes sure that steps did not fail."""
    return isinstance(node, ast.Call) and name_of(node.func) == "needed"


def name_of(node):
    """The last word of a dotted name."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


REFERENCE = re.compile(
    r"\{\{ (?:'(\{|\\r|\\n)'|(output|param|item|fact|status)\(((?:'[^']*'(?:, )?)*)\)|workflow_status\(\)) \}\}"
)


def unified(text):
    """A text with its references in the words of the unified API."""
    if not isinstance(text, str):
        return text

    def replace(found):
        if found[1]:
            return {"{": "{", "\\r": "\r", "\\n": "\n"}[found[1]]
        names = re.findall("'([^']*)'", found[3] or "")
        if found[2] == "output":
            return f"{{{{steps.{names[0]}.{names[1] if len(names) > 1 else 'result'}}}}}"
        if found[2] == "param":
            return f"{{{{parameters.{names[0]}}}}}"
        if found[2] == "item":
            return f"{{{{{'.'.join(['item', *names])}}}}}"
        if found[2] == "status":
            return f"{{{{steps.{names[0]}.status}}}}"
        if found[2] == "fact":
            return f"{{{{{names[0]}}}}}"
        return "{{workflow.status}}"

    return REFERENCE.sub(replace, text)


def unmarked(texts, variables):
    """The texts with what the marks in the arguments of components stand for."""
    if isinstance(variables, list):
        named = [call.named for call in variables if "value" in call.named]
        variables = {call["name"].value: getattr(call["value"], "value", "") for call in named}
    values = {name: unified(value) for name, value in variables.items() if name.startswith("COULER_ARG_")}
    mark = re.compile("@(COULER_ARG_[0-9]+)@")
    replace = lambda found: values.get(found[1], found[0])
    return [mark.sub(replace, text) if values else text for text in texts]


def seconds(call):
    """The length of a `timedelta`."""
    units = {"weeks": 604800, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
    return int(sum(units.get(unit, 0) * value.value for unit, value in call.named.items()))


class Graph:
    """The tasks and edges of a DAG."""

    def __init__(self, reader):
        self.reader = reader
        self.function, self.named, body = reader.dag()
        self.tasks, self.edges, self.teardowns = {}, set(), []
        # What the steps of a part wait for in parts that are over by then.
        self.barrier = reader.table("AFTER")
        for statement in body:
            self.statement(statement)

    def statement(self, node):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            self.task(node.targets[0].id, node.value)
        elif isinstance(node, ast.With):
            for inner in node.body:
                self.statement(inner)
        elif isinstance(node, ast.Expr):
            chained = isinstance(node.value, ast.Call) and name_of(node.value.func) in CHAINS
            if isinstance(node.value, ast.Call) and not chained:
                # A task that nothing names again has no variable.
                self.task(f"line {node.lineno}", node.value)
            self.expression(node.value)

    def task(self, variable, node):
        expand = None
        if isinstance(node, ast.Call) and name_of(node.func) == "expand":
            expand = {keyword.arg: keyword.value for keyword in node.keywords}
            node = node.func.value
        if isinstance(node, ast.Call):
            call = self.reader.call(node)
            if call.name == "partial":
                call.name = name_of(node.func.value)
            if "task_id" in call.named:
                self.tasks[variable] = (call, expand, node)

    def expression(self, node):
        """The tasks at the end of a chain of `>>`; its edges are noted."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.RShift, ast.LShift)):
            left, right = self.expression(node.left), self.expression(node.right)
            pair = (left, right) if isinstance(node.op, ast.RShift) else (right, left)
            self.edges |= {(before, after) for before in pair[0] for after in pair[1]}
            return right
        if isinstance(node, (ast.List, ast.Tuple)):
            return [name for item in node.elts for name in self.expression(item)]
        if isinstance(node, ast.Call) and name_of(node.func) == "as_teardown":
            names = self.expression(node.func.value)
            self.teardowns += names
            return names
        if isinstance(node, ast.Call) and name_of(node.func) in CHAINS[:2]:
            parts = [self.expression(argument) for argument in node.args]
            for before, after in zip(parts, parts[1:]):
                self.edges |= {(one, two) for one in before for two in after}
            return parts[-1]
        return [node.id] if isinstance(node, ast.Name) else []

    def before(self, variable):
        """The steps that a task waits for, through the tasks that only help."""
        found = set()
        for before, after in self.edges:
            if after == variable and before in self.tasks:
                call = self.tasks[before][0]
                if call.name == "Gate":
                    found |= {step for steps in self.reader.value(call.named["steps"]).values() for step in steps}
                else:
                    found |= self.before(before) if call.name in HELPERS else {call_id(self.reader, call)}
        return found

    def steps(self):
        kept, ended = {}, {}
        order = []
        for variable, (call, expand, node) in self.tasks.items():
            if call.name in HELPERS or call.name == "Gate":
                continue
            name = call_id(self.reader, call)
            step = self.step(variable, call, expand, node)
            if variable in self.teardowns:
                order.append((self.teardowns.index(variable), name))
                ended[name] = step | {"after": []}
            else:
                kept[name] = step
        return kept, ended, [name for _, name in sorted(order)]

    def step(self, variable, call, expand, node):
        reader = self.reader
        named = call.named
        get = lambda name: reader.value(named[name]) if name in named else None
        after = self.before(variable) | set(self.barrier.get(call_id(reader, call), []))
        items = None
        if expand:
            items, list_variable = self.items(next(iter(expand.values())))
            after |= self.before(list_variable) if list_variable else set()
        condition = lambda name: reader.condition(named[name].body) if name in named else None
        component = get("component")
        texts = []
        for name, value in named.items():
            if name not in ("doc", "component") and not (component and name in ("arguments", "source")):
                texts += reader.texts_of(value)
        texts = unmarked(texts, get("env_vars") or get("env") or {})
        manifest = get("manifest")
        command = get("cmds") or []
        is_script = command in (["python", "-c"], ["bash", "-c"]) or "language" in named
        return {
            "component": component,
            "kind": "job" if manifest else "script" if is_script else "container",
            "image": image_in(manifest) if manifest else unified(get("image")),
            "after": sorted(after),
            "when": condition("only_if"),
            "items": items,
            "map_parallelism": get("max_active_tis_per_dagrun"),
            "exec_while": [condition("repeat_while"), get("at_most")] if "repeat_while" in named else None,
            "retries": get("retries"),
            "timeout": seconds(get("execution_timeout")) if "execution_timeout" in named else None,
            "cache": (seconds(get("cache_max_age")) if "cache_max_age" in named else 0)
            if "cache_key" in named
            else None,
            "resources": self.resources(get("container_resources")),
            "texts": texts,
        }

    def resources(self, call):
        found = {}
        for side in ("limits", "requests") if call else ():
            found |= self.reader.value(call.named[side]) if side in call.named else {}
        return found

    def items(self, node):
        """The items of a mapped step, and the task that reads them."""
        if isinstance(node, ast.Call) and name_of(node.func) == "list":
            numbers = self.numbers(node.args[0])
            if numbers.step == 1:
                return [f"{numbers.start}..{numbers.stop - 1}"], None
            return [str(number) for number in numbers], None
        if isinstance(node, ast.ListComp):
            width = node.elt.values[0].format_spec.values[0].value
            return [json.dumps(format(number, width)) for number in self.numbers(node.generators[0].iter)], None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            source = self.tasks[node.value.id][0].named["items"].body
            operand = self.reader.operand(source)
            return [operand if operand.startswith("parameters.") else f"steps.{operand}"], node.value.id
        items = self.reader.value(node)
        return [json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items], None

    def numbers(self, node):
        """The numbers of `range(…)`."""
        return range(*(self.reader.value(bound) for bound in node.args))

    def slots(self):
        """The places of the pool that limits the steps of all parts."""
        return getattr(self.reader.constants.get("SLOTS"), "value", None)

    def recovered(self):
        reader, named = self.reader, self.named
        get = lambda name: reader.value(named[name]) if name in named else None
        steps, exit_steps, on_exit = self.steps()
        parameters = get("params") or {}
        limit = get("dagrun_timeout")
        return {
            "name": get("dag_id") or self.function,
            "schedule": schedule(get("schedule"), named),
            "parameters": {
                name: (param.positional[0] if param.positional else None)
                if isinstance(param, Call)
                else str(param)
                for name, param in parameters.items()
            },
            "steps": steps,
            "on_exit": on_exit,
            "exit_steps": exit_steps,
            "parallelism": get("max_active_tasks") or self.slots(),
            "time_limit": seconds(limit) if limit else None,
            "texts": [
                text
                for name, value in named.items()
                if name not in ("description", "user_defined_macros")
                for text in reader.texts_of(value)
            ]
            + [text for step in [*steps.values(), *exit_steps.values()] for text in step["texts"]],
        }


def call_id(reader, call):
    return reader.value(call.named["task_id"])


def image_in(value):
    """The first image in a manifest."""
    if isinstance(value, dict):
        if isinstance(value.get("image"), str):
            return value["image"]
        value = list(value.values())
    if isinstance(value, list):
        return next((found for found in map(image_in, value) if found), None)
    return None


def schedule(value, named):
    if isinstance(value, str):
        return [[value], None]
    if isinstance(value, Call) and value.name.endswith("TriggerTimetable"):
        zone = value.named.get("timezone")
        return [value.positional, zone.value if isinstance(zone, ast.Constant) else None]
    return None


def recover(text):
    try:
        return {"graph": Graph(Reader(text)).recovered()}
    except (SyntaxError, ValueError, AttributeError, IndexError, KeyError, TypeError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


json.dump([recover(text) for text in json.load(sys.stdin)], sys.stdout)
