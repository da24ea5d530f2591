//! Delta debugging: the parts of a failing case that are needed for it to fail.
//!
//! Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE
//! Transactions on Software Engineering 28 (2), 2002, figure 3.

/// A part of the items that still fails and of which no item can be left out (1-minimal), if
/// `fails` answers alike when asked alike. The items as a whole are taken to fail.
///
/// It asks at most n² + 3n times for n items, and about 2 log₂ n times when one item is to blame.
/// Nothing at all is asked about first: what fails without any of the items needs none of them.
pub async fn ddmin<T: Clone>(items: &[T], mut fails: impl AsyncFnMut(&[T]) -> bool) -> Vec<T> {
    if items.is_empty() || fails(&[]).await {
        return Vec::new();
    }
    let mut items = items.to_vec();
    let mut parts = 2;
    while items.len() >= 2 {
        match smaller(&items, parts, &mut fails).await {
            Some((found, Kind::Part)) => {
                items = found;
                parts = 2;
            }
            Some((found, Kind::Rest)) => {
                items = found;
                parts = (parts - 1).max(2);
            }
            None if parts < items.len() => parts = (parts * 2).min(items.len()),
            None => break,
        }
    }
    items
}

/// What was found to fail: one of the parts, or all but one.
enum Kind {
    Part,
    Rest,
}

async fn smaller<T: Clone>(
    items: &[T],
    parts: usize,
    fails: &mut impl AsyncFnMut(&[T]) -> bool,
) -> Option<(Vec<T>, Kind)> {
    let edge = |part: usize| part * items.len() / parts;
    for part in 0..parts {
        let found = &items[edge(part)..edge(part + 1)];
        if fails(found).await {
            return Some((found.to_vec(), Kind::Part));
        }
    }
    // Of two parts, all but one is the other.
    if parts == 2 {
        return None;
    }
    for part in 0..parts {
        let rest = [&items[..edge(part)], &items[edge(part + 1)..]].concat();
        if fails(&rest).await {
            return Some((rest, Kind::Rest));
        }
    }
    None
}
