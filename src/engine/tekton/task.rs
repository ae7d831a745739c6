//! The task of one step.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::condition;
use super::context::{Context, Params, unsupported};
use super::external::{Direction, transfer};
use super::files::{Files, helper};
use super::helpers::{IF, WHILE, arguments, decision, declared, guard, spread};
use super::manifest::{
    Metadata, PipelineTask, ResultSpec, StdoutConfig, Step, TaskWorkspace, When, WorkspaceUse,
};
use super::runner::{Program, Repeat, Runner, STDOUT};
use super::text::DOLLAR_VARIABLE;
use super::{job, map, rounds, settings};
use crate::api::{Condition, Input, Operand, Volume};
use crate::engine::EngineError;
use crate::engine::kubernetes::component::{self, COMPONENT, DESCRIPTION, is_address, is_component};
use crate::engine::kubernetes::job::{has_result, no_result};
use crate::engine::kubernetes::pod::EnvVar;
use crate::engine::kubernetes::ports::{OUTPUTS, VALUES, artifact_ports, chosen};
use crate::engine::kubernetes::script::with_requirements;
use crate::engine::kubernetes::settings::{self as pods, SharedClaims, go_duration};
use crate::ir::{Action, Node, NodeOutputKind};

/// The name of the step that does the user's work.
pub(crate) const MAIN: &str = "main";

/// A task in the making.
struct Building<'c, 'a> {
    context: &'c Context<'a>,
    node: &'a Node,
    files: Files<'a>,
    params: Params,
    task: PipelineTask,
}

/// The tasks of a step: its own and those that serve it.
///
/// # Errors
/// What Tekton cannot express, with the step and the feature.
pub(crate) fn tasks<'a>(
    context: &Context<'a>,
    node: &'a Node,
    dependencies: &[&str],
) -> Result<Vec<PipelineTask>, EngineError> {
    settings::refuse(node)?;
    rounds::refuse(context, node)?;
    let mut building = Building {
        context,
        node,
        files: Files::new(context, node)?,
        params: Params::default(),
        task: PipelineTask { name: node.name.clone(), ..PipelineTask::default() },
    };
    building.settings();
    let mut all = Vec::new();
    let condition_here = building.condition(&mut all)?;
    let list = building.list(&mut all)?;
    let mut main = building.main(condition_here)?;
    building.surround(&mut main)?;
    building.connect(list, dependencies)?;
    all.extend(rounds::split(context, node, building.task));
    all.extend(super::helpers::gather(context, node));
    Ok(all)
}

impl Building<'_, '_> {
    fn settings(&mut self) {
        let own = &self.node.settings;
        self.task.retries = own.retry.as_ref().map(|retry| retry.limit);
        self.task.timeout = own.timeout.map(go_duration);
        let exit = self.context.is_exit(self.node);
        self.task.on_error = (own.continue_on_failure && !exit).then_some("continue");
        let mut annotations = IndexMap::new();
        if let Some(component) = &self.node.component {
            annotations.insert(COMPONENT.to_owned(), component.clone());
        }
        if let Some(description) = &self.node.description {
            annotations.insert(DESCRIPTION.to_owned(), description.clone());
        }
        if let Some(items) = map::kind_of_items(self.node) {
            annotations.insert(map::ITEMS.to_owned(), items.to_owned());
        }
        if let Some(limit) = self.node.map.as_ref().and_then(|map| map.parallelism) {
            annotations.insert(rounds::LIMIT.to_owned(), limit.to_string());
        }
        annotations.extend(own.annotations.clone());
        self.task.task_spec.metadata = Metadata { labels: own.labels.clone(), annotations };
    }

