//! What the counters of a rule prove, in words.

use std::time::Duration;

use crate::words::counted;

use super::counters::RuleCounters;
use super::effect::{Cut, Effect, Keeps};

/// Below this a link was as good as unlimited, and a loss as good as none.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// The sentence that proves the effect, if the counters bear it out.
pub(super) fn proof(effect: &Effect, counters: &RuleCounters) -> Option<String> {
    let first = counters.first_effect?;
    let latest = Duration::from_micros(counters.delay_us_max);
    let shown = match effect {
        Effect::Hold => counters.bytes_held > 0,
        Effect::Delay(delay) => latest >= delay.shortest(),
        Effect::Loss(loss) => {
            let repair = loss.round_trip.min(loss.timeout).max(WAIT_MIN);
            counters.packets_lost > 0 && latest >= repair
        }
        Effect::Bandwidth { .. } => latest >= WAIT_MIN,
        Effect::SlowClose { delay } => latest >= *delay,
        Effect::Cut(Cut { keeps: Keeps::Both, .. }) => counters.bytes_swallowed > 0,
        Effect::Cut(_) => counters.connections > 0,
    };
    let summary = summary(effect, counters);
    shown.then(|| format!("{summary}, first after {:.1} ms", first.as_secs_f64() * 1e3))
}

/// What the rule has done so far.
pub(super) fn summary(effect: &Effect, counters: &RuleCounters) -> String {
    let connections = counted(counters.connections, "connection");
    let swallowed = counted(counters.bytes_swallowed, "byte");
    let late = late(counters);
    match effect {
        Effect::Hold => held(counters),
        Effect::Delay(_) => late,
        Effect::Loss(_) => {
            let RuleCounters { packets, packets_lost, .. } = *counters;
            format!("{packets_lost} of {} lost; {late}", counted(packets, "packet"))
        }
        Effect::Bandwidth { bytes_per_s } => {
            format!("links carried {} a second; {late}", counted(*bytes_per_s, "byte"))
        }
        Effect::SlowClose { .. } => {
            let latest_ms = counters.delay_us_max as f64 / 1e3;
            let ends = counted(counters.chunks, "end");
            format!("{ends} of {connections} late by {latest_ms:.1} ms at most")
        }
        Effect::Cut(cut) => match cut.keeps {
            Keeps::Neither => format!("{connections} reset"),
            Keeps::Client => {
                format!(
                    "{connections} open at the client only, {swallowed} of clients sent to nobody"
                )
            }
            Keeps::Server => {
                format!(
                    "{connections} open at the server only, {swallowed} of servers sent to nobody"
                )
            }
            Keeps::Both => format!("{swallowed} of {connections} swallowed"),
        },
    }
}

fn late(counters: &RuleCounters) -> String {
    let (bytes, connections) =
        (counted(counters.bytes_delayed, "byte"), counted(counters.connections, "connection"));
    let mean_ms = counters.delay_us_total as f64 / 1e3 / counters.chunks.max(1) as f64;
    let longest_ms = counters.delay_us_max as f64 / 1e3;
    format!(
        "{bytes} of {connections} late by {mean_ms:.1} ms in the mean and {longest_ms:.1} ms at \
         most"
    )
}

fn held(counters: &RuleCounters) -> String {
    let (bytes, connections) =
        (counted(counters.bytes_held, "byte"), counted(counters.connections, "connection"));
    let mut sentence = format!("{bytes} of {connections} held back");
    if counters.held_us_max > 0 {
        let longest_ms = counters.held_us_max as f64 / 1e3;
        sentence.push_str(&format!(" for up to {longest_ms:.1} ms"));
    }
    if counters.bytes_abandoned > 0 {
        let abandoned = counters.bytes_abandoned;
        sentence.push_str(&format!(", {abandoned} abandoned by their clients"));
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::super::effect::Loss;
    use super::*;

    const FIRST: Option<Duration> = Some(Duration::from_micros(1_500));

    fn counters() -> RuleCounters {
        RuleCounters { connections: 2, chunks: 4, first_effect: FIRST, ..RuleCounters::default() }
    }

    fn cut(keeps: Keeps) -> Effect {
        Effect::Cut(Cut { after: Duration::ZERO, keeps, newcomers: true })
    }

    #[test]
    fn without_an_effect_nothing_is_proven() {
        let none = RuleCounters { connections: 1, bytes_held: 1, ..RuleCounters::default() };
        assert_eq!(proof(&Effect::Hold, &none), None);
        assert_eq!(proof(&Effect::Hold, &counters()), None, "nothing was held");
        let slow = Effect::SlowClose { delay: Duration::from_secs(1) };
        let early = RuleCounters { delay_us_max: 999_999, ..counters() };
        assert_eq!(proof(&slow, &early), None, "it was passed on before its time");
    }

    #[test]
    fn a_loss_is_proven_by_lost_packets_and_what_they_held_up() {
        let timeout = Duration::from_millis(200);
        let loss =
            Effect::Loss(Loss { share: 0.1, burst: None, round_trip: Duration::ZERO, timeout });
        let flown = RuleCounters { packets: 10, packets_lost: 1, ..counters() };
        assert_eq!(proof(&loss, &flown), None, "it has not arrived yet");
        let late = RuleCounters {
            bytes_delayed: 50,
            delay_us_total: 800_000,
            delay_us_max: 201_000,
            ..flown
        };
        let sentence = "1 of 10 packets lost; 50 bytes of 2 connections late by 200.0 ms in the \
                        mean and 201.0 ms at most, first after 1.5 ms";
        assert_eq!(proof(&loss, &late).unwrap(), sentence);
    }

    #[test]
    fn a_link_that_was_wide_enough_proves_nothing() {
        let link = Effect::Bandwidth { bytes_per_s: 1_000_000_000 };
        assert_eq!(proof(&link, &RuleCounters { delay_us_max: 200, ..counters() }), None);
        assert!(proof(&link, &RuleCounters { delay_us_max: 2_000, ..counters() }).is_some());
    }

    #[test]
    fn a_cut_is_told_by_who_keeps_the_connection() {
        let swallowed = RuleCounters { bytes_swallowed: 7, ..counters() };
        let told = |keeps, counters| proof(&cut(keeps), &counters);
        let sentence = "2 connections reset, first after 1.5 ms";
        assert_eq!(told(Keeps::Neither, counters()).unwrap(), sentence);
        assert!(told(Keeps::Client, counters()).unwrap().contains("open at the client only"));
        assert!(told(Keeps::Server, counters()).unwrap().contains("open at the server only"));
        assert_eq!(told(Keeps::Both, counters()), None, "nobody has tried to use them");
        assert!(told(Keeps::Both, swallowed).unwrap().starts_with("7 bytes of 2 connections"));
    }
}
