//! The time between two attempts to connect.

use std::time::Duration;

const MIN: Duration = Duration::from_millis(50);
/// Maximum time between two attempts.
pub(super) const MAX: Duration = Duration::from_secs(2);

/// The time to wait before the next attempt to connect. It doubles with each attempt and is random, so that nodes which
/// lost their connections together do not all come back together.
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(MIN)
    }
}

impl Backoff {
    /// A connection resets the backoff only if it lasted this long. Otherwise a connection that fails at once each time
    /// would be made again without a pause.
    pub const RESET_AFTER: Duration = MAX;

    /// Returns the time to wait now: between half of the current limit and all of it.
    pub fn next(&mut self) -> Duration {
        let limit = self.0;
        self.0 = (limit * 2).min(MAX);
        limit.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
    }
}
