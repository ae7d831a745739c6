//! A program as unified-API Python, in the style of the paper's listings: functions that run containers and scripts, and
//! `couler.dag`, `couler.when`, `couler.map`, `couler.exec_while`, `couler.concurrent` around them.

use serde_json::Value;

use crate::api::{
    Comparison, Condition, Function, Input, Job, Literal, MapItems, Operand, Output, OutputSource, Program,
    ScriptLanguage, Step, WORKFLOW, direct_dependencies,
};

/// Writes a program as Python.
pub fn python(program: &Program) -> String {
    let mut text = format!("import couler\n\ncouler.workflow({})\n", string(&program.name));
    header(program, &mut text);
    for step in program.steps.iter().chain(&program.on_exit) {
        function(step, &mut text);
    }
    text.push('\n');
    let plain = |step: &&Step| step.when.is_none() && step.map.is_none() && step.exec_while.is_none();
    if program.steps.iter().all(|step| plain(&step)) && program.steps.len() > 1 {
        dag(program, &mut text);
    } else {
        for step in ordered(program) {
            text.push_str(&dependent(step));
        }
    }
    for step in &program.on_exit {
        text.push_str(&format!(
            "couler.set_exit_handler({}, {})\n",
            status(step.when.as_ref()),
            variable(&step.name)
        ));
    }
    text
}

fn header(program: &Program, text: &mut String) {
    for (name, parameter) in &program.parameters {
        let default = parameter.default.as_ref().map_or_else(|| "None".to_owned(), |default| string(default));
        text.push_str(&format!("couler.parameter({}, default={default})\n", string(name)));
    }
    if let Some(schedule) = &program.schedule {
        let zone = schedule
            .timezone
            .as_ref()
            .map_or_else(String::new, |zone| format!(", timezone={}", string(zone)));
        for cron in &schedule.cron {
            text.push_str(&format!("couler.schedule({}{zone})\n", string(cron)));
        }
    }
    if let Some(parallelism) = program.settings.parallelism {
        text.push_str(&format!("couler.parallelism({parallelism})\n"));
    }
    if let Some(limit) = &program.settings.time_limit {
        text.push_str(&format!("couler.time_limit({})\n", string(&limit.to_string())));
    }
}

/// A name of Python.
fn variable(name: &str) -> String {
    const WORDS: [&str; 16] = [
        "and", "as", "class", "def", "del", "for", "from", "if", "import", "in", "is", "lambda", "not", "or",
        "pass", "with",
    ];
    let name = name.replace('-', "_");
    if WORDS.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// A value of Python; JSON's strings, numbers and lists are Python's.
fn value(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Array(items) => format!("[{}]", items.iter().map(self::value).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let items: Vec<String> =
                map.iter().map(|(name, item)| format!("{}: {}", string(name), self::value(item))).collect();
            format!("{{{}}}", items.join(", "))
        }
        other => other.to_string(),
    }
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| string(item)).collect::<Vec<_>>().join(", "))
}

