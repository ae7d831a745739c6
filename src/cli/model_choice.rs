//! Which language model a command uses.

use std::path::Path;
use std::sync::Arc;

use super::environment::{Config, Environment};
use super::lazy_model::LazyModel;
use super::{Failure, Output};
use crate::llm::openai::{OPENAI_BASE_URL, OpenAiModel, OpenAiSettings, install_tls_provider};
use crate::llm::replay::{Recorder, Replay};
use crate::llm::store::Store;
use crate::llm::{LanguageModel, LlmError};

/// A backend with the name of its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// The embedded model: a name of the store or a GGUF file.
    Local(String),
    /// An OpenAI-compatible server.
    OpenAi(String),
    /// Recordings in a folder.
    Replay(String),
}

/// `--model`, else the environment, else the configuration, else an OpenAI key, else the embedded model.
pub(super) fn choose(argument: Option<&str>, environment: &Environment, config: &Config) -> Choice {
    let name = argument.or(environment.model.as_deref()).or(config.model.as_deref());
    let server = environment.openai_key.is_some() || config.key.is_some();
    match name {
        Some(name) => named(name),
        None if server => {
            Choice::OpenAi(environment.openai_model.clone().unwrap_or_else(|| "gpt-4o-mini".into()))
        }
        None => Choice::Local(String::new()),
    }
}

fn named(name: &str) -> Choice {
    if let Some(folder) = name.strip_prefix("replay:") {
        return Choice::Replay(folder.to_owned());
    }
    if name == "local" {
        return Choice::Local(String::new());
    }
    if let Some(name) = name.strip_prefix("local:") {
        return Choice::Local(name.to_owned());
    }
    if let Some(name) = name.strip_prefix("openai:") {
        return Choice::OpenAi(name.to_owned());
    }
    let known = crate::llm::store::known_models().iter().any(|model| model.name == name);
    let gguf = Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    if known || gguf { Choice::Local(name.to_owned()) } else { Choice::OpenAi(name.to_owned()) }
}

/// Makes the chosen model ready; with `record`, its answers are recorded.
pub(super) fn open(
    argument: Option<&str>,
    record: Option<&Path>,
    environment: &Environment,
    output: &Output,
) -> Result<Arc<dyn LanguageModel>, Failure> {
    let config = environment.config()?;
    let model: Arc<dyn LanguageModel> = match choose(argument, environment, &config) {
        Choice::Replay(folder) => Arc::new(Replay::open(folder)?),
        Choice::OpenAi(name) => Arc::new(open_server(name, environment, &config)?),
        Choice::Local(name) => open_local(&name, environment, output)?,
    };
    match record {
        Some(folder) => Ok(Arc::new(Recorder::new(model, folder)?)),
        None => Ok(model),
    }
}

fn open_server(name: String, environment: &Environment, config: &Config) -> Result<OpenAiModel, Failure> {
    install_tls_provider();
    let base_url = environment.openai_base_url.clone().or(config.base_url.clone());
    let base_url = base_url.unwrap_or_else(|| OPENAI_BASE_URL.to_owned());
    let key = environment.openai_key.clone().or(config.key.clone());
    if key.is_none() && base_url.trim_end_matches('/') == OPENAI_BASE_URL {
        return Err(Failure::usage(
            format!("the model {name:?} needs a key"),
            "set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own, or use `--model local`",
        ));
    }
    let mut settings = OpenAiSettings::new(base_url, name);
    settings.key = key;
    if let Some(seconds) = config.timeout_seconds {
        settings.timeout_seconds = seconds;
    }
    if let Some(retries) = config.max_retries {
        settings.max_retries = retries;
    }
    Ok(OpenAiModel::new(settings)?)
}

#[cfg(feature = "local")]
fn open_local(
    name: &str,
    environment: &Environment,
    output: &Output,
) -> Result<Arc<dyn LanguageModel>, Failure> {
    let settings = local_settings(name, environment)?;
    output.status("loading the embedded model …");
    let model = crate::llm::local::LocalModel::load(settings);
    output.clear_status();
    Ok(Arc::new(model?))
}

#[cfg(feature = "local")]
fn local_settings(
    name: &str,
    environment: &Environment,
) -> Result<crate::llm::local::LocalSettings, LlmError> {
    let store = Store::new(environment.models());
    let name =
        if name.is_empty() { store.default_name().unwrap_or_default().to_owned() } else { name.to_owned() };
    let path = store.resolve(&name)?;
    if !path.is_file() {
        return Err(LlmError::MissingFile { path });
    }
    let shown = path.file_stem().map_or_else(|| name.clone(), |stem| stem.to_string_lossy().into_owned());
    let mut settings = crate::llm::local::LocalSettings::new(format!("local:{shown}"), path);
    settings.prefix_cache = Some(environment.prefix_cache());
    Ok(settings)
}

/// The chosen model, loaded when it is needed or [`LazyModel::start`]ed; servers and recordings are ready at once.
///
/// # Errors
/// As [`open`], apart from what only loading can tell.
pub(super) fn open_later(
    argument: Option<&str>,
    record: Option<&Path>,
    environment: &Environment,
    output: &Output,
) -> Result<LazyModel, Failure> {
    let config = environment.config()?;
    #[cfg(feature = "local")]
    if let (Choice::Local(name), None) = (choose(argument, environment, &config), record) {
        let environment = environment.clone();
        let id =
            local_settings(&name, &environment).map_or_else(|_| "local".to_owned(), |settings| settings.id);
        let capabilities = crate::llm::Capabilities {
            enforces_schema: true,
            logprobs: true,
            concurrent: false,
            needs_passes: true,
        };
        let open = move || -> Result<Arc<dyn LanguageModel>, LlmError> {
            let model = crate::llm::local::LocalModel::load(local_settings(&name, &environment)?)?;
            Ok(Arc::new(model))
        };
        return Ok(LazyModel::new(id, capabilities, Arc::new(open)));
    }
    let _ = config;
    let model = open(argument, record, environment, output)?;
    let (id, capabilities) = (model.id().to_owned(), model.capabilities());
    Ok(LazyModel::new(id, capabilities, Arc::new(move || Ok(Arc::clone(&model)))))
}

#[cfg(not(feature = "local"))]
fn open_local(_: &str, environment: &Environment, _: &Output) -> Result<Arc<dyn LanguageModel>, Failure> {
    let _ = (Store::new(environment.models()), LlmError::Cancelled);
    Err(Failure::usage(
        "this build has no embedded model",
        "set OPENAI_API_KEY or OPENAI_BASE_URL, or build with the feature `local`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_argument_environment_config_key_local() {
        let mut environment = Environment::default();
        let mut config = Config::default();
        assert_eq!(choose(None, &environment, &config), Choice::Local(String::new()));
        environment.openai_key = Some("k".into());
        assert_eq!(choose(None, &environment, &config), Choice::OpenAi("gpt-4o-mini".into()));
        config.model = Some("local".into());
        assert_eq!(choose(None, &environment, &config), Choice::Local(String::new()));
        environment.model = Some("a/b.gguf".into());
        assert_eq!(choose(None, &environment, &config), Choice::Local("a/b.gguf".into()));
        assert_eq!(choose(Some("replay:x"), &environment, &config), Choice::Replay("x".into()));
    }
}
