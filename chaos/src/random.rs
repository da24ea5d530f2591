//! Schedules drawn from a seed, by swarm testing: each leaves most kinds of faults out, so that
//! those left in meet often, and another seed leaves out others.
//!
//! Source: Groce, Zhang, Eide, Chen and Regehr, "Swarm testing", ISSTA 2012. A schedule here
//! draws how many kinds are in, and each kind draws its rank from a stream of its own, those of the
//! lowest ranks being in; so a kind that is added to the catalogue later changes a schedule only
//! where it comes into it.

mod lot;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fault::{DRAWN, Drawn, FaultSpec};
use crate::schedule::radius::BlastRadius;
use crate::schedule::{HOLD_MIN, validate};
use crate::selector::Inventory;

pub(crate) use lot::Lot;

/// The most kinds in one schedule, at intensity 1.
pub const KINDS_MAX: u32 = 16;
/// The most faults of a kind, at intensity 1.
pub const TIMES_MAX: u32 = 3;

/// The shortest fault that is drawn: most need some time to be felt.
const HOLD_LEAST: Duration = Duration::from_millis(500);
/// Times are whole numbers of this, as people write them.
const STEP: Duration = HOLD_MIN;
/// How often a place is looked for that contradicts nothing.
const PLACES_MAX: u32 = 16;

/// What a schedule is drawn from.
#[derive(Debug, Clone)]
pub struct Dial {
    /// The seed.
    pub seed: u64,
    /// How much breaks, 0 to 1: how many kinds at most, how often and for how long.
    pub intensity: f64,
    /// From when to when, from the start of the load: everything is healed by then.
    pub window: Range<Duration>,
    /// Why a kind of fault cannot be done where the schedule is for; nothing for one that can.
    pub refuses: fn(&str) -> Option<&'static str>,
}

/// Draws a schedule that is sound for what there is: within the blast radius, nothing in it
/// contradicting anything else. It is empty where nothing fits.
pub fn draw(dial: &Dial, radius: &BlastRadius, inventory: &Inventory) -> Vec<FaultSpec> {
    let most_kinds = most(KINDS_MAX, dial.intensity);
    if most_kinds == 0 {
        return Vec::new();
    }
    let mut left = ChaCha8Rng::seed_from_u64(dial.seed).random_range(1..=most_kinds);
    let mut faults: Vec<FaultSpec> = Vec::new();
    let possible =
        ranked(dial.seed).into_iter().filter(|(kind, _)| (dial.refuses)(kind.name).is_none());
    for (kind, mut random) in possible {
        let before = faults.len();
        let times = random.random_range(1..=most(TIMES_MAX, dial.intensity).max(1));
        for number in 1..=times {
            // A stream each, whatever the fault before it took from its own.
            let mut random = ChaCha8Rng::seed_from_u64(random.next_u64());
            let place = |_| {
                let fault = one(kind, number, dial, inventory, &mut random)?;
                let mut more = faults.clone();
                more.push(fault);
                validate(&more, radius, inventory, dial.window.end).is_ok().then_some(more)
            };
            faults = (0..PLACES_MAX).find_map(place).unwrap_or(faults);
        }
        // A kind that fits in nowhere leaves its place to the next.
        left -= u32::from(faults.len() > before);
        if left == 0 {
            break;
        }
    }
    faults.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    faults
}

/// Every kind by its rank, each with the rest of its stream.
fn ranked(seed: u64) -> Vec<(&'static Drawn, ChaCha8Rng)> {
    let ranked = DRAWN.iter().map(|kind| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream(kind.name));
        (random.next_u64(), kind, random)
    });
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_by_key(|(rank, kind, _)| (*rank, kind.name));
    ranked.into_iter().map(|(_, kind, random)| (kind, random)).collect()
}

/// A fault of a kind at a time within the window; nothing if it does not fit in, or there is
/// nothing that it could be aimed at.
fn one(
    kind: &Drawn,
    number: u32,
    dial: &Dial,
    inventory: &Inventory,
    random: &mut ChaCha8Rng,
) -> Option<FaultSpec> {
    let Range { start, end } = dial.window;
    let length = end.checked_sub(start).filter(|length| *length >= HOLD_LEAST)?;
    let longest = length.mul_f64(0.2 + 0.4 * dial.intensity.clamp(0.0, 1.0)).max(HOLD_LEAST);
    let mut lot = Lot { random, inventory, hold: longest };
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let hold = whole(lot.time(milliseconds(HOLD_LEAST)..=milliseconds(longest)));
    lot.hold = hold;
    let fault = (kind.draw)(&mut lot)?;
    let latest = milliseconds(length.checked_sub(hold)?);
    let at = start + whole(Duration::from_millis(random.random_range(0..=latest)));
    let name = Some(format!("{}-{number}", kind.name));
    Some(FaultSpec { name, ..FaultSpec::at(at, hold, fault) })
}

fn most(most: u32, intensity: f64) -> u32 {
    (f64::from(most) * intensity.clamp(0.0, 1.0)).ceil() as u32
}

/// Cut to whole steps.
fn whole(time: Duration) -> Duration {
    let steps = time.as_millis() / STEP.as_millis();
    STEP * u32::try_from(steps).unwrap_or(u32::MAX)
}

/// The number of a kind's stream: FNV-1a of its name, which no other kind's place has a say in.
fn stream(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
