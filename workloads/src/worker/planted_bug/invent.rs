//! Writes a result for a message that nobody sent.

use crate::stamp::Stamp;

/// The header of a further result that is due after the record at a position, if one is: that of
/// a message from the far end of all positions, with the record's key.
pub(crate) fn invented(
    header: Option<&[u8]>,
    position: u64,
    every: u64,
) -> Option<[u8; Stamp::BYTES]> {
    let stamp = header.and_then(Stamp::decode).filter(|_| super::due(position, every))?;
    Some(Stamp { position: u64::MAX - position, ..stamp }.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_so_many_is_invented_and_names_no_message_of_the_load() {
        let header = Stamp { position: 5, key: 3, ..Stamp::default() }.encode();
        let found: Vec<_> =
            (0..30).filter_map(|position| invented(Some(&header), position, 10)).collect();
        assert_eq!(found.len(), 3);
        let stamp = Stamp::decode(&found[0]).unwrap();
        assert_eq!((stamp.position, stamp.key), (u64::MAX - 5, 3));
        assert_eq!(invented(None, 5, 10), None);
    }
}
