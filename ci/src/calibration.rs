//! Counts how often the decisions of `results::statistics` err, on noise of known kinds.
//!
//! - [`noise`]: the kinds;
//! - [`duets`]: the decision over paired windows;
//! - [`histories`]: change points in a history;
//! - [`table`]: what was counted, held against its target.

pub mod duets;
pub mod histories;
pub mod noise;
pub mod table;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What all trials share.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Where the random numbers start.
    pub seed: u64,
    /// The standard deviation of the logarithm of a pair's ratio when both sides are alike and
    /// windows are independent; a window's own is smaller by √2.
    pub noise: f64,
}

/// Makes `trials` trials on all processors, each with random numbers of its own: the outcome
/// does not depend on how many processors there are.
pub fn trials<T: Send>(
    setting: &Setting,
    row: u32,
    trials: u32,
    trial: impl Fn(&mut ChaCha8Rng) -> T + Sync,
) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u32;
    let part = |thread: u32| -> Vec<T> {
        (thread..trials)
            .step_by(threads as usize)
            .map(|number| {
                let mut random = ChaCha8Rng::seed_from_u64(setting.seed);
                random.set_stream(u64::from(row) << 32 | u64::from(number));
                trial(&mut random)
            })
            .collect()
    };
    std::thread::scope(|scope| {
        let part = &part;
        let running: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        running
            .into_iter()
            .flat_map(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}
