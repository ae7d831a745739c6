"""Looks for faults of DAG files without running them: a JSON list of texts in, a JSON list of fault lists out."""

import ast
import json
import re
import sys

RULES = {
    "all_success",
    "all_failed",
    "all_done",
    "all_skipped",
    "one_success",
    "one_failed",
    "one_done",
    "none_failed",
    "none_failed_min_one_success",
    "none_skipped",
    "always",
    "all_done_setup_success",
    "all_done_min_one_success",
}
MOVED = {
    "airflow.operators.python": "airflow.providers.standard.operators.python",
    "airflow.operators.python_operator": "airflow.providers.standard.operators.python",
    "airflow.operators.bash": "airflow.providers.standard.operators.bash",
    "airflow.operators.bash_operator": "airflow.providers.standard.operators.bash",
    "airflow.operators.dummy": "airflow.providers.standard.operators.empty",
    "airflow.operators.dummy_operator": "airflow.providers.standard.operators.empty",
    "airflow.operators.empty": "airflow.providers.standard.operators.empty",
    "airflow.operators.subdag": "airflow.sdk (TaskGroup)",
    "airflow.operators.subdag_operator": "airflow.sdk (TaskGroup)",
    "airflow.operators.trigger_dagrun": "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.sensors.external_task": "airflow.providers.standard.sensors.external_task",
    "airflow.sensors.filesystem": "airflow.providers.standard.sensors.filesystem",
    "airflow.contrib": "the provider packages",
    "airflow.decorators": "airflow.sdk",
    "airflow.models.dag": "airflow.sdk",
    "airflow.models.param": "airflow.sdk",
    "airflow.models.baseoperator": "airflow.sdk",
    "airflow.datasets": "airflow.sdk (Asset)",
    "airflow.utils.task_group": "airflow.sdk",
    "airflow.utils.dates": "pendulum.datetime",
}
MOVED_NAMES = {
    ("airflow", "DAG"): "airflow.sdk",
    ("airflow", "Dataset"): "airflow.sdk (Asset)",
    ("airflow.models", "DAG"): "airflow.sdk",
    ("airflow.models", "BaseOperator"): "airflow.sdk",
    ("airflow.models", "Variable"): "airflow.sdk",
    ("airflow.models", "Param"): "airflow.sdk",
}
GONE = {
    "schedule_interval": "write schedule=",
    "timetable": "write schedule=",
    "provide_context": "remove it; the context is always given",
    "concurrency": "write max_active_tasks=",
    "default_view": "remove it",
    "orientation": "remove it",
    "sla": "remove it; use deadline alerts",
    "sla_miss_callback": "remove it; use deadline alerts",
    "fail_stop": "write fail_fast=",
    "task_concurrency": "write max_active_tis_per_dag=",
}
WORDS = re.compile(
    r"\b(execution_date|next_execution_date|prev_execution_date|next_ds|prev_ds|yesterday_ds|tomorrow_ds|conf\.execution_date)\b"
)
PRESETS = {
    "once",
    "continuous",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "quarterly",
    "yearly",
    "annually",
    "midnight",
}
BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
NAMES = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
NAMES |= {name: n for n, name in enumerate("sun mon tue wed thu fri sat".split())}


def name_of(node):
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def bad_cron(text):
    """What is wrong with a cron expression."""
    if text.startswith("@"):
        return "" if text[1:] in PRESETS else f"there is no preset {text}"
    fields = text.split()
    if len(fields) not in (5, 6):
        return f"it has {len(fields)} fields instead of 5"
    for field, (low, high) in zip(fields, BOUNDS):
        for part in field.lower().split(","):
            part, _, step = part.partition("/")
            if step and not (step.isdigit() and int(step)):
                return f"{step!r} is no step"
            for bound in [] if part in ("*", "?") else part.split("#")[0].removesuffix("l").split("-"):
                number = NAMES.get(bound, int(bound) if bound.isdigit() else None)
                if bound and (number is None or not low <= number <= high):
                    return f"{bound!r} is not between {low} and {high}"
    return ""


