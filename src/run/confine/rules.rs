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

/// Takes from this thread, for whatever it starts, the powers of root that lead around rules: to look into other
/// processes, to read any file, to load code into the kernel, to write to devices. Others than root have none of them.
#[cfg(target_os = "linux")]
pub(super) fn drop_powers() {
    use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
    let dangerous = CapabilitySet::SYS_ADMIN
        | CapabilitySet::SYS_PTRACE
        | CapabilitySet::SYS_MODULE
        | CapabilitySet::SYS_RAWIO
        | CapabilitySet::SYS_BOOT
        | CapabilitySet::SYS_TIME
        | CapabilitySet::SYS_PACCT
        | CapabilitySet::SYS_TTY_CONFIG
        | CapabilitySet::MKNOD
        | CapabilitySet::LINUX_IMMUTABLE
        | CapabilitySet::MAC_ADMIN
        | CapabilitySet::MAC_OVERRIDE
        | CapabilitySet::AUDIT_CONTROL
        | CapabilitySet::SYSLOG
        | CapabilitySet::PERFMON
        | CapabilitySet::BPF
        | CapabilitySet::CHECKPOINT_RESTORE;
    for capability in dangerous.iter() {
        // Who has no right to drop it has not got it.
        let _ = remove_capability_from_bounding_set(capability);
    }
}

/// There is nothing to take here.
#[cfg(not(target_os = "linux"))]
pub(super) fn drop_powers() {}

#[cfg(not(target_os = "linux"))]
pub(super) fn restrict_writing(_folders: &[PathBuf]) -> bool {
    false
}
