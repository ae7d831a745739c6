//! Conversions between counts and floating-point numbers, each with its bounds.

/// A count as a floating-point number; exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts of steps and bytes stay far below 2^53")]
pub(super) fn as_f64(count: usize) -> f64 {
    count as f64
}

/// The whole part of a number; 0 for negative numbers, the largest count for those beyond it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates at both ends")]
pub(super) fn as_index(number: f64) -> usize {
    number as usize
}