class Linter(ast.NodeVisitor):
    """The faults of one file."""

    def __init__(self):
        self.found, self.ids, self.variables, self.edges = [], {}, {}, []
        self.has_dag = self.has_groups = self.dynamic = False
        self.pulled, self.depth = [], 0

    def fault(self, node, message, hint):
        self.found.append({"path": f"line {getattr(node, 'lineno', 1)}", "message": message, "hint": hint})

    def check(self, text):
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", 1) or 1
            return [
                {"path": f"line {line}", "message": f"this is no Python: {error}", "hint": "correct the line"}
            ]
        self.defined = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                self.defined.add(node.name)
            if isinstance(node, ast.arg):
                self.defined.add(node.arg)
            if isinstance(node, ast.alias):
                self.defined.add((node.asname or node.name).split(".")[0])
        self.elsewhere = {
            key.value
            for node in tree.body
            if isinstance(node, ast.Assign) and name_of(node.targets[0]) == "ELSEWHERE"
            for key in getattr(node.value, "keys", [])
        }
        self.visit(tree)
        if not self.has_dag:
            self.fault(
                tree, "the file holds no DAG", "write `with DAG(…):` or a function with `@dag`, and call it"
            )
        self.check_cycles()
        if not self.dynamic:
            for node, task in self.pulled:
                if task not in self.ids and task not in self.elsewhere:
                    known = ", ".join(sorted(self.ids)[:12]) or "none"
                    self.fault(node, f"values of the unknown task {task!r} are read", f"existing: {known}")
        return self.found

    def visit_FunctionDef(self, node):
        for decorator in node.decorator_list:
            call = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = name_of(call)
            if name == "dag":
                self.has_dag = True
            elif name == "task" or (isinstance(call, ast.Attribute) and name_of(call.value) == "task"):
                named = (
                    {k.arg: k.value for k in decorator.keywords} if isinstance(decorator, ast.Call) else {}
                )
                given = named.get("task_id")
                self.ids.setdefault(given.value if isinstance(given, ast.Constant) else node.name, node)
                self.dynamic = True  # the calls of a decorated function number their tasks
        self.generic_visit(node)

    def visit_ClassDef(self, node):
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1

    def visit_For(self, node):
        calls = [call for call in ast.walk(node) if isinstance(call, ast.Call)]
        if any(keyword.arg == "task_id" for call in calls for keyword in call.keywords):
            self.dynamic = True
        self.generic_visit(node)

    def visit_ImportFrom(self, node):
        module = node.module or ""
        moved = MOVED.get(module) or next(
            (to for start, to in MOVED.items() if module.startswith(f"{start}.")), None
        )
        if moved:
            self.fault(node, f"{module} is of Airflow 2", f"import from {moved}")
        for alias in node.names:
            to = MOVED_NAMES.get((module, alias.name))
            if to:
                self.fault(node, f"{module}.{alias.name} is of Airflow 2", f"import it from {to}")

    def visit_Import(self, node):
        for alias in node.names:
            if alias.name in MOVED:
                self.fault(node, f"{alias.name} is of Airflow 2", f"import from {MOVED[alias.name]}")

    def visit_Assign(self, node):
        if (
            len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Call)
        ):
            self.variables[node.targets[0].id] = self.task_id(node.value)
        self.generic_visit(node)

    def task_id(self, call):
        """The id of the task that a call makes, through `.expand` and the like."""
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        if isinstance(named.get("task_id"), ast.Constant):
            return named["task_id"].value
        inner = call.func.value if isinstance(call.func, ast.Attribute) else None
        return self.task_id(inner) if isinstance(inner, ast.Call) else None

    def visit_Call(self, node):
        name = name_of(node.func)
        named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        if name in ("DAG", "dag"):
            self.has_dag = True
            self.check_schedule(named.get("schedule") or named.get("schedule_interval"))
        if name in ("TaskGroup", "task_group"):
            self.has_groups = True
        if name.endswith("CronTriggerTimetable") or name == "CronDataIntervalTimetable":
            for argument in node.args:
                self.check_schedule(argument)
        if name == "days_ago":
            self.fault(
                node,
                "days_ago is of Airflow 2",
                "write a fixed start_date, for example pendulum.datetime(2025, 1, 1)",
            )
        if name in ("SubDagOperator", "DummyOperator"):
            better = "a TaskGroup" if name == "SubDagOperator" else "EmptyOperator"
            self.fault(node, f"{name} is of Airflow 2", f"use {better}")
        if name in ("DAG", "dag") or "task_id" in named or name == "dict":
            for gone in GONE.keys() & named.keys():
                self.fault(node, f"{gone} is of Airflow 2", GONE[gone])
        if "task_id" in named and name not in ("xcom_pull", "override"):
            self.check_task(node, named["task_id"])
        self.check_rule(named.get("trigger_rule"))
        if name == "xcom_pull":
            self.pull(node, named.get("task_ids") or (node.args[0] if node.args else None))
        if name == "output" and isinstance(node.func, ast.Name) and self.depth == 0 and node.args:
            self.pull(node, node.args[0])
        if name in ("set_upstream", "set_downstream") and isinstance(node.func, ast.Attribute):
            ends = self.ends(node.func.value), [end for argument in node.args for end in self.ends(argument)]
            before, after = ends if name == "set_downstream" else ends[::-1]
            self.edges += [(one, two, node) for one in before for two in after]
        if name == "chain":
            parts = [self.ends(argument) for argument in node.args]
            self.edges += [(a, b, node) for x, y in zip(parts, parts[1:]) for a in x for b in y]
        self.generic_visit(node)

    def check_task(self, node, given):
        if not isinstance(given, ast.Constant) or not isinstance(given.value, str) or self.depth:
            self.dynamic = self.dynamic or not self.depth
            return
        task = given.value
        if task in self.ids and not self.has_groups and not self.dynamic:
            self.fault(node, f"the task {task!r} is there twice", "give each task its own task_id")
        if not re.fullmatch(r"[\w.-]{1,250}", task):
            self.fault(
                node, f"{task!r} cannot be a task_id", "use letters, digits, dashes, dots and underscores"
            )
        self.ids.setdefault(task, node)

    def pull(self, node, given):
        for one in given.elts if isinstance(given, (ast.List, ast.Tuple)) else [given]:
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                self.pulled.append((node, one.value.split(".")[-1] if self.has_groups else one.value))

    def check_schedule(self, node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            wrong = bad_cron(node.value)
            if wrong:
                self.fault(
                    node,
                    f"the cron expression {node.value!r} is wrong: {wrong}",
                    "write for example 0 3 * * *",
                )

    def check_rule(self, node):
        if isinstance(node, ast.Constant) and node.value not in RULES:
            self.fault(
                node, f"there is no trigger rule {node.value!r}", f"existing: {', '.join(sorted(RULES))}"
            )
        if (
            isinstance(node, ast.Attribute)
            and name_of(node.value) == "TriggerRule"
            and node.attr.lower() not in RULES
        ):
            self.fault(node, f"there is no trigger rule {node.attr}", f"existing: {', '.join(sorted(RULES))}")

    def visit_Dict(self, node):
        for key, value in zip(node.keys, node.values):
            if isinstance(key, ast.Constant) and key.value == "trigger_rule":
                self.check_rule(value)
            if isinstance(key, ast.Constant) and key.value in ("provide_context", "sla"):
                self.fault(node, f"{key.value} is of Airflow 2", GONE[key.value])
        self.generic_visit(node)

    def visit_BinOp(self, node):
        if isinstance(node.op, (ast.RShift, ast.LShift)):
            left, right = self.ends(node.left, last=True), self.ends(node.right)
            before, after = (left, right) if isinstance(node.op, ast.RShift) else (right, left)
            self.edges += [(one, two, node) for one in before for two in after]
        self.generic_visit(node)

    def ends(self, node, last=False):
        """The variables at one end of a part of a dependency."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.RShift, ast.LShift)):
            return self.ends(node.right, last)
        if isinstance(node, (ast.List, ast.Tuple)):
            return [end for item in node.elts for end in self.ends(item, last)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            return self.ends(node.func.value, last)
        if isinstance(node, ast.Name):
            if node.id not in self.defined:
                self.fault(
                    node, f"the task {node.id!r} is not defined", "assign the task to this name before"
                )
                self.defined.add(node.id)
            return [node.id]
        return []

    def visit_Constant(self, node):
        if isinstance(node.value, str) and "{{" in node.value:
            found = [
                match for part in re.findall(r"\{\{(.*?)\}\}", node.value) for match in WORDS.findall(part)
            ]
            if found and not self.is_literal(node):
                self.fault(node, f"{found[0]} is of Airflow 2", "use logical_date, ds or data_interval_start")
            for task in re.findall(r"xcom_pull\((?:task_ids=)?['\"]([\w.-]+)['\"]", node.value):
                self.pulled.append((node, task))

    def visit_Subscript(self, node):
        if isinstance(node.slice, ast.Constant) and node.slice.value == "execution_date":
            self.fault(node, "execution_date is of Airflow 2", "use logical_date")
        self.generic_visit(node)

    def is_literal(self, node):
        return id(node) in self.literals

    def visit(self, node):
        if isinstance(node, ast.Module):
            calls = [
                call
                for call in ast.walk(node)
                if isinstance(call, ast.Call) and name_of(call.func) == "literal"
            ]
            named = {name_of(argument) for call in calls for argument in call.args}
            self.literals = {id(argument) for call in calls for argument in call.args}
            for statement in node.body:
                if isinstance(statement, ast.Assign) and name_of(statement.targets[0]) in named:
                    self.literals.add(id(statement.value))
        return super().visit(node)

    def check_cycles(self):
        after = {}
        for one, two, node in self.edges:
            after.setdefault(one, []).append((two, node))
        done, path = set(), []
        for start in list(after):
            stack = [(start, None, iter(after.get(start, [])))]
            path[:] = [start]
            while stack and start not in done:
                name, _, rest = stack[-1]
                following = next(rest, None)
                if following is None:
                    done.add(name)
                    stack.pop()
                    path.pop()
                elif following[0] in path:
                    cycle = [*path[path.index(following[0]) :], following[0]]
                    self.fault(
                        following[1],
                        f"tasks wait for each other: {' >> '.join(cycle)}",
                        "remove one of these edges",
                    )
                    return
                elif following[0] not in done:
                    stack.append((following[0], following[1], iter(after.get(following[0], []))))
                    path.append(following[0])


json.dump([Linter().check(text) for text in json.load(sys.stdin)], sys.stdout)
