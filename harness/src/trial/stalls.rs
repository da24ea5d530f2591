//! Stretches in which nothing moved: messages were scheduled, and no result came.

use results::recovery::Stall;

/// A stretch that is shorter may be a pause between two batches of results.
const LEAST_S: f64 = 1.0;

/// Watches the running totals of messages scheduled and results observed, look by look.
#[derive(Debug, Default)]
pub(super) struct Watch {
    stalls: Vec<Stall>,
    /// When a result, or that nothing was scheduled since the last one, was last seen.
    moved_s: f64,
    looked_s: f64,
    /// The totals at that time.
    offered: u64,
    observed: u64,
}

impl Watch {
    /// Takes in the totals at `now_s`, seconds from load start.
    pub(super) fn look(&mut self, now_s: f64, offered: u64, observed: u64) {
        let is_moving = observed > self.observed || offered == self.offered;
        if is_moving {
            self.close();
            self.moved_s = now_s;
            (self.offered, self.observed) = (offered, observed);
        }
        self.looked_s = now_s;
    }

    /// The stretches of a second and more. Each is known to the time between two looks.
    pub(super) fn finish(mut self) -> Vec<Stall> {
        self.close();
        self.stalls
    }

    /// Notes the stretch from the last movement to the last look without any.
    fn close(&mut self) {
        if self.looked_s - self.moved_s >= LEAST_S {
            self.stalls.push(Stall { start_s: self.moved_s, end_s: self.looked_s });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stalls of looks every half second, one sign each: `+` a result, `.` none, `-` nothing
    /// scheduled either.
    fn stalls(picture: &str) -> Vec<(f64, f64)> {
        let mut watch = Watch::default();
        let (mut offered, mut observed) = (0, 0);
        for (look, sign) in (1..).zip(picture.chars()) {
            offered += u64::from(sign != '-');
            observed += u64::from(sign == '+');
            watch.look(f64::from(look) / 2.0, offered, observed);
        }
        watch.finish().iter().map(|stall| (stall.start_s, stall.end_s)).collect()
    }

    #[test]
    fn a_stall_is_a_second_and_more_without_any_result() {
        assert_eq!(stalls("++++"), []);
        assert_eq!(stalls("++.++"), []);
        assert_eq!(stalls("++..++"), [(1.0, 2.0)]);
        assert_eq!(stalls("++....+...."), [(1.0, 3.0), (3.5, 5.5)]);
    }

    #[test]
    fn nothing_scheduled_is_no_stall() {
        assert_eq!(stalls("++-----++"), []);
        assert_eq!(stalls("+---+---+-----"), [], "a message every other second");
    }

    #[test]
    fn what_was_scheduled_is_waited_for_while_nothing_more_is() {
        assert_eq!(stalls("++...----"), [(1.0, 4.5)]);
        assert_eq!(stalls("+---.---.---+---"), [(2.0, 6.0)], "a message every other second");
    }
}
