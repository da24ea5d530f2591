//! Numbers of things in words, as the reports have them.

/// A whole number of things, each of which is a `noun`, with its thousands apart: `1 byte`,
/// `1,234 connections`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    format!("{} {noun}{}", groups.join(","), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_no_plural_and_thousands_are_apart() {
        assert_eq!(counted(1, "byte"), "1 byte");
        assert_eq!(counted(0, "byte"), "0 bytes");
        assert_eq!(counted(999, "byte"), "999 bytes");
        assert_eq!(counted(1_000, "byte"), "1,000 bytes");
        assert_eq!(counted(1_234_567, "connection"), "1,234,567 connections");
    }
}
