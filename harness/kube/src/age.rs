//! Ages as `kubectl` shows them: `45s`, `3m12s`, `5h`, `12d`.

use jiff::Timestamp;
use serde_json::Value;

use crate::json::str_at;

/// How long ago the object was created.
pub(crate) fn age_of(object: &Value, now: Timestamp) -> Value {
    match str_at(object, &["metadata", "creationTimestamp"]).parse() {
        Ok(created) => since(created, now).into(),
        Err(_) => "<unknown>".into(),
    }
}

/// The time from `then` to `now` in at most two units, the rules being those of apimachinery's
/// `duration.HumanDuration`.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    if seconds < -1 {
        return "<invalid>".into();
    }
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |big: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{small_unit}") }
    };
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        two(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        two(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if days < 8 {
        two(days, "d", hours % 24, "h")
    } else if days < 730 {
        format!("{days}d")
    } else if days < 365 * 8 {
        two(days / 365, "y", days % 365, "d")
    } else {
        format!("{}y", days / 365)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_prints_them() {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let shown = |seconds: i64| {
            since(start, Timestamp::from_second(start.as_second() + seconds).unwrap())
        };
        let table = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (192, "3m12s"),
            (3_000, "50m"),
            (3 * 3_600, "3h"),
            (3 * 3_600 + 1_260, "3h21m"),
            (30 * 3_600, "30h"),
            (50 * 3_600, "2d2h"),
            (20 * 86_400, "20d"),
            (800 * 86_400, "2y70d"),
            (-5, "<invalid>"),
        ];
        for (seconds, text) in table {
            assert_eq!(shown(seconds), text);
        }
    }
}
