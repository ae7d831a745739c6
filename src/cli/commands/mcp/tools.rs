//! The tools: their schemas, and what they do.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use super::Arguments;
use crate::api::{Format, Program, program_from_value, validate_against, write_program};
use crate::chat::{Conversation, Difference, Session};
use crate::cli::compile_target::{EngineChoice, generate};
use crate::cli::lazy_model::LazyModel;
use crate::cli::{Environment, Failure, Output, model_choice};
use crate::engine::GenerateOptions;
use crate::ir::{Workflow, lower};
use crate::lake::Lake;
use crate::llm::Budget;
use crate::nl::{PipelineOptions, Prompts, Silent};

/// Name, description, properties, and what must be given.
type Tool = (&'static str, &'static str, fn() -> Value, &'static [&'static str]);

const TOOLS: [Tool; 6] = [
    (
        "plan",
        "Turn a plain-language description of a machine-learning workflow into a validated program.",
        || json!({"description": {"type": "string", "minLength": 1, "description": "what the workflow should do, in any language"}}),
        &["description"],
    ),
    (
        "edit",
        "Change a program as a remark says, for example \"retry train 3 times\". Steps that the remark does not speak of stay the same byte for byte. Questions are answered without a change.",
        || json!({"program": program_schema(), "remark": {"type": "string", "minLength": 1, "description": "what should change"}}),
        &["program", "remark"],
    ),
    (
        "compile",
        "Write the files of a workflow system for a program.",
        || json!({"program": program_schema(), "engine": {"type": "string", "enum": engine_names(), "description": "the workflow system"}}),
        &["program"],
    ),
    (
        "lint",
        "Find faults of meaning in a manifest (Argo, Tekton) or a DAG file (Airflow) that a schema cannot find.",
        || json!({"text": {"type": "string", "minLength": 1, "description": "the file"}, "name": {"type": "string", "description": "its name; Airflow files end in .py"}}),
        &["text"],
    ),
    (
        "explain",
        "Tell what a program does: order, wiring, conditions, loops.",
        || json!({"program": program_schema()}),
        &["program"],
    ),
    (
        "run",
        "Run a program on this machine and return the results of its steps. Only offered where couler mcp was started with --allow-run.",
        || json!({"program": program_schema(), "parameters": {"type": "object", "additionalProperties": {"type": "string"}, "description": "values of workflow parameters"}}),
        &["program"],
    ),
];

fn program_schema() -> Value {
    json!({"type": ["object", "string"], "description": "a unified-API program: an object, or YAML or JSON text"})
}

fn engine_names() -> Vec<&'static str> {
    crate::engine::engines().iter().map(|engine| engine.name()).collect()
}

/// What the tools need.
pub(super) struct Tools<'a> {
    environment: &'a Environment,
    output: &'a Output,
    lake: Lake,
    prompts: Option<Prompts>,
    model: LazyModel,
    allow_run: bool,
    budget: Budget,
    runtime: tokio::runtime::Runtime,
}

/// What a tool gives: text for people, and the same as a value.
type Outcome = Result<(String, Value), Failure>;

