//! Cost against slowness: what a faster response costs, and which strategies nothing beats.

use std::fmt::Display;

use crate::objectives::IndicatorName;
use crate::ranking::Estimate;
use crate::report::format;

use super::escape::clipped;
use super::look::label;
use super::markup::Markup;
use super::plot::{Across, Area, Picture, at, segment, spread};
use super::scale::{Scale, milliseconds_tick, number_tick};
use super::trace::{Coordinate, Trace, WIDTH};
use super::trials::{Scenario, Strategy};

const HEIGHT: f64 = 260.0;
const TOP: f64 = 14.0;

/// A strategy with what places it, and whether no other is better in one and worse in neither.
struct Offer<'a> {
    strategy: &'a Strategy<'a>,
    cost: &'a Estimate,
    p99: &'a Estimate,
    optimal: bool,
}

/// The picture, or why there is none.
pub(super) fn write(markup: &mut Markup, scenario: &Scenario<'_>) {
    let price = scenario.ranking.price;
    let offers = offers(scenario);
    if offers.len() < 2 {
        let text = "Fewer than two strategies have both a cost and a p99 in valid trials.";
        return markup.leaf("p", &[], text);
    }
    let values = |of: fn(&Offer<'_>) -> Vec<Option<f64>>| offers.iter().flat_map(of).flatten();
    let x = Scale::linear(values(|offer| offer.cost.values.clone()), 4);
    let y = Scale::logarithmic(values(|offer| offer.p99.values.clone()));
    let area = Area { top: TOP, height: HEIGHT, x: &x, y: &y };
    let currency = &offers[0].strategy.row.currency;
    let unit = if price == IndicatorName::Cost {
        format!("cost, {} an hour", clipped(currency, 20))
    } else {
        "worker-seconds; the scenario states no price".to_owned()
    };
    let id = format!("{}-frontier", scenario.id);
    let picture = Picture {
        id: &id,
        title: "Cost against response p99",
        description: &description(&offers, price),
        height: HEIGHT + TOP + 44.0,
        labelled: false,
    };
    picture.write(markup, |markup| {
        area.write(markup, |markup| {
            area.grid(markup, 8, milliseconds_tick);
            area.uprights(markup, &x.ticks(5), Some(&number_tick));
            let place: [(&str, &dyn Display); 3] =
                [("class", &"tick"), ("x", &0), ("y", &(HEIGHT + 38.0))];
            markup.leaf("text", &place, unit);
            area.lines(markup, |markup| {
                super::plot::line(markup, "frontier", &front(&offers, &area));
            });
            offers.iter().for_each(|offer| whiskers(markup, offer, &area));
            points(markup, &offers, price, &area);
        });
    });
    markup.leaf("p", &[("class", &"note")], sentence(&offers));
}

fn offers<'a>(scenario: &'a Scenario<'a>) -> Vec<Offer<'a>> {
    let offer = |strategy: &'a Strategy<'a>| {
        let contestant = scenario.ranking.contestant(&strategy.row.strategy)?;
        let cost = contestant.estimates.get(&scenario.ranking.price)?;
        let p99 = contestant.estimates.get(&IndicatorName::P99Response)?;
        Some(Offer { strategy, cost, p99, optimal: contestant.pareto? })
    };
    scenario.strategies.iter().filter_map(offer).collect()
}

/// Steps through the Pareto-optimal offers: what one gets at least for a given cost.
fn front(offers: &[Offer<'_>], area: &Area<'_>) -> Trace {
    let mut best: Vec<&Offer<'_>> = offers.iter().filter(|offer| offer.optimal).collect();
    best.sort_by(|a, b| a.cost.value.total_cmp(&b.cost.value));
    Trace::steps(best.iter().map(|offer| area.point(offer.cost.value, offer.p99.value)), WIDTH)
}

/// Least to greatest in both directions.
fn whiskers(markup: &mut Markup, offer: &Offer<'_>, area: &Area<'_>) {
    let Some((x, y)) = area.point(offer.cost.value, offer.p99.value) else { return };
    let x = x / WIDTH;
    let ends = |of: &Estimate| {
        let values = || of.values.iter().flatten().copied();
        Some((values().reduce(f64::min)?, values().reduce(f64::max)?))
    };
    let lines = [
        ends(offer.cost).and_then(|(a, b)| Some(((area.x.share(a)?, y), (area.x.share(b)?, y)))),
        ends(offer.p99).and_then(|(a, b)| Some(((x, area.y_of(a)?), (x, area.y_of(b)?)))),
    ];
    for (from, to) in lines.into_iter().flatten() {
        let class = format!("interval {}", offer.strategy.look.class());
        segment(markup, &class, from, to);
    }
}

/// The shapes, filled where nothing beats the strategy, and the names beside them.
fn points(markup: &mut Markup, offers: &[Offer<'_>], price: IndicatorName, area: &Area<'_>) {
    let y = |offer: &Offer<'_>| area.y_of(offer.p99.value).unwrap_or(0.0);
    // From below: a name that has to make room goes up, away from its own shape.
    let above: Vec<f64> = offers.iter().map(|o| area.height - (y(o) - 15.0)).collect();
    let places = spread(&above, area.height).into_iter().map(|place| area.height - place);
    for (offer, place) in offers.iter().zip(places) {
        let x = area.x.share(offer.cost.value).unwrap_or(0.0);
        let look = offer.strategy.look;
        let class = if offer.optimal { "large" } else { "large hollow" };
        at(markup, x, y(offer), |markup| look.marker(markup, class));
        let after = x < 0.5;
        let class = format!("label name {} {}", look.class(), if after { "" } else { "end" });
        let dx = if after { -6 } else { 6 };
        let text: [(&str, &dyn Display); 5] = [
            ("class", &class),
            ("x", &Across(x)),
            ("dx", &dx),
            ("y", &Coordinate(place)),
            ("dy", &".32em"),
        ];
        markup.element("text", &text, |markup| {
            markup.text(label(&offer.strategy.name()));
            let figures = format!(" {}", format::short(price, offer.cost.value));
            markup.leaf("tspan", &[("class", &"figures")], figures);
        });
    }
}

fn description(offers: &[Offer<'_>], price: IndicatorName) -> String {
    let of = |offer: &Offer<'_>| {
        let currency = clipped(&offer.strategy.row.currency, 20);
        format!(
            "{}: {}, p99 {}",
            offer.strategy.name(),
            format::value(price, offer.cost.value, &currency),
            format::milliseconds(offer.p99.value)
        )
    };
    offers.iter().map(of).collect::<Vec<_>>().join(". ")
}

fn sentence(offers: &[Offer<'_>]) -> String {
    let names = |optimal: bool| -> Vec<String> {
        let wanted = offers.iter().filter(|offer| offer.optimal == optimal);
        wanted.map(|offer| label(&offer.strategy.name())).collect()
    };
    let (best, beaten) = (names(true), names(false));
    let mut text =
        format!("Filled, on the line: Pareto-optimal by the medians ({}).", best.join(", "));
    if !beaten.is_empty() {
        let beaten = beaten.join(", ");
        text.push_str(&format!(
            " Hollow: another is at least as fast and as cheap, and better in one ({beaten})."
        ));
    }
    text.push_str(" Thin lines reach from the least to the greatest value over the trials.");
    text
}
