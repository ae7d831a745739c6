//! When and how long to wait before another attempt.

use std::time::{Duration, SystemTime};

/// The longest wait between two attempts. A server that asks for more is not waited for.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Exponential backoff with jitter: before retry `n` (from 0) between half and all of `base · 2ⁿ`, at most 20
/// s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    pub base: Duration,
}

impl Backoff {
    const LONGEST: Duration = Duration::from_secs(20);

    /// The wait before retry `retry`, or `None` when the server asks for more patience than we have.
    pub(super) fn wait(self, retry: u32, retry_after: Option<Duration>) -> Option<Duration> {
        match retry_after {
            Some(asked) if asked > LONGEST_WAIT => None,
            Some(asked) => Some(asked),
            None => {
                let full = self.base.saturating_mul(2_u32.saturating_pow(retry)).min(Self::LONGEST);
                Some(full.mul_f64(0.5 + fastrand::f64() / 2.0))
            }
        }
    }
}

/// The wait of a `Retry-After` header: seconds or an HTTP date (RFC 9110, section 10.2.3).
pub(super) fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        assert_eq!(parse_retry_after(" 7 ", now), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("soon", now), None);
    }

    #[test]
    fn waits_double_and_jitter_within_bounds() {
        let backoff = Backoff { base: Duration::from_millis(100) };
        for retry in 0..40 {
            let full =
                Duration::from_millis(100).saturating_mul(2_u32.saturating_pow(retry)).min(Backoff::LONGEST);
            let wait = backoff.wait(retry, None).expect("no header, no limit");
            assert!(wait >= full / 2 && wait <= full, "{retry}: {wait:?}");
        }
    }

    #[test]
    fn the_server_decides_up_to_a_minute() {
        let backoff = Backoff { base: Duration::from_millis(100) };
        assert_eq!(backoff.wait(0, Some(Duration::from_mins(1))), Some(LONGEST_WAIT));
        assert_eq!(backoff.wait(0, Some(Duration::from_secs(61))), None);
    }
}
