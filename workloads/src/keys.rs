//! Which key is at a position, and which number it has within its key.
//!
//! Positions are cut into blocks. Every block holds the same multiset of keys (each key as often
//! as its weight says, at least once), in an order of its own: a seeded Fisher–Yates shuffle. So
//! the sequence number within a key is `block · weight + rank in the block`, which needs no
//! history, and the asked shares hold in every block, not only on average.

use crate::stream::Stream;

/// Slots a key has in a block on average, before rounding to whole slots.
const SLOTS_A_KEY: u32 = 8;

/// The fixed multiset of a block.
#[derive(Clone, Debug)]
pub(crate) struct KeyPlan {
    weights: Vec<u32>,
    slots: usize,
    stream: Stream,
}

/// The order of one block.
#[derive(Clone, Debug)]
pub(crate) struct KeyBlock {
    number: Option<u64>,
    key: Vec<u32>,
    rank: Vec<u32>,
    next_rank: Vec<u32>,
}

impl KeyPlan {
    /// Weights in proportion to (index + 1)^-skew, rounded to whole slots, at least one each.
    pub(crate) fn new(keys: u32, skew: f64, stream: Stream) -> Self {
        let shares: Vec<f64> =
            (0..keys).map(|key| libm::exp(-skew * libm::log(f64::from(key) + 1.0))).collect();
        let scale = f64::from(keys) * f64::from(SLOTS_A_KEY) / shares.iter().sum::<f64>();
        let weights: Vec<u32> =
            shares.iter().map(|share| (libm::round(share * scale) as u32).max(1)).collect();
        let slots = weights.iter().map(|&weight| weight as usize).sum();
        Self { weights, slots, stream }
    }

    /// Slots in a block.
    pub(crate) fn slots(&self) -> u64 {
        self.slots as u64
    }

    /// How often a key occurs in each block.
    #[cfg(test)]
    pub(crate) fn weight(&self, key: u32) -> u32 {
        self.weights[key as usize]
    }

    /// A block that holds no order yet.
    pub(crate) fn block(&self) -> KeyBlock {
        KeyBlock {
            number: None,
            key: vec![0; self.slots],
            rank: vec![0; self.slots],
            next_rank: vec![0; self.weights.len()],
        }
    }

    /// Key and sequence number at a position. `block` is the memory of the block last asked for:
    /// neighbours are free, a jump to another block costs a shuffle.
    pub(crate) fn at(&self, position: u64, block: &mut KeyBlock) -> (u32, u32) {
        let number = position / self.slots();
        if block.number != Some(number) {
            self.fill(number, block);
        }
        let slot = (position % self.slots()) as usize;
        let key = block.key[slot];
        let before = number.wrapping_mul(u64::from(self.weights[key as usize]));
        (key, (before as u32).wrapping_add(block.rank[slot]))
    }

    fn fill(&self, number: u64, block: &mut KeyBlock) {
        let mut slot = 0;
        for (key, &weight) in self.weights.iter().enumerate() {
            block.key[slot..slot + weight as usize].fill(key as u32);
            slot += weight as usize;
        }
        let first = number.wrapping_mul(self.slots());
        for last in (1..self.slots).rev() {
            let draw = self.stream.below(first.wrapping_add(last as u64), last as u64 + 1);
            block.key.swap(last, draw as usize);
        }
        block.next_rank.fill(0);
        for (slot, &key) in block.key.iter().enumerate() {
            let next = &mut block.next_rank[key as usize];
            block.rank[slot] = *next;
            *next += 1;
        }
        block.number = Some(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Aspect;
    use proptest::prelude::*;

    fn plan(keys: u32, skew: f64) -> KeyPlan {
        KeyPlan::new(keys, skew, Stream::new(1, Aspect::KeyOrder))
    }

    proptest! {
        #[test]
        fn sequences_within_each_key_count_up_without_a_gap(
            keys in 1_u32..60, skew in 0.0..4.0_f64,
        ) {
            let plan = plan(keys, skew);
            let mut block = plan.block();
            let mut next = vec![0_u32; keys as usize];
            for position in 0..plan.slots() * 3 + 5 {
                let (key, sequence) = plan.at(position, &mut block);
                prop_assert_eq!(sequence, next[key as usize]);
                next[key as usize] += 1;
            }
        }

        #[test]
        fn any_order_of_asking_gives_the_same_answers(positions: Vec<u32>) {
            let plan = plan(20, 1.0);
            let mut memory = plan.block();
            for position in positions {
                let fresh = plan.at(u64::from(position), &mut plan.block());
                prop_assert_eq!(plan.at(u64::from(position), &mut memory), fresh);
            }
        }
    }

    #[test]
    fn the_asked_skew_holds_in_every_block() {
        let plan = plan(200, 1.0);
        // The first of 200 keys has a share of 1 / H(200) = 17.0 %.
        let share = f64::from(plan.weight(0)) / plan.slots() as f64;
        assert!((share - 0.170).abs() < 0.002, "{share}");
        assert_eq!(plan.weight(9), (plan.weight(0) + 5) / 10);
    }

    #[test]
    fn without_skew_every_key_is_as_frequent() {
        let plan = plan(50, 0.0);
        assert!((0..50).all(|key| plan.weight(key) == 8));
    }

    #[test]
    fn blocks_have_different_orders() {
        let plan = plan(50, 0.5);
        let mut block = plan.block();
        let order = |number: u64, block: &mut KeyBlock| -> Vec<u32> {
            let first = number * plan.slots();
            (first..first + plan.slots()).map(|position| plan.at(position, block).0).collect()
        };
        let (zero, one) = (order(0, &mut block), order(1, &mut block));
        assert_ne!(zero, one);
        let same = zero.iter().zip(&one).filter(|(a, b)| a == b).count();
        assert!((same as u64) < plan.slots() / 8, "{same} of {} slots equal", plan.slots());
    }
}