fn function(step: &Step, text: &mut String) {
    if let Function::Concurrent(group) = &step.run {
        for member in &group.steps {
            function(member, text);
        }
        let members: Vec<String> =
            group.steps.iter().map(|member| format!("lambda: {}()", variable(&member.name))).collect();
        text.push_str(&format!(
            "\n\ndef {}():\n    return couler.concurrent([{}])\n",
            variable(&step.name),
            members.join(", ")
        ));
        return;
    }
    let item = if step.map.is_some() { "item" } else { "" };
    text.push_str(&format!("\n\ndef {}({item}):\n", variable(&step.name)));
    let mut arguments = Vec::new();
    let called = match &step.run {
        Function::RunContainer(call) => {
            arguments.push(format!("image={}", string(&call.image)));
            if !call.command.is_empty() {
                arguments.push(format!("command={}", list(&call.command)));
            }
            if !call.args.is_empty() {
                arguments.push(format!("args={}", list(&call.args)));
            }
            "couler.run_container".to_owned()
        }
        Function::RunScript(call) => {
            text.push_str(&source(&call.source));
            arguments.push("source=source".into());
            if call.language == ScriptLanguage::Bash {
                arguments.push("language=\"bash\"".into());
            }
            if let Some(image) = &call.image {
                arguments.push(format!("image={}", string(image)));
            }
            if !call.requirements.is_empty() {
                arguments.push(format!("requirements={}", list(&call.requirements)));
            }
            "couler.run_script".to_owned()
        }
        Function::RunJob(run) => {
            arguments.push(format!("kind={}", string(run.job.kind())));
            arguments.extend(job(&run.job));
            "couler.run_job".to_owned()
        }
        Function::Component(call) => {
            arguments.extend(call.with.iter().map(|(name, item)| format!("{name}={}", value(item))));
            format!("couler.steps.{}", call.component)
        }
        Function::Concurrent(_) => unreachable!("groups are written above"),
    };
    arguments.push(format!("step_name={}", string(&step.name)));
    arguments.extend(ports(step));
    arguments.extend(settings(step));
    let line = format!("    return {called}({})\n", arguments.join(", "));
    if line.chars().count() <= 100 {
        text.push_str(&line);
    } else {
        let indented: Vec<String> =
            arguments.iter().map(|argument| format!("        {argument},\n")).collect();
        text.push_str(&format!("    return {called}(\n{}    )\n", indented.concat()));
    }
}

/// What a step reads and writes, as `input=[…]` and `output=[…]` of the paper's listings.
fn ports(step: &Step) -> Vec<String> {
    let inputs: Vec<String> = step.inputs.iter().map(input).collect();
    let outputs: Vec<String> = step.outputs.iter().map(output).collect();
    [("input", inputs), ("output", outputs)]
        .into_iter()
        .filter(|(_, ports)| !ports.is_empty())
        .map(|(name, ports)| format!("{name}=[{}]", ports.join(", ")))
        .collect()
}

fn input(input: &Input) -> String {
    let at = |path: &Option<String>| {
        path.as_ref().map_or_else(String::new, |path| format!(", path={}", string(path)))
    };
    match input {
        Input::Parameter { name, value } => {
            format!("couler.create_parameter({}, value={})", string(name), string(value))
        }
        Input::Artifact { name, step, output, path } => format!(
            "couler.artifact_of({}, {}, name={}{})",
            string(step),
            string(output),
            string(name),
            at(path)
        ),
        Input::External { name, location, path } => {
            let location = value(&serde_json::to_value(location).unwrap_or_default());
            format!("couler.create_artifact(name={}, location={location}{})", string(name), at(path))
        }
    }
}

fn output(output: &Output) -> String {
    let name = string(&output.name);
    match &output.source {
        OutputSource::Parameter { path, default } => {
            let default =
                default.as_ref().map_or_else(String::new, |default| format!(", default={}", string(default)));
            format!("couler.create_parameter({name}, path={}{default})", string(path))
        }
        OutputSource::Artifact { path, port_type, store } => {
            let kind = value(&serde_json::to_value(port_type).unwrap_or_default());
            let store = store.as_ref().map_or_else(String::new, |store| {
                format!(", store={}", value(&serde_json::to_value(store).unwrap_or_default()))
            });
            format!("couler.create_artifact(name={name}, path={}, type={kind}{store})", string(path))
        }
    }
}

/// A source as a Python string that people can read.
fn source(text: &str) -> String {
    if text.contains("\"\"\"") || text.contains('\\') {
        return format!("    source = {}\n", string(text));
    }
    format!("    source = \"\"\"\n{}\n\"\"\"\n", text.trim_end())
}

fn job(job: &Job) -> Vec<String> {
    let json = serde_json::to_value(job).unwrap_or_default();
    json.as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.as_str() != "kind")
        .map(|(name, item)| format!("{name}={}", value(item)))
        .collect()
}

