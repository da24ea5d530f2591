//! Delta debugging: the parts of a failing case that are needed for it to fail.
//!
//! Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE
//! Transactions on Software Engineering 28 (2), 2002, figure 3; without its step that tries parts
//! by themselves, which what is left does not need to be 1-minimal: Hodován and Kiss, "Practical
//! improvements to the minimizing delta debugging algorithm", ICSOFT 2016. A trial takes seconds,
//! and what fails mostly needs more than one part.

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
        match without_a_part(&items, parts, &mut fails).await {
            Some(rest) => {
                items = rest;
                parts = (parts - 1).max(2);
            }
            None if parts < items.len() => parts = (parts * 2).min(items.len()),
            None => break,
        }
    }
    items
}

/// The items without the first of so many parts that is not needed.
async fn without_a_part<T: Clone>(
    items: &[T],
    parts: usize,
    fails: &mut impl AsyncFnMut(&[T]) -> bool,
) -> Option<Vec<T>> {
    let edge = |part: usize| part * items.len() / parts;
    for part in 0..parts {
        let rest = [&items[..edge(part)], &items[edge(part + 1)..]].concat();
        if fails(&rest).await {
            return Some(rest);
        }
    }
    None
}
