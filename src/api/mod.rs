//! The unified API: programs made of steps, each of which calls one function.
//!
//! A [`Program`] is what the pipeline writes, what people edit and what every engine compiles.
//! The Rust types are the source of truth; the JSON schema is generated from them.

mod artifact;
mod component;
mod condition;
mod document;
mod duration;
mod function;
mod items;
mod json;
mod problem;
mod program;
mod quantity;
mod reference;
mod schema;
mod semantics;
mod settings;
mod spelling;
mod status;
mod validate;

pub use artifact::{ArtifactLocation, Input, Output, OutputSource, PortType, SecretKey};
pub use component::{
    COMPONENT_VERSION, Component, ComponentRun, Estimate, Example, InputPort, OutputPort, OutputValue, Task,
    acts_elsewhere,
};
pub use condition::{Comparison, Condition, ConditionError, Literal, Operand};
pub use document::{DocumentError, Format, parse_program, program_from_value, write_program};
pub use duration::{Duration, DurationError};
pub use function::{
    ComponentCall, Concurrent, ContainerCall, DistributedJob, Function, Job, KatibExperiment, KatibParameter,
    KatibParameterType, ManifestAction, ManifestJob, Objective, RunJob, ScriptCall, ScriptLanguage,
};
pub use items::{MOST_ITEMS, MapItems};
pub use json::json_from_str;
pub(crate) use problem::choices;
pub use problem::{Problem, Problems};
pub use program::{
    ConcurrencyPolicy, Loop, Map, Parameter, Program, Schedule, Step, VERSION, WorkflowSettings,
};
pub use quantity::{cpu_cores, memory_bytes};
pub use reference::{Piece, References, RunFact, Template};
pub use schema::{program_schema, step_schema};
pub use semantics::{WORKFLOW, ancestors, check_program, flatten_steps};
pub(crate) use semantics::{direct_dependencies, texts_with_references, value_dependencies};
pub use settings::{
    Backoff, Cache, Network, Resources, Retry, RetryPolicy, Secret, StepSettings, Toleration,
    TolerationEffect, TolerationOperator, Volume, VolumeClaim,
};
#[cfg(test)]
pub(crate) use spelling::misspelt;
pub use status::{ADDRESS, STATUS, STATUSES};
pub use validate::{validate_against, validate_value};
