//! Reading components: those built in and those of the user's folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use include_dir::{Dir, include_dir};

use crate::api::{COMPONENT_VERSION, Component, ComponentRun, ScriptLanguage};
use crate::ir::Components;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/prompts/code-lake");
const DESCRIPTION: &str = "component.yaml";
/// Components that only name a function of the unified API.
const PLAIN: [&str; 3] = ["container.", "script.", "job."];
/// Where the components are that only couler itself uses.
const INNER: &str = "_inner";
const RUNTIME: &str = "_runtime/couler_runtime.py";

/// A component that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A description is wrong.
    #[error("{place}: {reason}")]
    Component {
        /// Its folder.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

/// Largest file of a component, in bytes.
const LARGEST_FILE: u64 = 16 << 20;

/// Where the files of a component are.
enum Place {
    BuiltIn(&'static Dir<'static>),
    Folder(PathBuf),
}

impl Place {
    fn read(&self, file: &str) -> Option<String> {
        match self {
            Self::BuiltIn(folder) => {
                BUILT_IN.get_file(within(folder.path(), file))?.contents_utf8().map(str::to_owned)
            }
            Self::Folder(folder) => read_within(folder, file),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::BuiltIn(folder) => folder.path().display().to_string(),
            Self::Folder(folder) => folder.display().to_string(),
        }
    }
}

struct Entry {
    place: Place,
    component: OnceLock<Option<Component>>,
}

/// All components, by name. Descriptions are read when they are first needed.
pub struct Lake {
    entries: BTreeMap<String, Entry>,
    /// Components that only couler itself puts into programs: no description asks for them, so no list shows them.
    inner: BTreeMap<String, Entry>,
}

impl std::fmt::Debug for Lake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.entries.keys()).finish()
    }
}

impl Lake {
    /// The built-in components.
    pub fn built_in() -> Self {
        let inner = BUILT_IN.get_dir(INNER).map(built_in_entries).unwrap_or_default();
        Self { entries: built_in_entries(&BUILT_IN), inner }
    }

    /// Adds the components of a user's folder; they replace built-in ones of the same name.
    ///
    /// # Errors
    /// The folder cannot be read, or a description in it is wrong.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), LakeError> {
        let io = |source| LakeError::Io { path: folder.to_path_buf(), source };
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if !path.join(DESCRIPTION).is_file() {
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let place = Place::Folder(path);
            let component = OnceLock::from(Some(parse(&name, &place)?));
            self.entries.insert(name, Entry { place, component });
        }
        Ok(())
    }

    /// Without the built-in components; those that only couler itself uses stay.
    #[must_use]
    pub fn without_built_in(mut self) -> Self {
        self.entries.clear();
        self
    }

    /// Without everything but plain functions: containers, scripts and jobs.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.entries.retain(|name, _| PLAIN.iter().any(|prefix| name.starts_with(prefix)));
        self
    }

    /// All components, sorted by name.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.entries.iter().filter_map(|(name, entry)| entry.read(name))
    }

    /// Checks every description.
    ///
    /// # Errors
    /// The first one that is wrong.
    pub fn check(&self) -> Result<(), LakeError> {
        self.entries
            .iter()
            .chain(&self.inner)
            .try_for_each(|(name, entry)| parse(name, &entry.place).map(|_| ()))
    }

    /// A file of a component, for people.
    pub fn file(&self, name: &str, file: &str) -> Option<String> {
        self.entry(name)?.place.read(file)
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name).or_else(|| self.inner.get(name))
    }
}

/// The path of a file named in a component of a folder; inner components share the scripts of others by `../`.
fn within(folder: &Path, file: &str) -> PathBuf {
    file.split('/').fold(folder.to_path_buf(), |path, part| match part {
        ".." => path.parent().map(Path::to_path_buf).unwrap_or_default(),
        part => path.join(part),
    })
}

/// A file of a user's component: below its folder, also behind links, and of a sensible size.
fn read_within(folder: &Path, file: &str) -> Option<String> {
    let place = folder.join(file).canonicalize().ok()?;
    let metadata = std::fs::metadata(&place).ok()?;
    let inside = place.starts_with(folder.canonicalize().ok()?);
    (inside && metadata.is_file() && metadata.len() <= LARGEST_FILE)
        .then(|| std::fs::read_to_string(&place).ok())
        .flatten()
}

fn built_in_entries(folder: &'static Dir<'static>) -> BTreeMap<String, Entry> {
    folder
        .dirs()
        .filter(|folder| folder.get_file(folder.path().join(DESCRIPTION)).is_some())
        .map(|folder| {
            let name = folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, Entry { place: Place::BuiltIn(folder), component: OnceLock::new() })
        })
        .collect()
}

