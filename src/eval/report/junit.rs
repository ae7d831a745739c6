//! A run as `JUnit` XML, which services for continuous integration show.
//!
//! The form is the one of Jenkins: <https://llg.cubic.org/docs/junit/>.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite, XmlString};

use super::text::{mode, plain, stage};
use crate::eval::{Sample, SampleOutcome, Summary};

/// A run as `JUnit` XML: a suite per category, a test case per sample. Samples that failed for reasons of
/// infrastructure are errors, the other failed ones failures.
pub fn junit(summary: &Summary, samples: &[Sample]) -> String {
    let mut repeats: HashMap<&str, usize> = HashMap::new();
    for sample in samples {
        *repeats.entry(&sample.case).or_default() += 1;
    }
    let mut ordered: Vec<&Sample> = samples.iter().collect();
    ordered.sort_by_key(|sample| (&sample.case, sample.sample));
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    for sample in ordered {
        let suite =
            suites.entry(&sample.category).or_insert_with(|| TestSuite::new(xml(&plain(&sample.category))));
        suite.add_test_case(test_case(sample, repeats[sample.case.as_str()] > 1));
        let so_far = suite.time.unwrap_or_default();
        suite.set_time(so_far.saturating_add(duration(sample.seconds)));
    }
    let header = &summary.header;
    let name = format!("{}: {}, {}", header.suite, header.model, mode(header.mode));
    let mut report = Report::new(xml(&plain(&name)));
    report.set_time(
        samples.iter().map(|sample| duration(sample.seconds)).fold(Duration::ZERO, Duration::saturating_add),
    );
    report.add_test_suites(suites.into_values());
    report.to_string().expect("a report can be written to memory")
}

fn test_case(sample: &Sample, repeated: bool) -> TestCase {
    let name = if repeated { format!("{}#{}", sample.case, sample.sample) } else { sample.case.clone() };
    let mut case = TestCase::new(xml(&plain(&name)), status(sample));
    case.set_classname(xml(&plain(&sample.category))).set_time(duration(sample.seconds));
    case
}

fn status(sample: &Sample) -> TestCaseStatus {
    let (kind, reason) = match sample.outcome {
        SampleOutcome::Passed => return TestCaseStatus::success(),
        SampleOutcome::Failed => (NonSuccessKind::Failure, sample.failed_stage.map_or("check", stage)),
        SampleOutcome::Infrastructure => (NonSuccessKind::Error, "infrastructure"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    let first = sample.failures.first().map_or("no reason is known", String::as_str);
    status.set_type(reason).set_message(xml(&plain(first))).set_description(xml(&sample.failures.join("\n")));
    status
}

/// Leaves out what XML 1.0 does not allow (section 2.2) and the other control characters. [`XmlString`] drops only a
/// part of them, and after an escape character text that is none of its own.
fn xml(text: &str) -> XmlString {
    let allowed =
        |c: &char| matches!(c, '\n' | '\t') || !(c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
    XmlString::new(text.chars().filter(allowed).collect::<String>())
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
