//! What steps ask of the machine, and what is left of it.

use crate::api::Resources;

/// Cores, memory and GPUs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Thousandths of a core.
    pub cpu_millis: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// GPUs.
    pub gpus: u32,
}

impl Capacity {
    /// What a step asks for; quantities that are not given are 0.
    pub(super) fn asked(resources: &Resources) -> Self {
        Self {
            cpu_millis: resources.cpu.as_deref().and_then(cpu_millis).unwrap_or(0),
            memory: resources.memory.as_deref().and_then(bytes).unwrap_or(0),
            gpus: resources.gpu.unwrap_or(0),
        }
    }

    /// The request, cut to what the machine has: a step that asks for more runs alone.
    pub(super) fn within(self, machine: Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.min(machine.cpu_millis),
            memory: self.memory.min(machine.memory),
            gpus: self.gpus.min(machine.gpus),
        }
    }

    pub(super) fn fits(self, free: Self) -> bool {
        self.cpu_millis <= free.cpu_millis && self.memory <= free.memory && self.gpus <= free.gpus
    }

    pub(super) fn take(&mut self, asked: Self) {
        self.cpu_millis -= asked.cpu_millis;
        self.memory -= asked.memory;
        self.gpus -= asked.gpus;
    }

    pub(super) fn give(&mut self, asked: Self) {
        self.cpu_millis += asked.cpu_millis;
        self.memory += asked.memory;
        self.gpus += asked.gpus;
    }
}

fn cpu_millis(text: &str) -> Option<u64> {
    match text.strip_suffix('m') {
        Some(millis) => millis.parse().ok(),
        None => Some(whole(text.parse::<f64>().ok()? * 1000.0)),
    }
}

/// Bytes of a Kubernetes quantity such as `512Mi`, `4Gi` or `2e9`.
pub fn bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let power = match unit.chars().next() {
        None | Some('m') => 0,
        Some('k' | 'K') => 1,
        Some('M') => 2,
        Some('G') => 3,
        Some('T') => 4,
        Some('P') => 5,
        Some('E') => 6,
        Some(_) => return None,
    };
    let base: f64 = if unit.ends_with('i') { 1024.0 } else { 1000.0 };
    let thousandth = if unit == "m" { 0.001 } else { 1.0 };
    Some(whole(number.parse::<f64>().ok()? * base.powi(power) * thousandth))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "quantities are positive")]
fn whole(number: f64) -> u64 {
    number.max(0.0).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read() {
        for (text, expected) in
            [("512Mi", 512 << 20), ("4Gi", 4 << 30), ("2G", 2_000_000_000), ("100", 100), ("1.5Ki", 1536)]
        {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        assert_eq!((cpu_millis("500m"), cpu_millis("1.5")), (Some(500), Some(1500)));
        assert_eq!((bytes("much"), cpu_millis("x")), (None, None));
    }
}
