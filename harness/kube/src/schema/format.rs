//! The formats of strings that are checked, lightly; others are not.

/// Whether the text has the format; unknown formats are those of every text.
pub(super) fn holds(format: &str, text: &str) -> bool {
    match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "uuid" => uuid::Uuid::try_parse(text).is_ok(),
        "uri" => text.parse::<http::Uri>().is_ok(),
        "byte" => text.bytes().all(|c| c.is_ascii_alphanumeric() || b"+/=-_".contains(&c)),
        _ => true,
    }
}