fn settings(step: &Step) -> Vec<String> {
    let json = serde_json::to_value(&step.settings).unwrap_or_default();
    json.as_object().into_iter().flatten().map(|(name, item)| format!("{name}={}", value(item))).collect()
}

/// Steps behind what they wait for.
fn ordered(program: &Program) -> Vec<&Step> {
    let mut left: Vec<&Step> = program.steps.iter().collect();
    let mut found: Vec<&Step> = Vec::new();
    while !left.is_empty() {
        let ready = left.iter().position(|step| {
            direct_dependencies(step).iter().all(|name| !left.iter().any(|other| other.name == *name))
        });
        found.push(left.remove(ready.unwrap_or(0)));
    }
    found
}

/// All edges in one call, as in the paper's listing of a diamond.
fn dag(program: &Program, text: &mut String) {
    text.push_str("couler.dag(\n    [\n");
    for step in ordered(program) {
        let name = variable(&step.name);
        let waits = direct_dependencies(step);
        if waits.is_empty() {
            text.push_str(&format!("        [lambda: {name}()],\n"));
        }
        for earlier in waits {
            text.push_str(&format!("        [lambda: {}(), lambda: {name}()],\n", variable(&earlier)));
        }
    }
    text.push_str("    ]\n)\n");
}

/// One step with what is around it.
fn dependent(step: &Step) -> String {
    let name = variable(&step.name);
    let mut call = match step.map.as_ref().map(|map| (&map.over, map.parallelism)) {
        Some((over, parallelism)) => {
            let items = match over {
                MapItems::List { items } => value(&Value::Array(items.clone())),
                MapItems::Range { start, end, step, pad } => {
                    let by = if *step == 1 { String::new() } else { format!(", {step}") };
                    let numbers = format!("range({start}, {}{by})", end.saturating_add(1));
                    match pad {
                        Some(digits) => format!("[f\"{{number:0{digits}}}\" for number in {numbers}]"),
                        None => numbers,
                    }
                }
                MapItems::Product { of } => {
                    let entry = |key: &String| format!("{}: {}", string(key), variable(key));
                    let entries: Vec<String> = of.keys().map(entry).collect();
                    let each = of.iter().map(|(key, values)| {
                        format!(" for {} in {}", variable(key), value(&Value::Array(values.clone())))
                    });
                    format!("[{{{}}}{}]", entries.join(", "), each.collect::<String>())
                }
                MapItems::Output { step, output } => {
                    format!("couler.output({}, {})", string(step), string(output))
                }
                MapItems::Parameter { name } => format!("couler.parameter({})", string(name)),
            };
            let most = parallelism.map_or_else(String::new, |most| format!(", parallelism={most}"));
            format!("couler.map(lambda item: {name}(item), {items}{most})")
        }
        None => format!("{name}()"),
    };
    if let Some(repeat) = &step.exec_while {
        call = format!(
            "couler.exec_while({}, lambda: {call}, limit={})",
            condition(&repeat.condition),
            repeat.limit
        );
    }
    if let Some(when) = &step.when {
        call = format!("couler.when({}, lambda: {call})", condition(when));
    }
    let waits = direct_dependencies(step);
    if waits.is_empty() {
        format!("{call}\n")
    } else {
        format!("couler.set_dependencies(lambda: {call}, dependencies={})\n", list(&waits))
    }
}

