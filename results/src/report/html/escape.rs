//! Text from records, made harmless: it has no meaning in HTML and cannot reorder what is around
//! it.

use std::fmt::{self, Display, Write};

use crate::report::misleads;

/// Shows what it holds with every character that means something in HTML as an entity, control
/// characters as spaces, and invisible characters that change the direction of text as �.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(formatter), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut plain_from = 0;
        for (at, character) in text.char_indices() {
            let Some(shown) = replacement(character) else { continue };
            self.0.write_str(&text[plain_from..at])?;
            self.0.write_str(shown)?;
            plain_from = at + character.len_utf8();
        }
        self.0.write_str(&text[plain_from..])
    }
}

fn replacement(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        // What HTML allows in no form.
        '\u{fdd0}'..='\u{fdef}' => Some("\u{fffd}"),
        character if u32::from(character) & 0xfffe == 0xfffe => Some("\u{fffd}"),
        character if character.is_control() => Some(" "),
        character if misleads(character) => Some("\u{fffd}"),
        _ => None,
    }
}

/// The first `most` characters of `text`, with `…` where something is left out.
pub(super) fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// `text` in which a line does not break between a number and its unit.
pub(super) fn with_units(text: &str) -> String {
    const UNITS: [&str; 5] = ["µs", "ms", "s", "min", "%"];
    let mut words = text.split(' ');
    let mut joined = words.next().unwrap_or_default().to_owned();
    for word in words {
        let unit = word.trim_end_matches(|c: char| c != '%' && !c.is_alphabetic());
        let follows = joined.ends_with(|c: char| c.is_ascii_digit()) && UNITS.contains(&unit);
        joined.push(if follows { '\u{a0}' } else { ' ' });
        joined.push_str(word);
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_means_something_is_replaced() {
        assert_eq!(
            Escaped("<a href='x'>\"&amp;").to_string(),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;amp;"
        );
        assert_eq!(Escaped("a\nb\0c\u{202e}d\u{ffff}").to_string(), "a b c\u{fffd}d\u{fffd}");
        assert_eq!(Escaped(1.5).to_string(), "1.5");
    }

    #[test]
    fn clipped_text_says_so() {
        assert_eq!(clipped("größer", 6), "größer");
        assert_eq!(clipped("größere", 6), "größe…");
        assert_eq!(clipped("", 3), "");
    }

    proptest! {
        #[test]
        fn no_text_opens_an_element_or_leaves_an_attribute(text in any::<String>()) {
            let escaped = Escaped(&text).to_string();
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(!escaped.chars().any(char::is_control));
            let entities = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
            for (at, _) in escaped.match_indices('&') {
                prop_assert!(entities.iter().any(|entity| escaped[at..].starts_with(entity)));
            }
        }

        #[test]
        fn plain_text_stays_what_it_is(text in "[a-zA-Z0-9 .,;:äöü–]{0,80}") {
            prop_assert_eq!(Escaped(&text).to_string(), text);
        }
    }

    #[test]
    fn a_number_stays_with_its_unit() {
        let text = "at 3.52 s, 4 of 5 (95 %: 2)";
        assert_eq!(with_units(text), "at 3.52\u{a0}s, 4 of 5 (95\u{a0}%: 2)");
    }
}
