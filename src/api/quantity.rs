//! Amounts of CPU and memory as Kubernetes writes them.

/// Cores of `2`, `0.5` or `500m`.
pub fn cpu_cores(text: &str) -> Option<f64> {
    let (number, factor) = text.strip_suffix('m').map_or((text, 1.0), |milli| (milli, 0.001));
    number.parse::<f64>().ok().filter(|cores| cores.is_finite() && *cores >= 0.0).map(|cores| cores * factor)
}

/// Bytes of `4Gi`, `500M` or `1024`.
pub fn memory_bytes(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 14] = [
        ("Ki", 1_024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("k", 1e3),
        ("K", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("m", 1e-3),
    ];
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = unit.unwrap_or((text, 1.0));
    number.parse::<f64>().ok().filter(|bytes| bytes.is_finite() && *bytes >= 0.0).map(|bytes| bytes * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them() {
        let cpu = ["2", "500m", "0.25", "x", "-1", "NaN"].map(cpu_cores);
        assert_eq!(cpu, [Some(2.0), Some(0.5), Some(0.25), None, None, None]);
        let memory = ["4Gi", "500M", "1k", "12", "1.5Ki", "Gi"].map(memory_bytes);
        assert_eq!(memory, [Some(4_294_967_296.0), Some(5e8), Some(1e3), Some(12.0), Some(1536.0), None]);
    }
}