impl<'a> Tools<'a> {
    pub(super) fn new(
        arguments: &Arguments,
        environment: &'a Environment,
        output: &'a Output,
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(error.to_string(), "too many threads or files are open"))?;
        Ok(Self {
            environment,
            output,
            lake: crate::cli::commands::open_lake(environment)?,
            prompts: None,
            model: model_choice::open_later(arguments.model.as_deref(), None, environment, output)?,
            allow_run: arguments.allow_run,
            budget: Budget { tokens: arguments.budget_tokens, dollars: None },
            runtime,
        })
    }

    fn offered(&self) -> impl Iterator<Item = &'static Tool> {
        let allow_run = self.allow_run;
        TOOLS.iter().filter(move |(name, ..)| *name != "run" || allow_run)
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.offered().any(|(known, ..)| *known == name)
    }

    /// The tools with their schemas.
    pub(super) fn list(&self) -> Vec<Value> {
        self.offered()
            .map(|(name, about, properties, required)| {
                json!({"name": name, "description": about, "inputSchema": schema(&properties(), required)})
            })
            .collect()
    }

    /// Calls a tool; what goes wrong is part of the answer, so that the assistant can do better.
    pub(super) fn call(&mut self, name: &str, arguments: &Value) -> Value {
        let Some((_, _, properties, required)) = TOOLS.iter().find(|(known, ..)| *known == name) else {
            return failed("there is no such tool");
        };
        if let Err(problems) = validate_against(&schema(&properties(), required), arguments) {
            return failed(&problems.to_string());
        }
        // A fault in one call is told, and does not end the others.
        let called = catch_unwind(AssertUnwindSafe(|| self.called(name, arguments)));
        let fault =
            || Failure::failed("the answer of the model could not be used (a fault in couler)", "ask again");
        match called.unwrap_or_else(|_| Err(fault())) {
            Ok((text, value)) => {
                json!({"content": [{"type": "text", "text": text}], "structuredContent": value, "isError": false})
            }
            Err(failure) => failed(&format!("{}\n{}", failure.message(), failure.hint())),
        }
    }

    fn called(&mut self, name: &str, arguments: &Value) -> Outcome {
        match name {
            "plan" => self.plan(arguments["description"].as_str().unwrap_or_default()),
            "edit" => self.edit(&arguments["program"], arguments["remark"].as_str().unwrap_or_default()),
            "compile" => self.compile(&arguments["program"], arguments["engine"].as_str().unwrap_or("argo")),
            "lint" => lint(
                arguments["name"].as_str().unwrap_or("manifest.yaml"),
                arguments["text"].as_str().unwrap_or_default(),
            ),
            "explain" => self.explain(&arguments["program"]),
            _ => self.run(&arguments["program"], &arguments["parameters"]),
        }
    }

    /// A conversation of one turn.
    fn said(
        &mut self,
        program: Option<Program>,
        remark: &str,
    ) -> Result<(Session, crate::chat::Reply), Failure> {
        let mut session = Session::new("mcp", 0);
        session.settings.auto_apply = true;
        session.settings.budget = self.budget;
        if let Some(program) = program {
            session.replace(program);
        }
        let prompts = self.prompts.get_or_insert_with(Prompts::built_in);
        let conversation = Conversation {
            model: &self.model,
            lake: &self.lake,
            prompts,
            options: PipelineOptions::default(),
            observer: &Silent,
        };
        let reply = self.runtime.block_on(conversation.say(&mut session, remark))?;
        Ok((session, reply))
    }

    fn plan(&mut self, description: &str) -> Outcome {
        let (session, reply) = self.said(None, description)?;
        let Some(program) = session.program() else {
            return Ok((reply.text.clone(), json!({"reply": reply})));
        };
        let text = write_program(program, Format::Yaml)?;
        Ok((text, json!({"program": program, "notes": reply.notes})))
    }

    fn edit(&mut self, program: &Value, remark: &str) -> Outcome {
        let before = read_program(program)?;
        let (session, reply) = self.said(Some(before.clone()), remark)?;
        let after = session.program().unwrap_or(&before);
        let difference = Difference::between(&before, after, &self.lake);
        let text = format!("{}\n\n{}", reply.text, write_program(after, Format::Yaml)?);
        Ok((text, json!({"reply": reply, "program": after, "difference": difference})))
    }

    fn workflow(&self, program: &Value) -> Result<(Program, Workflow), Failure> {
        let program = read_program(program)?;
        let workflow = lower(&program, &self.lake)
            .map_err(|problems| Failure::failed(problems.to_string(), "mend the program"))?;
        Ok((program, workflow))
    }

    fn compile(&self, program: &Value, engine: &str) -> Outcome {
        let (_, workflow) = self.workflow(program)?;
        let files = generate(&workflow, &EngineChoice::parse(engine)?, &GenerateOptions::default())?;
        let text: Vec<&str> = files.iter().map(|file| file.content.as_str()).collect();
        let values: Vec<Value> =
            files.iter().map(|file| json!({"name": file.name, "content": file.content})).collect();
        Ok((text.join("\n"), json!({"files": values})))
    }

    fn explain(&self, program: &Value) -> Outcome {
        let (_, workflow) = self.workflow(program)?;
        let text = crate::cli::commands::explain::explained(&workflow);
        Ok((text, json!({"graph": crate::ir::canonical_json(&workflow)})))
    }

    fn run(&self, program: &Value, parameters: &Value) -> Outcome {
        use crate::cli::commands::run;
        let (program, workflow) = self.workflow(program)?;
        let parameters: HashMap<String, String> = parameters
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        let (id, report) = run::start(
            &workflow,
            &write_program(&program, Format::Yaml)?,
            parameters,
            run::RunOptions::default(),
            self.environment,
            self.output,
            run::opening_store(self.environment),
        )?;
        run::verdict(&id, &report)?;
        Ok((format!("run {id}: {}", report.status), json!({"id": id, "report": report})))
    }
}

fn lint(name: &str, text: &str) -> Outcome {
    let problems = crate::cli::commands::lint::of_file(std::path::Path::new(name), text.to_owned())?;
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let text = if lines.is_empty() { "no faults found".to_owned() } else { lines.join("\n") };
    Ok((text, json!({"faults": problems})))
}

fn read_program(value: &Value) -> Result<Program, Failure> {
    match value {
        Value::String(text) => Ok(crate::api::parse_program(text)?),
        other => program_from_value(other).map_err(|problems| {
            Failure::failed(problems.to_string(), "`couler schema` prints the schema of programs")
        }),
    }
}

fn schema(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn failed(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": true})
}
