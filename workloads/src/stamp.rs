//! The record header that carries a message's identity and intended send time.

/// Identity and intended send time of one source record, carried in a record header.
///
/// A worker copies the header verbatim to every result record, so that the result can be
/// matched with what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Version of the payload's schema.
    pub schema_version: u8,
    /// Tag of the trial that sent the record.
    pub trial: u32,
    /// Number of the message within the trial, from 0.
    pub position: u64,
    /// When the schedule said to send, in microseconds since the Unix epoch.
    pub intended_us: u64,
    /// Index of the key.
    pub key: u32,
    /// Sequence number within the key, from 0.
    pub sequence: u32,
}

impl Stamp {
    /// Name of the record header.
    pub const HEADER: &'static str = "stormgauge";
    /// Length of the encoded stamp in bytes.
    pub const BYTES: usize = 32;
    const FORMAT: u8 = 1;

    /// The 32 bytes of the header, big-endian.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0] = Self::FORMAT;
        bytes[1] = self.schema_version;
        bytes[4..8].copy_from_slice(&self.trial.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.position.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.intended_us.to_be_bytes());
        bytes[24..28].copy_from_slice(&self.key.to_be_bytes());
        bytes[28..32].copy_from_slice(&self.sequence.to_be_bytes());
        bytes
    }

    /// Reads a header's value; `None` if its length, format or reserved bytes are not ours.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        if bytes[0] != Self::FORMAT || bytes[2] != 0 || bytes[3] != 0 {
            return None;
        }
        Some(Self {
            schema_version: bytes[1],
            trial: u32::from_be_bytes(bytes[4..8].try_into().ok()?),
            position: u64::from_be_bytes(bytes[8..16].try_into().ok()?),
            intended_us: u64::from_be_bytes(bytes[16..24].try_into().ok()?),
            key: u32::from_be_bytes(bytes[24..28].try_into().ok()?),
            sequence: u32::from_be_bytes(bytes[28..32].try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_an_encoded_stamp_gives_it_back(
            schema_version: u8, trial: u32, position: u64,
            intended_us: u64, key: u32, sequence: u32,
        ) {
            let stamp = Stamp { schema_version, trial, position, intended_us, key, sequence };
            prop_assert_eq!(Stamp::decode(&stamp.encode()), Some(stamp));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let decoded = Stamp::decode(&bytes);
            prop_assert!(decoded.is_none() || bytes.len() == Stamp::BYTES);
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let stamp = Stamp {
            schema_version: 2,
            trial: 0x0102_0304,
            position: 0x1112_1314_1516_1718,
            intended_us: 0x2122_2324_2526_2728,
            key: 0x3132_3334,
            sequence: 0x4142_4344,
        };
        let hex: String = stamp.encode().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0102000001020304111213141516171821222324252627283132333441424344");
    }

    #[test]
    fn a_foreign_format_is_refused() {
        let mut bytes = Stamp::default().encode();
        bytes[0] = 2;
        assert_eq!(Stamp::decode(&bytes), None);
        assert_eq!(Stamp::decode(&Stamp::default().encode()[..31]), None);
    }
}
