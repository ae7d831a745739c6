//! Passes in their order.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    CachePlan, Hyperparameters, Pass, PassError, ProposedArguments, Quota, Report, Resources, SharedFetch,
    SplitParts,
};
use crate::ir::{Workflow, digest};
use crate::optimize::EstimateFile;
use crate::optimize::split::{Budget, Method};

/// The passes in the order in which they run, with what they do. What changes the arguments of steps is in front,
/// because keys of the cache and estimates follow from them. Fetches come next, because they add steps; splitting comes
/// last, because it counts them.
pub const PASSES: [(&str, &str); 5] = [
    ("hyperparameters", "training steps for which nothing was chosen get what was proven on other data sets"),
    ("fetch", "steps that read the same remote input share one fetch"),
    ("cache", "the steps whose results are worth keeping are memoized"),
    ("resources", "requests from estimates, demand and the smallest parallelism that costs no time"),
    ("split", "parts that a cluster accepts"),
];

/// What the passes are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Hyperparameters by step, for those that have none.
    pub hyperparameters: BTreeMap<String, ProposedArguments>,
    /// What is known about the steps.
    pub estimates: EstimateFile,
    /// Bytes of results that may be kept.
    pub cache_capacity: f64,
    /// Steps whose results the engine cannot keep.
    pub not_kept: HashSet<String>,
    /// What may be requested at the same time.
    pub quota: Quota,
    /// The limits of a part.
    pub budget: Budget,
    /// How to split.
    pub method: Method,
    /// Rendered bytes by the name of the step; other steps count as ordinary ones.
    pub bytes: HashMap<String, usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hyperparameters: BTreeMap::new(),
            estimates: EstimateFile::default(),
            cache_capacity: 10.0 * 1_073_741_824.0,
            not_kept: HashSet::new(),
            quota: Quota::default(),
            budget: Budget::default(),
            method: Method::default(),
            bytes: HashMap::new(),
        }
    }
}

/// Passes that run one after the other.
pub struct Pipeline {
    passes: Vec<Box<dyn Pass>>,
}

/// What came out of a pipeline.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The optimized workflow.
    pub workflow: Workflow,
    /// What each pass did, with the digest of the workflow after it.
    pub reports: Vec<(Report, String)>,
}

impl Pipeline {
    /// The passes of these names, always in the order of [`PASSES`]. Other names are no passes and have no effect.
    pub fn of(names: &[String], settings: &Settings) -> Self {
        let chosen = PASSES.iter().filter(|(name, _)| names.iter().any(|wanted| wanted == name));
        let passes = chosen.map(|(name, _)| -> Box<dyn Pass> {
            match *name {
                "hyperparameters" => Box::new(Hyperparameters::new(settings)),
                "fetch" => Box::new(SharedFetch),
                "cache" => Box::new(CachePlan::new(settings)),
                "resources" => Box::new(Resources::new(settings)),
                _ => Box::new(SplitParts::new(settings)),
            }
        });
        Self { passes: passes.collect() }
    }

    /// Runs all passes.
    ///
    /// # Errors
    /// The first pass that cannot do its work.
    pub fn run(&self, mut workflow: Workflow) -> Result<Outcome, PassError> {
        let mut reports = Vec::with_capacity(self.passes.len());
        for pass in &self.passes {
            let report = pass.run(&mut workflow)?;
            reports.push((report, digest(&workflow)));
        }
        Ok(Outcome { workflow, reports })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{Program, program_from_value};
    use crate::engine::testing::random_program;
    use crate::ir::{NoComponents, check, lower};

    fn all() -> Vec<String> {
        PASSES.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    proptest! {
        #[test]
        fn passes_keep_the_invariants_and_depend_on_nothing_but_the_workflow(program in random_program()) {
            let pipeline = Pipeline::of(&all(), &Settings::default());
            let first = pipeline.run(lower(&program, &NoComponents).unwrap()).unwrap();
            prop_assert!(check(&first.workflow).is_ok());
            let mut turned: Program = program_from_value(&serde_json::json!(program)).unwrap();
            turned.steps.reverse();
            let second = pipeline.run(lower(&turned, &NoComponents).unwrap()).unwrap();
            prop_assert_eq!(&first.reports, &second.reports);
            let again = pipeline.run(first.workflow.clone()).unwrap();
            prop_assert_eq!(digest(&again.workflow), digest(&first.workflow), "a second time changes more");
        }
    }

    #[test]
    fn the_order_is_fixed() {
        let settings = Settings::default();
        let names: Vec<String> = ["split", "fetch"].map(str::to_owned).to_vec();
        let pipeline = Pipeline::of(&names, &settings);
        let order: Vec<&str> = pipeline.passes.iter().map(|pass| pass.name()).collect();
        assert_eq!(order, ["fetch", "split"]);
    }
}
