//! Loss as the users of TCP feel it: a lost packet makes late whatever comes behind it.
//!
//! Bytes that a proxy has read were received, so none of them can be lost for good, and none is:
//! TCP would send them again. Each chunk is taken as a flight of packets, and the chunk is as late
//! as its latest packet.
//!
//! Which packets are lost: each with the same probability, or in bursts, by the two states of
//! Gilbert's channel (Bell System Technical Journal 39, 1960). How late a lost packet is: with
//! three packets or more behind it, one round trip, as three duplicate acknowledgements tell of it
//! (fast retransmit, RFC 5681, section 3.2); otherwise the retransmission timeout. Each further
//! loss of the same packet costs the timeout, which doubles from one to the next (RFC 6298,
//! section 5.5). What the loss would do to the congestion window is left out.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::DELAY_MAX;

/// The payload of a packet on Ethernet, with TCP timestamps.
const PACKET_BYTES: usize = 1448;
/// Packets behind a lost one that give it away.
const DUPLICATES: usize = 3;
/// The longest retransmission timeout; Linux has the same.
const TIMEOUT_MAX: Duration = Duration::from_secs(120);

/// The law by which packets are lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loss {
    /// The share of packets that is lost, below 1.
    pub share: f64,
    /// How many packets are lost in a row, in the mean; none for losses that know nothing of each
    /// other.
    pub burst: Option<f64>,
    /// What a packet and its acknowledgement take.
    pub round_trip: Duration,
    /// After how long a packet is sent again of which nothing was heard.
    pub timeout: Duration,
}

/// What became of one chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flight {
    pub(crate) packets: u64,
    /// Packets that were lost, however often.
    pub(crate) lost: u64,
    pub(crate) late: Duration,
}

impl Loss {
    /// The fate of a chunk. `losing` is the state of the channel: whether the last packet was lost.
    pub(crate) fn fly(&self, bytes: usize, losing: &mut bool, random: &mut ChaCha8Rng) -> Flight {
        // The end of a stream is a packet too.
        let packets = bytes.div_ceil(PACKET_BYTES).max(1);
        let mut flight = Flight { packets: packets as u64, ..Flight::default() };
        for behind in (0..packets).rev() {
            *losing = random.random::<f64>() < self.probability(*losing);
            if *losing {
                flight.lost += 1;
                flight.late = flight.late.max(self.repair(behind >= DUPLICATES, random));
            }
        }
        flight
    }

    /// How probable it is that the next packet is lost.
    fn probability(&self, losing: bool) -> f64 {
        match self.burst {
            None => self.share,
            Some(burst) if losing => 1.0 - 1.0 / burst,
            Some(burst) => self.share / (1.0 - self.share) / burst,
        }
    }

    /// How late a packet arrives that was lost once at least.
    fn repair(&self, noticed: bool, random: &mut ChaCha8Rng) -> Duration {
        let mut timer = self.timeout.min(TIMEOUT_MAX);
        let mut late = self.round_trip;
        if !noticed {
            late = timer;
            timer = (timer * 2).min(TIMEOUT_MAX);
        }
        while late < DELAY_MAX && random.random::<f64>() < self.share {
            late += timer;
            timer = (timer * 2).min(TIMEOUT_MAX).max(Duration::from_millis(1));
        }
        late.min(DELAY_MAX)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn loss(share: f64, burst: Option<f64>) -> Loss {
        Loss { share, burst, round_trip: 10 * MILLI, timeout: 200 * MILLI }
    }

    /// Whether each of many packets is lost.
    fn fates(loss: Loss) -> Vec<bool> {
        let (mut losing, mut random) = (false, ChaCha8Rng::seed_from_u64(3));
        (0..200_000).map(|_| loss.fly(1, &mut losing, &mut random).lost == 1).collect()
    }

    fn share(fates: &[bool]) -> f64 {
        fates.iter().filter(|lost| **lost).count() as f64 / fates.len() as f64
    }

    fn mean_burst(fates: &[bool]) -> f64 {
        let bursts = fates.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        share(fates) * fates.len() as f64 / bursts as f64
    }

    fn close(measured: f64, expected: f64) {
        assert!((measured / expected - 1.0).abs() < 0.05, "{measured} instead of {expected}");
    }

    #[test]
    fn the_share_and_the_bursts_are_those_of_the_law() {
        let independent = fates(loss(0.05, None));
        close(share(&independent), 0.05);
        close(mean_burst(&independent), 1.0 / 0.95);
        let bursts = fates(loss(0.05, Some(4.0)));
        close(share(&bursts), 0.05);
        close(mean_burst(&bursts), 4.0);
    }

    #[test]
    fn a_loss_with_packets_behind_it_costs_a_round_trip_and_a_late_one_the_timeout() {
        let repair =
            |noticed, share| loss(share, None).repair(noticed, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(repair(true, 0.0), 10 * MILLI);
        assert_eq!(repair(false, 0.0), 200 * MILLI);
        assert_eq!(repair(false, 1.0), DELAY_MAX, "it ends even if everything is lost");
    }

    #[test]
    fn each_further_loss_doubles_the_wait() {
        let loss = loss(0.5, None);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let waits: Vec<u128> =
            (0..4_000).map(|_| loss.repair(false, &mut random).as_millis()).collect();
        // 200, then 400, 800 and so on more, half as often each time.
        for (wait, share) in [(200, 0.5), (600, 0.25), (1_400, 0.125), (3_000, 0.0625)] {
            let seen = waits.iter().filter(|seen| **seen == wait).count() as f64;
            assert!((seen / waits.len() as f64 - share).abs() < 0.02, "{wait} ms: {seen}");
        }
    }

    #[test]
    fn a_chunk_is_as_late_as_its_latest_packet() {
        let (mut losing, mut random) = (false, ChaCha8Rng::seed_from_u64(5));
        let none = loss(0.0, None).fly(64 * 1024, &mut losing, &mut random);
        assert_eq!(none, Flight { packets: 46, lost: 0, late: Duration::ZERO });
        let all = loss(1.0, None).fly(3 * PACKET_BYTES, &mut losing, &mut random);
        assert_eq!((all.packets, all.lost), (3, 3));
        let end = loss(0.0, None).fly(0, &mut losing, &mut random);
        assert_eq!(end.packets, 1);
    }
}
