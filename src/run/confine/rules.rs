//! Landlock: which files a thread and its processes may change, and whom they may signal.

use std::path::PathBuf;

/// Restricts this thread; false if the system cannot.
#[cfg(target_os = "linux")]
pub(super) fn restrict_writing(folders: &[PathBuf]) -> bool {
    use landlock::{
        ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus,
        Scope, path_beneath_rules,
    };
    // Newer systems refuse more, older ones what they can. Devices are never made: a new name for a disk would lead
    // around every rule.
    let handled = AccessFs::from_write(ABI::V5);
    let allowed = handled & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    let restriction = Ruleset::default()
        .handle_access(handled)
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(path_beneath_rules(folders, allowed)))
        .and_then(RulesetCreated::restrict_self);
    restriction.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn restrict_writing(_folders: &[PathBuf]) -> bool {
    false
}
