//! Seccomp: system calls that no step of a workflow needs, and those of the network for steps that have none.

#[cfg(target_os = "linux")]
pub(super) use linux::{refuse_dangerous, refuse_network};

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::sync::OnceLock;

    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch,
    };

    /// Looking into other processes, mounting, keys, programs in the kernel, and what only administrators do.
    const DANGEROUS: &[libc::c_long] = &[
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_kcmp,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_fspick,
        libc::SYS_mount_setattr,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_kexec_file_load,
        libc::SYS_open_by_handle_at,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_reboot,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_iopl,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_ioperm,
    ];
    /// The same numbers of the x32 interface begin here, and some have others there.
    #[cfg(target_arch = "x86_64")]
    const X32: (libc::c_long, &[libc::c_long]) = (0x4000_0000, &[521, 528, 539, 540]);

    /// Refuses what no step needs.
    ///
    /// # Errors
    /// The system has no seccomp.
    pub(in crate::run::confine) fn refuse_dangerous() -> Result<(), String> {
        static PROGRAM: OnceLock<Result<BpfProgram, String>> = OnceLock::new();
        apply(PROGRAM.get_or_init(|| compiled(refused(DANGEROUS))))
    }

    /// Refuses sockets other than those within this machine. What the ring of input and output does is not seen by a
    /// filter, so there is none.
    ///
    /// # Errors
    /// The system has no seccomp.
    pub(in crate::run::confine) fn refuse_network() -> Result<(), String> {
        static PROGRAM: OnceLock<Result<BpfProgram, String>> = OnceLock::new();
        apply(PROGRAM.get_or_init(|| {
            let unix = u64::from(libc::AF_UNIX.unsigned_abs());
            let other = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, unix);
            let rule = SeccompRule::new(vec![other.map_err(|error| error.to_string())?]);
            let mut rules = refused(&[libc::SYS_io_uring_setup]);
            let rule = rule.map_err(|error| error.to_string())?;
            for number in numbers(libc::SYS_socket) {
                rules.insert(number, vec![rule.clone()]);
            }
            compiled(rules)
        }))
    }

    fn numbers(call: libc::c_long) -> Vec<libc::c_long> {
        #[cfg(target_arch = "x86_64")]
        return vec![call, X32.0 | call];
        #[cfg(not(target_arch = "x86_64"))]
        return vec![call];
    }

    fn refused(calls: &[libc::c_long]) -> BTreeMap<libc::c_long, Vec<SeccompRule>> {
        let mut all: Vec<libc::c_long> = calls.iter().flat_map(|call| numbers(*call)).collect();
        #[cfg(target_arch = "x86_64")]
        all.extend(X32.1.iter().map(|call| X32.0 | call));
        all.into_iter().map(|call| (call, Vec::new())).collect()
    }

    fn compiled(rules: BTreeMap<libc::c_long, Vec<SeccompRule>>) -> Result<BpfProgram, String> {
        let refusal = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refusal, processor()?);
        filter.and_then(TryInto::try_into).map_err(|error| error.to_string())
    }

    fn processor() -> Result<TargetArch, String> {
        if cfg!(target_arch = "x86_64") {
            Ok(TargetArch::x86_64)
        } else if cfg!(target_arch = "aarch64") {
            Ok(TargetArch::aarch64)
        } else {
            Err("this processor is not known".into())
        }
    }

    fn apply(program: &Result<BpfProgram, String>) -> Result<(), String> {
        let program = program.as_ref().map_err(Clone::clone)?;
        seccompiler::apply_filter(program).map_err(|error| error.to_string())
    }
}

/// There is no seccomp here.
#[cfg(not(target_os = "linux"))]
pub(super) fn refuse_dangerous() -> Result<(), String> {
    Err("only Linux can".into())
}

/// There is no seccomp here.
#[cfg(not(target_os = "linux"))]
pub(super) fn refuse_network() -> Result<(), String> {
    Err("only Linux can".into())
}
