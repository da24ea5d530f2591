//! Writes no result for one record in so many.

/// True for exactly one position in `every`.
pub(crate) fn is_dropped(position: u64, every: u64) -> bool {
    super::due(position, every)
}

#[cfg(test)]
mod tests {
    use super::is_dropped;

    #[test]
    fn exactly_one_in_so_many_is_dropped() {
        assert_eq!((0..300_000).filter(|&position| is_dropped(position, 100_000)).count(), 3);
        assert!(is_dropped(50_000, 100_000));
    }
}