    /// Sets `when`, through a guard if need be. Returns the condition if the step itself must decide it: what depends
    /// on the item of a map is known only to the instance, and tasks at the end cannot wait for a guard.
    fn condition(&mut self, before: &mut Vec<PipelineTask>) -> Result<Option<Condition>, EngineError> {
        let Some(condition) = &self.node.condition else { return Ok(None) };
        let (context, node) = (self.context, self.node);
        let mut reference = |operand: &Operand| match operand {
            Operand::Output { step, output } => context.output(&node.name, step, output),
            Operand::Parameter(name) => Ok(format!("$(params.{name})")),
            other => Ok(other.to_string()),
        };
        if let Some(native) = condition::native(condition, &mut reference)? {
            self.task.when = native;
            return Ok(None);
        }
        let per_item = condition.operands().into_iter().any(|operand| matches!(operand, Operand::Item(_)));
        if per_item || context.is_exit(node) {
            return Ok(Some(condition.clone()));
        }
        let guard = guard(context, node, condition)?;
        let input = format!("$(tasks.{}.results.holds)", guard.name);
        self.task.when = vec![When { input, operator: "in", values: vec!["true".to_owned()] }];
        before.push(guard);
        Ok(None)
    }

    /// The reference to the list of a map that is known only at run time.
    fn list(&mut self, before: &mut Vec<PipelineTask>) -> Result<Option<String>, EngineError> {
        let Some(spread) = spread(self.context, self.node)? else { return Ok(None) };
        let list = format!("$(tasks.{}.results.list[*])", spread.name);
        before.push(spread);
        Ok(Some(list))
    }

    /// The step that does the work.
    fn main(&mut self, condition: Option<Condition>) -> Result<Step, EngineError> {
        let node = self.node;
        let reads_itself = node
            .exec_while
            .as_ref()
            .is_some_and(|repeat| repeat.condition.outputs().contains(&(node.name.as_str(), "result")));
        if reads_itself && !has_result(node) {
            return Err(unsupported(&node.name, "result of a job", no_result(&node.name)));
        }
        self.files.keeps_output |= reads_itself;
        let (mut step, program) = self.program()?;
        let mut runner = Runner::default();
        let mut extra = Vec::new();
        if let Some(condition) = condition {
            let (command, env) = decision((&node.name, IF), &condition, &mut self.params, &|_| None)?;
            runner.only_if = Some(command);
            extra.extend(env);
        }
        if let Some(repeat) = &node.exec_while {
            let own = |operand: &Operand| match operand {
                Operand::Output { step, output } if step == &node.name => {
                    Some(self.files.own_value(&self.context.result_name(output)))
                }
                _ => None,
            };
            let (condition, env) = decision((&node.name, WHILE), &repeat.condition, &mut self.params, &own)?;
            extra.extend(env);
            let pause = repeat.pause.map(crate::api::Duration::seconds);
            runner.repeat = Some(Repeat { condition, limit: repeat.limit, pause });
        }
        let container = program == Program::Words;
        runner.keeps_output = self.files.keeps_output && (!container || runner != Runner::default());
        let wrapped = runner.is_needed(&program);
        if container && wrapped && step.command.is_empty() {
            let reason =
                "the loop or condition runs inside the container and must know its command; give the command";
            return Err(unsupported(&node.name, "loop of a container without a command", reason));
        }
        if container && !wrapped {
            let path = STDOUT.to_owned();
            step.stdout_config = self.files.keeps_output.then_some(StdoutConfig { path });
        } else {
            step.script = Some(runner.script(&program));
            let mut words = std::mem::take(&mut step.command);
            words.append(&mut step.args);
            step.args = words;
        }
        step.env.extend(extra);
        Ok(step)
    }

    /// The step before anything is done around it.
    fn program(&mut self) -> Result<(Step, Program), EngineError> {
        let node = self.node;
        match &node.action {
            Action::Job { job } => {
                let kept = self.files.keeps_output;
                let (step, script) = job::step(self.context, node, job, &mut self.params, kept)?;
                Ok((Step { name: MAIN.to_owned(), ..step }, Program::Source("sh", script)))
            }
            Action::Container { image, command, args, working_dir } => {
                let mut step = self.container(image, Vec::new())?;
                let known = variables(&step.env);
                let known = |name: &str| known.contains(name);
                let mut words = |texts: &[String]| -> Vec<String> {
                    texts.iter().map(|text| self.params.field(node, text, &known)).collect()
                };
                (step.command, step.args) = (words(command), words(args));
                if let Some(folder) = working_dir {
                    step.working_dir = Some(self.params.bare(node, folder)?);
                }
                let texts: Vec<String> = step.command.iter().chain(&step.args).cloned().collect();
                with_dollar(&mut step.env, &texts);
                Ok((step, Program::Words))
            }
            Action::Script { language, source, image, requirements, arguments } => {
                let extra = match arguments {
                    Some(arguments) => self.component(arguments),
                    None => Vec::new(),
                };
                let mut step = self.container(image, extra)?;
                with_dollar(&mut step.env, &[]);
                let source = with_requirements(*language, source, requirements);
                let source = if is_component(node) {
                    super::text::in_script(&source)
                } else {
                    self.params.source(node, &source)
                };
                Ok((step, Program::script(*language, source)))
            }
        }
    }

