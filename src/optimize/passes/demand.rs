//! What is requested at the same time, and what may be.

use crate::api::{cpu_cores, memory_bytes};
use crate::ir::Workflow;
use crate::optimize::Model;
use crate::optimize::simulate::Simulation;

/// The most that may be requested at the same time, as a `ResourceQuota` of Kubernetes says; no limit where none is
/// given.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quota {
    /// Pods.
    pub pods: Option<usize>,
    /// CPU cores.
    pub cpu: Option<f64>,
    /// Bytes of memory.
    pub memory: Option<f64>,
    /// GPUs.
    pub gpu: Option<u64>,
}

impl Quota {
    /// What of a demand is over the quota, in words; nothing if all of it is within.
    pub(super) fn excess(&self, demand: &Demand) -> Option<String> {
        if let Some(most) = self.pods.filter(|most| demand.pods > *most) {
            return Some(format!("{} pods of {most}", demand.pods));
        }
        if let Some(most) = self.cpu.filter(|most| demand.cpu > *most + 1e-9) {
            return Some(format!("{:.1} cores of {most:.1}", demand.cpu));
        }
        if let Some(most) = self.memory.filter(|most| demand.memory > *most) {
            return Some(format!("{} of memory of {}", super::size(demand.memory), super::size(most)));
        }
        let most = self.gpu.filter(|most| demand.gpu > *most)?;
        Some(format!("{} GPUs of {most}", demand.gpu))
    }
}

/// The most that is requested at the same time, each amount by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Demand {
    pub(super) pods: usize,
    pub(super) cpu: f64,
    pub(super) memory: f64,
    pub(super) gpu: u64,
}

impl Demand {
    /// Of a run.
    pub(super) fn peak(workflow: &Workflow, model: &Model, run: &Simulation) -> Self {
        let mut moments: Vec<(f64, bool, usize)> = Vec::with_capacity(2 * run.attempts.len());
        for attempt in &run.attempts {
            moments.push((attempt.start, true, attempt.task));
            moments.push((attempt.end, false, attempt.task));
        }
        // What ends makes room for what starts at the same moment.
        moments.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let (mut now, mut peak) = (Self::default(), Self::default());
        for (_, starts, task) in moments {
            let of_step = Self::of(workflow, model, task);
            if starts {
                now.pods += 1;
                now.cpu += of_step.cpu;
                now.memory += of_step.memory;
                now.gpu += of_step.gpu;
                peak.pods = peak.pods.max(now.pods);
                peak.cpu = peak.cpu.max(now.cpu);
                peak.memory = peak.memory.max(now.memory);
                peak.gpu = peak.gpu.max(now.gpu);
            } else {
                now.pods -= 1;
                now.cpu -= of_step.cpu;
                now.memory -= of_step.memory;
                now.gpu -= of_step.gpu;
            }
        }
        peak
    }

    /// Of one instance of a step.
    pub(super) fn of(workflow: &Workflow, model: &Model, task: usize) -> Self {
        let resources = &workflow.graph[model.node(task)].settings.resources;
        Self {
            pods: 1,
            cpu: resources.cpu.as_deref().and_then(cpu_cores).unwrap_or(0.0),
            memory: resources.memory.as_deref().and_then(memory_bytes).unwrap_or(0.0),
            gpu: resources.gpu.map_or(0, u64::from),
        }
    }
}
