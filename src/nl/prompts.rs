//! Prompt templates: handlebars files, built in and replaceable from a folder.

use std::path::{Path, PathBuf};

use handlebars::Handlebars;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::base::bank::Bank;

const TEMPLATES: [(&str, &str); 12] = [
    ("details", include_str!("../../prompts/details.hbs")),
    ("workflow", include_str!("../../prompts/workflow.hbs")),
    ("fragment-wide", include_str!("../../prompts/fragment-wide.hbs")),
    ("remark", include_str!("../../prompts/remark.hbs")),
    ("repair", include_str!("../../prompts/repair.hbs")),
    ("plan", include_str!("../../prompts/plan.hbs")),
    ("fragment", include_str!("../../prompts/fragment.hbs")),
    ("step", include_str!("../../prompts/step.hbs")),
    ("critique", include_str!("../../prompts/critique.hbs")),
    ("edit", include_str!("../../prompts/edit.hbs")),
    ("direct-program", include_str!("../../prompts/direct-program.hbs")),
    ("direct-manifest", include_str!("../../prompts/direct-manifest.hbs")),
];
const EXAMPLES: &str = include_str!("../../prompts/plan-examples.yaml");
const BANK: &str = include_str!("../../prompts/plan-bank.yaml");
const EDITS: &str = include_str!("../../prompts/edit-examples.yaml");

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A template or example file is wrong.
    #[error("the prompt {name}: {reason}")]
    Broken {
        /// The file.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// A worked example of the plan stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanExample {
    /// The description.
    pub(super) description: String,
    /// The plan.
    pub(super) plan: Value,
}

/// A worked example of a remark on a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditExample {
    /// The steps, one a line.
    pub(super) steps: String,
    /// The remark.
    pub(super) remark: String,
    /// What it asks for.
    pub(super) answer: Value,
}

/// The templates.
#[derive(Debug)]
pub struct Prompts {
    templates: Handlebars<'static>,
    pub(super) examples: Vec<PlanExample>,
    pub(super) bank: Bank,
    pub(super) edits: Vec<EditExample>,
    digest: String,
}

impl Prompts {
    /// The built-in templates.
    ///
    /// # Panics
    /// Never: the built-in templates are tested.
    pub fn built_in() -> Self {
        Self::with(|_| Ok(None)).expect("the built-in prompts are valid")
    }

    /// The built-in templates, with files of the same name in `folder` in their place.
    ///
    /// # Errors
    /// A file cannot be read or is no valid template.
    pub fn from_folder(folder: &Path) -> Result<Self, PromptError> {
        Self::with(|name| {
            let path = folder.join(name);
            if !path.is_file() {
                return Ok(None);
            }
            std::fs::read_to_string(&path).map(Some).map_err(|source| PromptError::Io { path, source })
        })
    }

    fn with(read: impl Fn(&str) -> Result<Option<String>, PromptError>) -> Result<Self, PromptError> {
        let broken = |name: &str, reason: String| PromptError::Broken { name: name.to_owned(), reason };
        let mut templates = Handlebars::new();
        templates.set_strict_mode(true);
        templates.register_escape_fn(handlebars::no_escape);
        let mut hasher = blake3::Hasher::new();
        for (name, built_in) in TEMPLATES {
            let text = read(&format!("{name}.hbs"))?.unwrap_or_else(|| built_in.to_owned());
            hasher.update(text.as_bytes());
            templates
                .register_template_string(name, text.trim_end())
                .map_err(|error| broken(name, error.to_string()))?;
        }
        let examples = read("plan-examples.yaml")?.unwrap_or_else(|| EXAMPLES.to_owned());
        let edits = read("edit-examples.yaml")?.unwrap_or_else(|| EDITS.to_owned());
        let bank = read("plan-bank.yaml")?.unwrap_or_else(|| BANK.to_owned());
        hasher.update(examples.as_bytes()).update(bank.as_bytes()).update(edits.as_bytes());
        let bank = serde_saphyr::from_str(&bank).map_err(|error| broken("plan-bank", error.to_string()))?;
        let examples =
            serde_saphyr::from_str(&examples).map_err(|error| broken("plan-examples", error.to_string()))?;
        let edits =
            serde_saphyr::from_str(&edits).map_err(|error| broken("edit-examples", error.to_string()))?;
        Ok(Self {
            templates,
            examples,
            bank: Bank::new(bank),
            edits,
            digest: hasher.finalize().to_hex().to_string(),
        })
    }

    /// The BLAKE3 digest of all templates and examples, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Fills a template.
    pub(super) fn render(&self, name: &str, data: &Value) -> Result<String, PromptError> {
        self.templates
            .render(name, data)
            .map_err(|error| PromptError::Broken { name: name.to_owned(), reason: error.to_string() })
    }
}
