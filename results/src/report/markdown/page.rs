//! A page of bounded length: what matters stands open, details are folded, and what has no place
//! is named.

use super::table::escape;

/// The most bytes of a page. Comments on GitHub hold 65,536 characters.
pub(super) const PAGE_BYTES_MAX: usize = 64_000;
/// Bytes kept free for what ends a page.
const END_BYTES: usize = 2_000;
/// The longest single line, in bytes.
const LINE_BYTES_MAX: usize = 4_000;

/// A page under construction.
#[derive(Default)]
pub(super) struct Page {
    text: String,
    left_out: Vec<String>,
}

impl Page {
    /// Adds `text` line by line for as long as there is room, and says how many lines had none.
    pub(super) fn open(&mut self, text: &str) {
        let mut missing = 0;
        for line in text.split_inclusive('\n') {
            let line = cut(line, LINE_BYTES_MAX);
            if missing > 0 || !self.has_room(line.len()) {
                missing += 1;
            } else {
                self.text.push_str(&line);
            }
        }
        if missing > 0 {
            self.left_out.push(format!("{missing} lines"));
        }
    }

    /// Adds `text` folded under `title`, or leaves all of it out when there is no room for it.
    pub(super) fn fold(&mut self, title: &str, text: &str) {
        let title = escape(&cut(title, 200));
        let details = format!("\n<details><summary>{title}</summary>\n\n{text}\n</details>\n");
        if self.has_room(details.len()) {
            self.text.push_str(&details);
        } else {
            self.left_out.push(format!("\"{title}\""));
        }
    }

    /// The page. Its last line is a comment that shows nowhere: `marker` names it, so that a
    /// program can find the comment it wrote before and replace it.
    pub(super) fn finish(mut self, marker: &str) -> String {
        if !self.left_out.is_empty() {
            let mut parts = self.left_out.join(", ");
            if parts.len() > END_BYTES / 2 {
                parts = format!("{} parts", self.left_out.len());
            }
            self.text.push_str(&format!(
                "\nThis page is full at {PAGE_BYTES_MAX} bytes. Left out: {parts}. The run's folder \
                 has all of it.\n"
            ));
        }
        let is_plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.' | ',');
        let marker: String = marker.chars().filter(|c| is_plain(*c)).take(200).collect();
        self.text.push_str(&format!("\n<!-- stormgauge: {marker} -->\n"));
        self.text
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.text.len() + bytes <= PAGE_BYTES_MAX - END_BYTES
    }
}

/// At most about `bytes` of `text`, its line break kept.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes);
    format!("{} …{}", &text[..end], if text.ends_with('\n') { "\n" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_named() {
        let mut page = Page::default();
        page.open("# PASS\n");
        page.fold("Short", "a");
        page.fold("Long <b>", &"x\n".repeat(PAGE_BYTES_MAX));
        page.open(&"y\n".repeat(PAGE_BYTES_MAX));
        let text = page.finish("report a--> b");
        assert!(text.len() <= PAGE_BYTES_MAX, "{}", text.len());
        assert!(text.starts_with("# PASS\n\n<details><summary>Short</summary>\n\na\n</details>\n"));
        assert!(text.contains("Left out: \"Long &lt;b>\", "), "{}", &text[text.len() - 300..]);
        assert!(text.ends_with("\n<!-- stormgauge: report a-- b -->\n"));
    }

    #[test]
    fn a_page_stays_short_whatever_it_is_given() {
        let mut page = Page::default();
        page.open(&"ä".repeat(1 << 20));
        for part in 0..10_000 {
            page.fold(&format!("{part} {}", "<".repeat(1 << 10)), &"z".repeat(60_000));
        }
        let text = page.finish(&"m".repeat(1 << 20));
        assert!(text.len() <= PAGE_BYTES_MAX, "{}", text.len());
        assert!(text.contains("10000 parts") || text.contains("9999 parts"), "{text}");
    }
}
