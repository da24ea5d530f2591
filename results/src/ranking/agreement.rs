//! Whether environments order a scenario's strategies alike, and if not, what tells why.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::latencies::Latencies;
use crate::objectives::IndicatorName;
use crate::ranking::Section;
use crate::ranking::difference::{self, Gap};
use crate::ranking::estimate::CONFIDENCE;
use crate::record::RunRecord;
use crate::report::format;
use crate::statistics::holm;
use crate::verdict::VerdictKind;

/// The share of messages whose response time is above the 99th percentile.
const TAIL: f64 = 0.01;

/// The orders of the same strategies in several environments.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// What they are ordered by.
    pub by: IndicatorName,
    /// By environment: the strategies that all environments have a value of, best first.
    pub orders: BTreeMap<String, Vec<String>>,
    /// Every pair of strategies that two environments order differently.
    pub swaps: Vec<Swap>,
    /// All of it in words.
    pub sentences: Vec<String>,
}

/// Two strategies that two environments order differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Swap {
    /// The one strategy.
    pub first: String,
    /// The other.
    pub second: String,
    /// First over second by environment, by medians.
    pub ratios: BTreeMap<String, f64>,
    /// The probability of so large a difference of the two ratios, or a larger one, by noise alone;
    /// absent where trials do not tell.
    pub p_value: Option<f64>,
    /// Whether the environments differ at 5 % over all swaps (Holm).
    pub real: bool,
}

impl Agreement {
    /// `None` where there are not two environments with two strategies in common.
    pub(super) fn of(records: &[&RunRecord], by: IndicatorName) -> Option<Agreement> {
        let sections = by_environment(records);
        let valued = |section: &Section| -> BTreeSet<String> {
            section.order(by).into_iter().map(|(one, _)| one.strategy.clone()).collect()
        };
        let common = sections.values().map(valued).reduce(|one, other| &one & &other)?;
        if sections.len() < 2 || common.len() < 2 {
            return None;
        }
        let order = |section: &Section| -> Vec<String> {
            let order = section.order(by).into_iter().map(|(one, _)| one.strategy.clone());
            order.filter(|strategy| common.contains(strategy)).collect()
        };
        let orders: BTreeMap<String, Vec<String>> =
            sections.iter().map(|(name, section)| (name.clone(), order(section))).collect();
        let swaps = swaps(&sections, &common, by);
        let mut agreement = Agreement { by, orders, swaps, sentences: Vec::new() };
        agreement.sentences = agreement.in_words();
        if !agreement.swaps.is_empty() && by == IndicatorName::P99Response {
            agreement.sentences.extend(sections.keys().filter_map(|name| slowest(records, name)));
        }
        Some(agreement)
    }

    fn in_words(&self) -> Vec<String> {
        let words = self.by.words();
        let listed = |order: &Vec<String>| order.join(", ");
        if self.swaps.is_empty() {
            let names = self.orders.keys().cloned().collect::<Vec<_>>().join(" and ");
            let order = self.orders.values().next().map(listed).unwrap_or_default();
            return vec![format!("By {words}, {names} order the strategies alike: {order}.")];
        }
        let orders = self.orders.iter().map(|(name, order)| format!("{name}: {}", listed(order)));
        let orders = orders.collect::<Vec<_>>().join("; ");
        let first = format!("By {words}, the order is not the same. Best first, {orders}.");
        std::iter::once(first).chain(self.swaps.iter().map(|swap| swap.in_words(words))).collect()
    }
}

impl Swap {
    fn in_words(&self, words: &str) -> String {
        let ratios = self.ratios.iter().map(|(name, ratio)| format!("{ratio:.2} times in {name}"));
        let ratios = ratios.collect::<Vec<_>>().join(" and ");
        let why = match self.p_value {
            _ if self.real => "the environments really differ",
            Some(_) => "which may be noise",
            None => "and too few trials tell whether that is noise",
        };
        let p_value = self.p_value.map(|p| format!(" (p = {p:.2})")).unwrap_or_default();
        let words = format::capitalized(words);
        let (first, second) = (&self.first, &self.second);
        format!("{words} under {first} was {ratios} that under {second}: {why}{p_value}.")
    }
}

