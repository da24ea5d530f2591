//! A small, strict checker of the pages that this program writes: XML's rules, and unique ids.

use std::collections::BTreeSet;

const ENTITIES: [&str; 5] = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];

/// Checks that elements are balanced, attributes are quoted and unlike, text is escaped, ids are
/// unique and every reference to one is met; gives the ids.
pub(super) fn check(page: &str) -> Result<BTreeSet<String>, String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").ok_or("no document type")?;
    let mut open: Vec<String> = Vec::new();
    let mut ids = BTreeSet::new();
    let mut references = Vec::new();
    while let Some(at) = rest.find('<') {
        let style = open.last().is_some_and(|tag| tag == "style");
        text(&rest[..at], style)?;
        let end = at + rest[at..].find('>').ok_or("a tag without an end")?;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("</{name}> closes nothing"));
            }
            continue;
        }
        let empty = tag.strip_suffix('/');
        let (name, attributes) = parse(empty.unwrap_or(tag))?;
        for (attribute, value) in attributes {
            match attribute {
                "id" if !ids.insert(value.to_owned()) => {
                    return Err(format!("{value} is there twice"));
                }
                "aria-labelledby" => references.extend(value.split(' ').map(str::to_owned)),
                "href" => references.push(value.trim_start_matches('#').to_owned()),
                _ => {}
            }
        }
        if empty.is_none() {
            open.push(name.to_owned());
        }
    }
    match (open.is_empty(), references.iter().find(|id| !ids.contains(*id))) {
        (false, _) => Err(format!("{open:?} are not closed")),
        (_, Some(id)) => Err(format!("nothing has the id {id}")),
        _ => text(rest, false).map(|()| ids),
    }
}

fn text(text: &str, style: bool) -> Result<(), String> {
    if !style && text.contains('>') {
        return Err(format!("a bare > in {text}"));
    }
    match text
        .match_indices('&')
        .find(|(at, _)| !ENTITIES.iter().any(|e| text[*at..].starts_with(e)))
    {
        Some((at, _)) if !style => Err(format!("a bare & in {}", &text[at..])),
        _ => Ok(()),
    }
}

type Attributes<'a> = Vec<(&'a str, &'a str)>;

fn parse(tag: &str) -> Result<(&str, Attributes<'_>), String> {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty() || !name.chars().all(lower) {
        return Err(format!("<{name}> is no element"));
    }
    let mut attributes: Attributes<'_> = Vec::new();
    while !rest.is_empty() {
        let (attribute, after) = rest.split_once("=\"").ok_or(format!("no value in {rest}"))?;
        let (value, after) = after.split_once('"').ok_or(format!("no end in {after}"))?;
        text(value, false)?;
        if value.contains('<') || !attribute.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            return Err(format!("{attribute}={value} in <{name}>"));
        }
        if attributes.iter().any(|(other, _)| *other == attribute) {
            return Err(format!("{attribute} is there twice in <{name}>"));
        }
        attributes.push((attribute, value));
        rest = after.trim_start();
    }
    Ok((name, attributes))
}

#[test]
fn what_is_wrong_is_found() {
    let refused = |body: &str| check(&format!("<!DOCTYPE html>\n{body}")).unwrap_err();
    assert!(check("<p></p>").is_err());
    assert_eq!(refused("<p><b></p></b>"), "</p> closes nothing");
    assert_eq!(refused("<p>"), "[\"p\"] are not closed");
    assert_eq!(refused("<p>a & b</p>"), "a bare & in & b");
    assert_eq!(refused("<p>a > b</p>"), "a bare > in a > b");
    assert_eq!(refused("<p id=\"a\"></p><p id=\"a\"></p>"), "a is there twice");
    assert_eq!(refused("<a href=\"#b\"></a>"), "nothing has the id b");
    assert_eq!(refused("<p a=1></p>"), "no value in a=1");
}
