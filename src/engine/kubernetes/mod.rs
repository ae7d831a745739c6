//! What every engine on Kubernetes shares: pods, volumes, names, YAML, scripts, components and the manifests of jobs.
//!
//! Texts keep the references of the unified API (`{{steps.x.y}}`, `{{parameters.p}}`, `{{item}}`); each engine puts
//! them into its own words.

pub(crate) mod component;
pub(crate) mod digests;
pub(crate) mod expansion;
pub(crate) mod job;
mod katib;
pub(crate) mod names;
pub(crate) mod pod;
pub(crate) mod ports;
pub(crate) mod rbac;
pub(crate) mod script;
pub(crate) mod settings;
mod training;
pub(crate) mod yaml;