impl Entry {
    fn read(&self, name: &str) -> Option<&Component> {
        self.component.get_or_init(|| parse(name, &self.place).ok()).as_ref()
    }
}

fn parse(name: &str, place: &Place) -> Result<Component, LakeError> {
    let error = |reason: String| LakeError::Component { place: place.name(), reason };
    let text = place.read(DESCRIPTION).ok_or_else(|| error(format!("{DESCRIPTION} cannot be read")))?;
    let component: Component = serde_saphyr::from_str(&text).map_err(|cause| error(cause.to_string()))?;
    if component.version != COMPONENT_VERSION {
        return Err(error(format!("its version is {:?}; write {COMPONENT_VERSION}", component.version)));
    }
    if component.name != name {
        return Err(error(format!("it is named {:?}, but its folder {name:?}", component.name)));
    }
    if let ComponentRun::Script { file, .. } = &component.run
        && place.read(file).is_none()
    {
        return Err(error(format!("its script {file} is missing, or is not a file in its folder")));
    }
    jsonschema::validator_for(&component.arguments)
        .map_err(|cause| error(format!("its `arguments` are no JSON schema: {cause}")))?;
    Ok(component)
}

impl Components for Lake {
    fn component(&self, name: &str) -> Option<&Component> {
        self.entry(name)?.read(name)
    }

    fn script(&self, component: &Component) -> Option<String> {
        let ComponentRun::Script { file, language, .. } = &component.run else { return None };
        let script = self.entry(&component.name)?.place.read(file)?;
        Some(match language {
            ScriptLanguage::Python => {
                let runtime = BUILT_IN.get_file(RUNTIME)?.contents_utf8()?;
                format!("{}\n\n{script}", needed_runtime(runtime, &script).trim_end())
            }
            ScriptLanguage::Bash => script,
        })
    }

    fn names(&self) -> Vec<&str> {
        self.entries.keys().map(String::as_str).collect()
    }
}

/// A part of the runtime, after its first part, and the names in a script that need it.
const SECTIONS: [(&str, &[&str]); 2] = [
    ("databases", &["database(", "sql_reason(", "sql_text(", "plain_numbers("]),
    (
        "models",
        &[
            "load_model",
            "save_model",
            "tabular_pipeline",
            "train(",
            "training_rows",
            "training_target",
            "finish_training",
            "score(",
            "feature_frame",
            "METRICS",
            "LOWER",
            "guess_task",
            "labels(",
            "searched(",
            "hyperparameters(",
            "image_table(",
            "read_image(",
        ],
    ),
];

/// The runtime without what the script does not use: the part about models alone is more than half of it.
fn needed_runtime(runtime: &str, script: &str) -> String {
    const MARK: &str = "# == section: ";
    let mut needed = String::with_capacity(runtime.len());
    for (index, section) in runtime.split(MARK).enumerate() {
        let name = section.split(' ').next().unwrap_or_default();
        let words = SECTIONS.iter().find(|(other, _)| *other == name).map(|(_, words)| *words);
        if words.is_none_or(|words| words.iter().any(|word| script.contains(word))) {
            needed.push_str(if index == 0 { "" } else { MARK });
            needed.push_str(section);
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_component_is_valid() {
        let lake = Lake::built_in();
        lake.check().unwrap();
        assert!(lake.components().count() >= 30);
        for component in lake.components() {
            for example in &component.examples {
                crate::api::validate_against(&component.arguments, &example.arguments)
                    .unwrap_or_else(|problems| panic!("{}: {problems}", component.name));
            }
        }
    }

    #[test]
    fn a_script_brings_the_parts_of_the_runtime_that_it_uses() {
        let lake = Lake::built_in();
        let text = |name: &str| lake.script(lake.component(name).unwrap()).unwrap();
        for (name, databases, models) in [
            ("data.load", false, false),
            ("wait.sql", true, false),
            ("data.save", true, false),
            ("xgboost.train", false, true),
            ("model.predict", false, true),
        ] {
            assert_eq!(text(name).contains("def database("), databases, "{name}");
            assert_eq!(text(name).contains("def training_rows("), models, "{name}");
            assert!(text(name).contains("def read_table("), "{name}");
        }
    }

    #[test]
    fn a_wrong_description_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("my.step")).unwrap();
        std::fs::write(
            folder.path().join("my.step/component.yaml"),
            "version: couler/component/v1\nname: other\n",
        )
        .unwrap();
        let error = Lake::built_in().add_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("my.step"), "{error}");
    }
}
