//! Everything that comes from outside: environment variables, home folder, configuration file. Read once.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Failure, Withheld};

/// Settings from outside, resolved once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Environment {
    /// Folder for models, caches and runs (`COULER_HOME`, else the user's data folder).
    pub home: PathBuf,
    /// The configuration file (`COULER_CONFIG`, else `HOME/config.toml`).
    pub config_file: PathBuf,
    /// `COULER_MODEL`.
    pub model: Option<String>,
    /// `OPENAI_API_KEY`.
    pub openai_key: Option<String>,
    /// `OPENAI_BASE_URL`.
    pub openai_base_url: Option<String>,
    /// `OPENAI_MODEL`.
    pub openai_model: Option<String>,
    /// `COULER_PYTHON`, the interpreter used to fetch models.
    pub python: Option<PathBuf>,
    /// Variables that are not in this process's environment.
    pub withheld: Withheld,
}

/// The configuration file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The model to use: `local`, a GGUF file, or the name of a server's model.
    pub model: Option<String>,
    /// Base URL of the OpenAI-compatible server.
    pub base_url: Option<String>,
    /// Its key; the environment variable is safer.
    pub key: Option<String>,
    /// Most seconds for one attempt.
    pub timeout_seconds: Option<u64>,
    /// How often a failed attempt is repeated.
    pub max_retries: Option<u32>,
    /// Folders with components of your own.
    pub lake: Vec<PathBuf>,
    /// `false`: only the components of those folders are offered, none of the built-in ones.
    pub built_in_lake: Option<bool>,
    /// Folders with cards of your own.
    pub cards: Vec<PathBuf>,
}

impl Environment {
    /// Reads the process environment.
    pub fn from_process() -> Self {
        let withheld = Withheld::received();
        let text = |name: &str| withheld.variable(name).filter(|value| !value.trim().is_empty());
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("COULER_HOME").unwrap_or_else(|| {
            path("XDG_DATA_HOME")
                .or_else(|| path("HOME").map(|home| home.join(".local/share")))
                .unwrap_or_else(|| PathBuf::from("."))
                .join("couler")
        });
        Self {
            config_file: path("COULER_CONFIG").unwrap_or_else(|| home.join("config.toml")),
            home,
            model: text("COULER_MODEL"),
            openai_key: text("OPENAI_API_KEY"),
            openai_base_url: text("OPENAI_BASE_URL"),
            openai_model: text("OPENAI_MODEL"),
            python: path("COULER_PYTHON"),
            withheld,
        }
    }

    /// Folder of the downloaded models.
    pub fn models(&self) -> PathBuf {
        self.home.join("models")
    }

    /// Folder of the prompt prefixes.
    pub fn prefix_cache(&self) -> PathBuf {
        self.home.join("prefix-cache")
    }

    /// Reads the configuration file, if there is one.
    ///
    /// # Errors
    /// It is not readable, or has unknown keys.
    pub fn config(&self) -> Result<Config, Failure> {
        read_config(&self.config_file)
    }
}

fn read_config(path: &Path) -> Result<Config, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Config::default()),
        Err(error) => {
            return Err(Failure::usage(
                format!("{}: {error}", path.display()),
                "check the configuration file",
            ));
        }
    };
    toml::from_str(&text).map_err(|error| {
        let hint =
            "possible keys: model, base_url, key, timeout_seconds, max_retries, lake, built_in_lake, cards";
        Failure::usage(format!("{}: {}", path.display(), error.message()), hint)
    })
}
