//! Whether a failed attempt is repeated, and after how long.

use super::{Advice, Cause, Failure};
use crate::api::{Duration, Retry, RetryPolicy};

#[expect(clippy::cast_precision_loss, reason = "durations are far below 2^52 seconds")]
pub(in crate::run) fn as_seconds(duration: Duration) -> f64 {
    duration.seconds() as f64
}

/// Seconds to wait before the next attempt, or `None` if there is none.
///
/// `attempt` counts the attempts that failed so far, `waited` the seconds waited between them. What the step's own
/// settings say comes first; a step that says nothing is repeated if the failure is known to pass.
pub(in crate::run) fn wait_before_next(
    settings: Option<&Retry>,
    failure: &Failure,
    attempt: u32,
    waited: f64,
    automatic: bool,
) -> Option<f64> {
    let transient = match failure.advice {
        Some(Advice::Retry { wait, limit }) => Some((wait, limit)),
        _ => None,
    };
    if failure.cause == Cause::Request {
        return None;
    }
    let hopeless = failure.advice.is_some() && transient.is_none();
    let Some(retry) = settings else {
        let (wait, limit) = transient.filter(|_| automatic)?;
        return (attempt <= limit).then(|| doubled(wait, attempt));
    };
    let applies = match retry.policy {
        RetryPolicy::Always => true,
        RetryPolicy::OnFailure => failure.cause == Cause::Step || transient.is_some(),
        RetryPolicy::OnError => failure.cause == Cause::Infrastructure || transient.is_some(),
        RetryPolicy::OnTransientError => transient.is_some(),
    };
    // What a script prints about a 404 may be beside the point; what the system says about an image is not.
    let given_up = hopeless && failure.cause == Cause::Infrastructure;
    if !applies || given_up || attempt > retry.limit {
        return None;
    }
    let Some(backoff) = &retry.backoff else {
        return Some(transient.map_or(0.0, |(wait, _)| doubled(wait, attempt)));
    };
    let wait = as_seconds(backoff.duration)
        * f64::from(backoff.factor.unwrap_or(1)).powi(i32::try_from(attempt - 1).unwrap_or(i32::MAX));
    // The factor may grow without bound; the clock does not.
    let longest = backoff.max_pause.unwrap_or(Duration::from_seconds(Duration::LONGEST));
    let wait = wait.min(as_seconds(longest));
    let longest = backoff.max_duration.map_or(f64::INFINITY, as_seconds);
    (waited + wait <= longest).then_some(wait)
}

fn doubled(wait: f64, attempt: u32) -> f64 {
    (wait * 2f64.powi(i32::try_from(attempt - 1).unwrap_or(20).min(20))).min(3600.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Backoff;

    fn failure(cause: Cause, advice: Option<Advice>) -> Failure {
        Failure { message: String::new(), cause, advice }
    }

    fn retry(policy: RetryPolicy) -> Retry {
        let duration = |text: &str| text.parse().unwrap();
        let backoff = Backoff {
            duration: duration("10s"),
            factor: Some(2),
            max_pause: None,
            max_duration: Some(duration("60s")),
        };
        Retry { limit: 5, policy, backoff: Some(backoff) }
    }

    #[test]
    fn policies_choose_the_failures_they_repeat() {
        let transient = Some(Advice::Retry { wait: 2.0, limit: 3 });
        let own = failure(Cause::Step, None);
        let system = failure(Cause::Infrastructure, None);
        let passing = failure(Cause::Step, transient);
        for (policy, expected) in [
            (RetryPolicy::OnFailure, [true, false, true]),
            (RetryPolicy::OnError, [false, true, true]),
            (RetryPolicy::OnTransientError, [false, false, true]),
            (RetryPolicy::Always, [true, true, true]),
        ] {
            let found = [&own, &system, &passing]
                .map(|failure| wait_before_next(Some(&retry(policy)), failure, 1, 0.0, true).is_some());
            assert_eq!(found, expected, "{policy:?}");
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let settings = retry(RetryPolicy::Always);
        let own = failure(Cause::Step, None);
        let mut waited = 0.0;
        let mut waits = Vec::new();
        for attempt in 1..=6 {
            let Some(wait) = wait_before_next(Some(&settings), &own, attempt, waited, true) else { break };
            waited += wait;
            waits.push(wait);
        }
        assert_eq!(waits, [10.0, 20.0], "40 more seconds would pass the longest time");
        let mut capped = retry(RetryPolicy::Always);
        capped.backoff.as_mut().unwrap().max_pause = Some("15s".parse().unwrap());
        let second = wait_before_next(Some(&capped), &own, 2, 10.0, true);
        assert_eq!(second, Some(15.0), "no single pause is longer");
        let unbounded = Retry { limit: 3, policy: RetryPolicy::Always, backoff: None };
        let tries = (1..9).take_while(|n| wait_before_next(Some(&unbounded), &own, *n, 0.0, true).is_some());
        assert_eq!(tries.count(), 3);
    }

    #[test]
    fn without_settings_only_what_passes_is_repeated() {
        let passing = failure(Cause::Infrastructure, Some(Advice::Retry { wait: 2.0, limit: 2 }));
        let waits: Vec<_> = (1..5).map(|n| wait_before_next(None, &passing, n, 0.0, true)).collect();
        assert_eq!(waits, [Some(2.0), Some(4.0), None, None]);
        assert_eq!(wait_before_next(None, &passing, 1, 0.0, false), None);
        assert_eq!(wait_before_next(None, &failure(Cause::Step, None), 1, 0.0, true), None);
        let hopeless = failure(Cause::Infrastructure, Some(Advice::Never));
        assert_eq!(wait_before_next(Some(&retry(RetryPolicy::Always)), &hopeless, 1, 0.0, true), None);
    }
}