fn condition(when: &Condition) -> String {
    match when {
        Condition::Compare { left, comparison, right } => {
            let name = match comparison {
                Comparison::Equal => "equal",
                Comparison::NotEqual => "not_equal",
                Comparison::Less => "smaller",
                Comparison::LessOrEqual => "smaller_equal",
                Comparison::Greater => "bigger",
                Comparison::GreaterOrEqual => "bigger_equal",
            };
            format!("couler.{name}({}, {})", operand(left), operand(right))
        }
        Condition::In { left, values } => {
            let values: Vec<String> = values.iter().map(literal).collect();
            format!("couler.one_of({}, [{}])", operand(left), values.join(", "))
        }
        Condition::And(parts) => {
            format!("couler.all_of({})", parts.iter().map(condition).collect::<Vec<_>>().join(", "))
        }
        Condition::Or(parts) => {
            format!("couler.any_of({})", parts.iter().map(condition).collect::<Vec<_>>().join(", "))
        }
    }
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Output { step, output } => format!("couler.output({}, {})", string(step), string(output)),
        Operand::Parameter(name) => format!("couler.parameter({})", string(name)),
        Operand::Item(None) => "item".into(),
        Operand::Item(Some(key)) => format!("item[{}]", string(key)),
        Operand::Literal(constant) => literal(constant),
    }
}

fn literal(constant: &Literal) -> String {
    match constant {
        Literal::Number(number) => number.clone(),
        Literal::Text(text) => string(text),
    }
}

/// When a step at the end runs.
fn status(when: Option<&Condition>) -> &'static str {
    let failed = |condition: &Condition| {
        matches!(condition, Condition::Compare { left: Operand::Output { step, .. }, comparison, right: Operand::Literal(value) }
            if step == WORKFLOW
                && ((*comparison == Comparison::NotEqual && value.text() == "Succeeded")
                    || (*comparison == Comparison::Equal && value.text() != "Succeeded")))
    };
    match when {
        None => "couler.WFStatus.Any",
        Some(condition) if failed(condition) => "couler.WFStatus.Failed",
        Some(_) => "couler.WFStatus.Succeeded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_python() {
        let program: Program = serde_json::from_value(serde_json::json!({
            "version": "couler/v1", "name": "flip", "schedule": {"cron": ["0 6 * * 1"], "timezone": "Europe/Berlin"},
            "steps": [
                {"name": "flip-coin", "run": {"function": "run_script", "source": "print('heads')"},
                 "exec_while": {"condition": "flip-coin.result == 'tails'", "limit": 9}},
                {"name": "train", "run": {"function": "component", "component": "xgboost.train", "with": {"target": "y", "metrics": ["auc"]}},
                 "after": ["flip-coin"], "settings": {"retry": {"limit": 3}}},
                {"name": "each", "run": {"function": "run_container", "image": "a:1", "args": ["{{item}}"]},
                 "map": {"over": {"kind": "list", "items": ["x", "y"]}}, "when": "train.auc > 0.9"}
            ],
            "on_exit": [{"name": "tell", "run": {"function": "run_container", "image": "b:1"}, "when": "workflow.status != 'Succeeded'"}]
        }))
        .unwrap();
        insta::assert_snapshot!(python(&program));
    }

    #[test]
    fn what_steps_read_and_write_is_shown() {
        let program: Program = serde_json::from_value(serde_json::json!({
            "version": "couler/v1", "name": "w", "steps": [
                {"name": "a", "run": {"function": "run_container", "image": "a:1"}, "outputs": [
                    {"name": "score", "source": {"kind": "parameter", "path": "/tmp/score"}},
                    {"name": "model", "source": {"kind": "artifact", "path": "/tmp/model", "type": "model"}}]},
                {"name": "b", "run": {"function": "run_container", "image": "b:1"}, "after": ["a"], "inputs": [
                    {"kind": "parameter", "name": "SCORE", "value": "{{steps.a.score}}"},
                    {"kind": "artifact", "name": "model", "step": "a", "output": "model"}]}
            ]
        }))
        .unwrap();
        let text = python(&program);
        for expected in [
            "output=[couler.create_parameter(\"score\", path=\"/tmp/score\"), couler.create_artifact(name=\"model\", path=\"/tmp/model\", type=\"model\")]",
            "input=[couler.create_parameter(\"SCORE\", value=\"{{steps.a.score}}\"), couler.artifact_of(\"a\", \"model\", name=\"model\")]",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
