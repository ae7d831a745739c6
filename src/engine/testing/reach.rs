//! What an engine is able to express, so that random programs stay within it.

use crate::api::Step;

/// Combinations of features that an engine refuses by name, each `true` if it takes them.
#[expect(clippy::struct_excessive_bools, reason = "each is a combination of features of its own")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// Daemons.
    pub daemons: Daemons,
    /// What containers may do whose command only their image knows.
    pub unknown_commands: Unknown,
    /// Objects of a default bucket.
    pub default_bucket: bool,
    /// Steps at the end that read each other.
    pub exit_reads: bool,
    /// Lists made at run time: of a step at the end, with a limit, and with keys of their items.
    pub late_lists: bool,
    /// Limited maps at the end.
    pub exit_limits: bool,
    /// Retries of a step that may fail.
    pub retry_and_go_on: bool,
    /// A limit of steps at once for a workflow in which steps may be left out.
    pub limit_and_skips: bool,
    /// Conditions on how a step ended.
    pub statuses: bool,
    /// Conditions of a step at the end on how one of the others ended.
    pub exit_statuses: bool,
    /// Texts that say how a step ended.
    pub text_statuses: bool,
    /// Texts that say when and as which run it goes.
    pub facts: bool,
    /// Whether the status of a map with a limit can be read at the end.
    pub status_of_limited_maps: bool,
    /// A schedule that replaces the running workflow, or whose parameters have no default.
    pub any_schedule: bool,
}

/// What is possible without knowing the command of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Everything.
    Anything,
    /// Everything but outputs in files and caches.
    Printing,
    /// No loops and conditions around it.
    Plain,
}

/// Which daemons an engine takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Daemons {
    /// All.
    Any,
    /// Those that nobody reads, and that are neither cached nor repeated.
    Alone,
    /// None.
    Never,
}

impl Reach {
    /// Everything that random programs hold.
    pub(crate) const ALL: Self = Self {
        daemons: Daemons::Any,
        unknown_commands: Unknown::Anything,
        default_bucket: true,
        exit_reads: true,
        late_lists: true,
        exit_limits: true,
        retry_and_go_on: true,
        limit_and_skips: true,
        statuses: true,
        exit_statuses: true,
        text_statuses: true,
        facts: true,
        status_of_limited_maps: true,
        any_schedule: true,
    };
    /// What Argo takes.
    pub(crate) const ARGO: Self = Self { exit_statuses: false, ..Self::ALL };
    /// What Airflow takes.
    pub(crate) const AIRFLOW: Self = Self {
        daemons: Daemons::Alone,
        unknown_commands: Unknown::Printing,
        default_bucket: false,
        any_schedule: false,
        ..Self::ALL
    };
    /// What Tekton takes.
    pub(crate) const TEKTON: Self = Self {
        daemons: Daemons::Never,
        unknown_commands: Unknown::Plain,
        default_bucket: false,
        exit_reads: false,
        late_lists: false,
        exit_limits: false,
        retry_and_go_on: false,
        limit_and_skips: false,
        statuses: false,
        text_statuses: false,
        status_of_limited_maps: false,
        ..Self::ALL
    };

    /// Whether the status of a step can be read at the end.
    pub(crate) fn shows_its_end(&self, step: &Step) -> bool {
        let limited = step.map.as_ref().is_some_and(|map| map.parallelism.is_some());
        (self.daemons != Daemons::Alone || !step.settings.daemon) && (self.status_of_limited_maps || !limited)
    }

    /// What is possible if the workflow runs in parts.
    pub(crate) fn in_parts(self) -> Self {
        let daemons = Daemons::Never;
        Self { daemons, statuses: false, exit_statuses: false, text_statuses: false, facts: false, ..self }
    }
}
