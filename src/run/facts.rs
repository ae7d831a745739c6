//! What is known of a run as a whole, for the texts of its steps.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::ir::Workflow;

/// Facts of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// The name of the program.
    pub(super) workflow: String,
    /// The name of the run's folder.
    pub(super) id: String,
    /// YYYY-MM-DD.
    pub(super) date: String,
}

impl Facts {
    /// Those of the run in `folder` that began at `seconds` since 1970. A run on this machine has no scheduled time.
    pub(super) fn of(workflow: &Workflow, folder: &Path, seconds: u64) -> Self {
        let zone = workflow.schedule.as_ref().and_then(|schedule| schedule.timezone.as_deref());
        let id = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Self { workflow: workflow.name.clone(), id, date: date(seconds, zone) }
    }
}

/// The date in a time zone; in UTC if none is given, or it is not known.
fn date(seconds: u64, zone: Option<&str>) -> String {
    let zone = zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or_default().to_zoned_datetime(zone).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_counts_in_its_zone() {
        let late = 1_767_308_400; // 2026-01-01 23:00 UTC
        assert_eq!(date(late, None), "2026-01-01");
        assert_eq!(date(late, Some("Europe/Berlin")), "2026-01-02");
        assert_eq!(date(late, Some("Nowhere/At-All")), "2026-01-01");
    }
}