    fn component(&mut self, arguments: &serde_json::Value) -> Vec<EnvVar> {
        let node = self.node;
        let variables = component::Environment::new(node, arguments);
        let mut field = |text: &str| self.params.field(node, text, &|_| false);
        let mut all = vec![
            EnvVar::with_value(component::ARGS, field(&variables.arguments)),
            EnvVar::with_value(component::INPUTS, field(&variables.inputs)),
            EnvVar::with_value(component::OUTPUTS, field(&variables.outputs)),
            EnvVar::with_value(component::VALUES, VALUES),
        ];
        all.extend(variables.values.iter().map(|(name, value)| EnvVar::with_value(name, field(value))));
        all
    }

    /// A container with everything but its command.
    fn container(&mut self, image: &str, extra: Vec<EnvVar>) -> Result<Step, EngineError> {
        let node = self.node;
        let image = self.params.bare(node, image)?;
        let names: HashSet<&str> = node.inputs.iter().map(Input::name).collect();
        let known = |name: &str| {
            names.contains(name)
                || node.settings.env.contains_key(name)
                || node.settings.secrets.iter().any(|secret| secret.env == name)
        };
        let params = &mut self.params;
        let env = pods::environment(node, extra, &mut |_, text| Ok(params.field(node, text, &known)))?;
        let own = node.settings.volumes.iter().filter(|volume| !matches!(volume, Volume::Shared { .. }));
        let (volumes, volume_mounts) = pods::volumes(own, SharedClaims::Declared(&[]));
        self.task.task_spec.volumes = volumes;
        let exit = self.context.is_exit(node) && node.settings.continue_on_failure;
        Ok(Step {
            name: MAIN.to_owned(),
            image,
            env,
            compute_resources: pods::resources(&node.settings.resources),
            volume_mounts,
            on_error: exit.then_some("continue"),
            ..Step::default()
        })
    }

    /// Puts the helping steps around the main one.
    fn surround(&mut self, main: &mut Step) -> Result<(), EngineError> {
        let node = self.node;
        let is_job = matches!(node.action, Action::Job { .. });
        let mut steps = Vec::new();
        if let Some(backoff) = node.settings.retry.as_ref().and_then(|retry| retry.backoff.as_ref()) {
            steps.push(settings::wait(backoff));
        }
        if !is_job {
            steps.extend(self.files.load());
            steps.extend(self.transfers(Direction::Read)?);
        }
        let mut after = if is_job { Vec::new() } else { self.transfers(Direction::Write)? };
        if let Some(cache) = &node.settings.cache {
            steps.insert(0, settings::look_up(self.context, node, &mut self.params, cache));
            main.when = vec![settings::not_cached()];
        }
        let save = self.save();
        let always = main.script.is_some() || node.settings.cache.is_some();
        let mut mounts = self.files.mounts(&main.volume_mounts, always);
        mounts.extend(main.volume_mounts.clone());
        if mounts.iter().any(|mount| mount.name == "couler-files") {
            self.task.task_spec.volumes.push(Files::volume());
        }
        main.volume_mounts.clone_from(&mounts);
        for step in steps.iter_mut().chain(&mut after) {
            step.volume_mounts.clone_from(&mounts);
            if node.settings.cache.is_some() && step.name.starts_with("store-") {
                step.when = vec![settings::not_cached()];
            }
        }
        steps.push(main.clone());
        steps.extend(save.map(|save| Step { volume_mounts: mounts, ..save }));
        steps.extend(after);
        self.task.task_spec.results = self.files.results();
        self.task.task_spec.steps = steps;
        Ok(())
    }

