//! Eras: stretches of the load in which the source topic had the same number of partitions.
//!
//! More partitions move keys. Of a key that moved, older messages wait in one partition while newer
//! ones are read from another: its order holds on each side of the move, and nobody promises it
//! across. Keys that stay where they are keep their order throughout.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use workloads::{Stamp, Symbol};

/// The eras of a trial, as its producer came to know of them. Takes some bytes an era.
#[derive(Debug, Default)]
pub struct Eras {
    /// More than one: what results are asked for before anything else.
    several: AtomicBool,
    /// First position and number of partitions of each.
    list: Mutex<Vec<(u64, i32)>>,
}

impl Eras {
    /// Notes how many partitions there are for the message at a position.
    pub fn note(&self, position: u64, partitions: i32) {
        let mut list = self.list();
        if list.last().is_none_or(|(_, last)| *last != partitions) {
            list.push((position, partitions));
            self.several.store(list.len() > 1, Ordering::Release);
        }
    }

    /// In which of the key's places a message is, counted from 0: another one after each move.
    /// Where a key lies that is none of the workload's `symbols` is not known: it always moves.
    pub(super) fn place(&self, stamp: &Stamp, symbols: u32) -> usize {
        if !self.several.load(Ordering::Acquire) {
            return 0;
        }
        let list = self.list();
        let eras = list.partition_point(|(first, _)| *first <= stamp.position);
        let home = |count: i32| partition_of(Symbol::of(stamp.key).as_bytes(), count);
        let moves =
            |pair: &&[(u64, i32)]| stamp.key >= symbols || home(pair[0].1) != home(pair[1].1);
        list.get(..eras).unwrap_or_default().windows(2).filter(moves).count()
    }

    fn list(&self) -> MutexGuard<'_, Vec<(u64, i32)>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The partition of a key among so many, as librdkafka's `consistent` partitioner has it: the
/// remainder of the CRC-32 of the key.
pub(crate) fn partition_of(key: &[u8], partitions: i32) -> i32 {
    let count = u32::try_from(partitions).unwrap_or(0).max(1);
    i32::try_from(crc32fast::hash(key) % count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(key: u32, position: u64) -> Stamp {
        Stamp { key, position, ..Stamp::default() }
    }

    #[test]
    fn only_keys_that_move_have_a_second_place_and_only_from_then_on() {
        let eras = Eras::default();
        eras.note(0, 6);
        assert_eq!(eras.place(&stamp(1, 900), 50), 0);
        eras.note(100, 6);
        eras.note(500, 9);
        let moved = |key: u32| {
            let home = |count| partition_of(Symbol::of(key).as_bytes(), count);
            home(6) != home(9)
        };
        assert!((0..50).any(moved) && !(0..50).all(moved));
        for key in 0..50 {
            assert_eq!(eras.place(&stamp(key, 499), 50), 0);
            assert_eq!(eras.place(&stamp(key, 500), 50), usize::from(moved(key)));
        }
        assert_eq!(eras.place(&stamp(50, 500), 50), 1, "that of a hot key is not known");
    }

    #[test]
    fn keys_are_told_apart_by_their_crc() {
        // The check value of CRC-32 (ISO-HDLC) is that of these nine digits.
        let expected = 0xcbf4_3926_u32 % 1_000_003;
        assert_eq!(partition_of(b"123456789", 1_000_003), expected as i32);
        assert_eq!(partition_of(b"123456789", 1), 0);
    }
}