/// The strategies of each environment against each other.
fn by_environment(records: &[&RunRecord]) -> BTreeMap<String, Section> {
    let mut groups: BTreeMap<&str, Vec<&RunRecord>> = BTreeMap::new();
    for record in records {
        groups.entry(&record.environment.name).or_default().push(record);
    }
    let section = |(name, of): (&str, Vec<_>)| (name.to_owned(), Section::of_strategies(&of));
    groups.into_iter().map(section).collect()
}

/// Every pair of these strategies that two of the environments order differently.
fn swaps(
    sections: &BTreeMap<String, Section>,
    strategies: &BTreeSet<String>,
    by: IndicatorName,
) -> Vec<Swap> {
    let mut swaps = Vec::new();
    for (index, one) in sections.iter().enumerate() {
        for other in sections.iter().skip(index + 1) {
            for (place, first) in strategies.iter().enumerate() {
                let seconds = strategies.iter().skip(place + 1);
                swaps.extend(seconds.filter_map(|second| swap([one, other], [first, second], by)));
            }
        }
    }
    let p_values: Vec<f64> = swaps.iter().map(|swap| swap.p_value.unwrap_or(f64::NAN)).collect();
    let real = holm(&p_values, 1.0 - CONFIDENCE);
    swaps.iter_mut().zip(real).for_each(|(swap, real)| swap.real = real);
    swaps
}

/// Two strategies in two environments, if those order them differently.
fn swap<'a>(
    environments: [(&String, &'a Section); 2],
    [first, second]: [&String; 2],
    by: IndicatorName,
) -> Option<Swap> {
    let pair =
        |section: &'a Section| Some((section.contestant(first)?, section.contestant(second)?));
    let values = |section| {
        let (first, second) = pair(section)?;
        Some((first.estimates.get(&by)?.value, second.estimates.get(&by)?.value))
    };
    let [(one, here), (other, there)] = environments.map(|(name, section)| (name, values(section)));
    let (here, there) = (here?, there?);
    // Who are equal in one of the two are in no order there.
    let opposite = here.0 < here.1 && there.0 > there.1 || here.0 > here.1 && there.0 < there.1;
    if !opposite {
        return None;
    }
    let ratios = [(one, here), (other, there)].map(|(name, (a, b))| (name.clone(), a / b)).into();
    let gap = |section| pair(section).and_then(|(first, second)| Gap::of(by, first, second));
    let [one_gap, other_gap] = environments.map(|(_, section)| gap(section));
    let p_value = one_gap.zip(other_gap).and_then(|(one, other)| of_two_gaps(one, other));
    Some(Swap { first: first.clone(), second: second.clone(), ratios, p_value, real: false })
}

/// The two-sided probability that two independent gaps differ so much by noise alone, by Welch's
/// approximation of the freedom.
fn of_two_gaps(one: Gap, other: Gap) -> Option<f64> {
    let (a, b) = (one.error.powi(2), other.error.powi(2));
    let error = (a + b).sqrt();
    if error < difference::ERROR_MIN {
        return None;
    }
    let freedom = (a + b).powi(2) / (a * a / one.freedom + b * b / other.freedom);
    let law = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some(2.0 * (1.0 - law.cdf(((one.mean - other.mean) / error).abs())))
}

/// In which phase an environment's slowest messages were sent.
fn slowest(records: &[&RunRecord], environment: &str) -> Option<String> {
    let valid = records.iter().filter(|record| {
        record.environment.name == environment && record.verdict.kind != VerdictKind::Invalid
    });
    let (mut above, mut total) = (BTreeMap::<&str, u64>::new(), 0);
    for record in valid {
        let Some(limit) = record.response.decode().ok()?.quantile_us(1.0 - TAIL) else { continue };
        for (phase, response) in &record.phase_response {
            let slow = Latencies::from_record(response).ok()?.count_above_us(limit);
            *above.entry(phase).or_default() += slow;
            total += slow;
        }
    }
    let (phase, slow) = above.into_iter().max_by_key(|(_, slow)| *slow)?;
    let percent = 100.0 * slow as f64 / total as f64;
    (slow > 0).then(|| {
        format!(
            "Of the slowest 1 % of the messages in {environment}, {percent:.0} % were sent in the \
             phase `{phase}`."
        )
    })
}

#[cfg(test)]
mod tests;