    fn transfers(&mut self, direction: Direction) -> Result<Vec<Step>, EngineError> {
        let node = self.node;
        let mut all = Vec::new();
        if direction == Direction::Read {
            for (number, (_, path, input)) in artifact_ports(node).into_iter().enumerate() {
                let Input::External { location, .. } = input else { continue };
                if !is_address(node, location) {
                    let name = format!("fetch-{number}");
                    all.push(transfer(node, &mut self.params, &name, (location, &path), direction)?);
                }
            }
            return Ok(all);
        }
        for (number, output) in node.outputs.iter().enumerate() {
            if let NodeOutputKind::Artifact { path, store: Some(location), .. } = &output.kind {
                let path = chosen(path.as_ref(), OUTPUTS, &output.name);
                let name = format!("store-{number}");
                all.push(transfer(node, &mut self.params, &name, (location, &path), direction)?);
            }
        }
        Ok(all)
    }

    fn save(&self) -> Option<Step> {
        let (results, artifacts) = (self.files.save_results(), self.files.save_artifacts());
        let mut lines = vec!["#!/bin/sh".to_owned(), "set -e".to_owned()];
        if self.node.settings.cache.is_some() {
            let declared: Vec<ResultSpec> = self.files.results();
            lines.extend(settings::save_cached(&declared, (results, artifacts), &self.files.kept()));
        } else {
            lines.extend(results);
            lines.extend(artifacts);
        }
        (lines.len() > 2).then(|| helper("save", &lines))
    }

    /// Parameters, workspaces and the place in the pipeline.
    fn connect(&mut self, list: Option<String>, dependencies: &[&str]) -> Result<(), EngineError> {
        let node = self.node;
        if node.map.is_some() {
            // Tekton wants every parameter of a matrix declared, read or not.
            self.params.reference(super::context::Source::Item(None));
        }
        self.task.matrix = map::matrix(node, &self.params, list)?;
        self.task.params = arguments(self.context, &node.name, &self.params)?;
        self.task.task_spec.params = declared(&self.params);
        let last = |name: &&str| self.context.rounds(name).last().copied().unwrap_or(name).to_owned();
        self.task.run_after = dependencies.iter().map(last).collect();
        let mut uses: Vec<(String, String, Option<String>)> = Vec::new();
        if self.files.uses_artifacts() {
            let name = super::files::ARTIFACTS.to_owned();
            uses.push((name.clone(), name, None));
        }
        if node.settings.cache.is_some() {
            uses.push((settings::CACHE.to_owned(), settings::CACHE.to_owned(), None));
        }
        for volume in &node.settings.volumes {
            let Volume::Shared { name, path } = volume else { continue };
            let workspace = job::workspace(name);
            let count = uses.iter().filter(|(_, known, _)| *known == workspace).count();
            let own = if count == 0 { workspace.clone() } else { format!("{workspace}-{}", count + 1) };
            uses.push((own, workspace, Some(path.clone())));
        }
        for (name, workspace, mount_path) in uses {
            self.task.workspaces.push(WorkspaceUse { name: name.clone(), workspace });
            self.task.task_spec.workspaces.push(TaskWorkspace { name, mount_path });
        }
        Ok(())
    }
}

fn variables(env: &[EnvVar]) -> HashSet<String> {
    env.iter().map(|variable| variable.name.clone()).collect()
}

/// Adds the variable with a dollar sign if a variable or one of `texts` needs it. It comes first, for Kubernetes
/// expands earlier variables only.
pub(crate) fn with_dollar(env: &mut Vec<EnvVar>, texts: &[String]) {
    let wanted = format!("$({DOLLAR_VARIABLE})");
    let needed = env.iter().filter_map(|variable| variable.value.as_ref()).chain(texts);
    if needed.into_iter().any(|text| text.contains(&wanted)) {
        env.insert(0, EnvVar::with_value(DOLLAR_VARIABLE, "$"));
    }
}
