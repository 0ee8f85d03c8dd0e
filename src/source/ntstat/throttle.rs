//! Something that is done when it is asked for, but not too often.

use std::time::Duration;

/// Remembers that something was asked for, and when it was last done.
#[derive(Debug)]
pub(super) struct Throttle {
    period: Duration,
    asked: bool,
    last: Option<Duration>,
}

impl Throttle {
    /// At most once in a period.
    pub(super) fn new(period: Duration) -> Throttle {
        Throttle { period, asked: false, last: None }
    }

    /// Asks for it.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// Takes back that it was asked for.
    pub(super) fn cancel(&mut self) {
        self.asked = false;
    }

    /// Whether it is to be done now.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        if self.due().is_none_or(|due| due > now) {
            return false;
        }
        (self.asked, self.last) = (false, Some(now));
        true
    }

    /// When it is to be done; `None` while nothing asks for it.
    pub(super) fn due(&self) -> Option<Duration> {
        self.asked.then(|| self.last.map_or(Duration::ZERO, |last| last + self.period))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_done_at_once_and_then_once_in_a_period() {
        let ms = Duration::from_millis;
        let mut throttle = Throttle::new(ms(100));
        assert_eq!((throttle.take(ms(5)), throttle.due()), (false, None));
        throttle.ask();
        assert!(throttle.take(ms(5)) && !throttle.take(ms(5)));
        throttle.ask();
        assert_eq!((throttle.take(ms(104)), throttle.due(), throttle.take(ms(105))), (false, Some(ms(105)), true));
    }
}
