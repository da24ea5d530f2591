//! Writes no result from one message on, so that only the end of the load is lost.

/// True for every position from `from` on.
pub(crate) fn is_dropped_from(position: u64, from: u64) -> bool {
    position >= from
}

#[cfg(test)]
mod tests {
    use super::is_dropped_from;

    #[test]
    fn the_end_is_dropped_and_nothing_else() {
        assert_eq!((0..100).filter(|&position| is_dropped_from(position, 90)).count(), 10);
        assert!(!is_dropped_from(89, 90));
    }
}
