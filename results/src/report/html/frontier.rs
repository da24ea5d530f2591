//! Cost against slowness: what a faster response costs, and which strategies nothing beats.

use std::fmt::Display;

use crate::comparison::Summary;
use crate::objectives::IndicatorName;
use crate::report::format;

use super::escape::clipped;
use super::look::label;
use super::markup::Markup;
use super::pareto::optimal;
use super::plot::{Across, Area, Picture, at, spread};
use super::scale::{Scale, milliseconds_tick, number_tick};
use super::trace::{Coordinate, Trace, WIDTH};
use super::trials::{Scenario, Strategy};

const HEIGHT: f64 = 260.0;
const TOP: f64 = 14.0;

/// A strategy with the medians that place it.
struct Offer<'a> {
    strategy: &'a Strategy<'a>,
    cost: f64,
    p99_ms: f64,
    optimal: bool,
}

/// The picture, or why there is none.
pub(super) fn write(markup: &mut Markup, scenario: &Scenario<'_>) {
    let priced =
        |strategy: &Strategy<'_>| strategy.row.summary(IndicatorName::Cost).value.is_some();
    let by_price = scenario.strategies.iter().any(priced);
    let cost = if by_price { IndicatorName::Cost } else { IndicatorName::WorkerSeconds };
    let offers = offers(scenario, cost);
    if offers.len() < 2 {
        return markup.leaf("p", &[], "Fewer than two strategies have both a cost and a p99.");
    }
    let values = |indicator| {
        let summaries = scenario.strategies.iter().map(move |s| s.row.summary(indicator));
        summaries.flat_map(|summary: &Summary| summary.values.iter().flatten().copied())
    };
    let x = Scale::linear(values(cost), 4);
    let y = Scale::logarithmic(values(IndicatorName::P99Response));
    let area = Area { top: TOP, height: HEIGHT, x: &x, y: &y };
    let currency = &offers[0].strategy.row.currency;
    let unit = if by_price {
        format!("cost, {} an hour", clipped(currency, 20))
    } else {
        "worker-seconds; the scenario states no price".to_owned()
    };
    let id = format!("{}-frontier", scenario.id);
    let picture = Picture {
        id: &id,
        title: "Cost against response p99",
        description: &description(&offers, cost),
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
            offers.iter().for_each(|offer| whiskers(markup, offer, cost, &area));
            points(markup, &offers, cost, &area);
        });
    });
    markup.leaf("p", &[("class", &"note")], sentence(&offers));
}

fn offers<'a>(scenario: &'a Scenario<'a>, cost: IndicatorName) -> Vec<Offer<'a>> {
    let offer = |strategy: &'a Strategy<'a>| {
        let value = |indicator| strategy.row.summary(indicator).value;
        let (cost, p99_ms) = (value(cost)?, value(IndicatorName::P99Response)?);
        Some(Offer { strategy, cost, p99_ms, optimal: false })
    };
    let mut offers: Vec<Offer<'_>> = scenario.strategies.iter().filter_map(offer).collect();
    let places: Vec<(f64, f64)> = offers.iter().map(|o| (o.cost, o.p99_ms)).collect();
    offers.iter_mut().zip(optimal(&places)).for_each(|(offer, is)| offer.optimal = is);
    offers
}

/// Steps through the Pareto-optimal offers: what one gets at least for a given cost.
fn front(offers: &[Offer<'_>], area: &Area<'_>) -> Trace {
    let mut best: Vec<&Offer<'_>> = offers.iter().filter(|offer| offer.optimal).collect();
    best.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    Trace::steps(best.iter().map(|offer| area.point(offer.cost, offer.p99_ms)), WIDTH)
}

/// Least to greatest in both directions.
fn whiskers(markup: &mut Markup, offer: &Offer<'_>, cost: IndicatorName, area: &Area<'_>) {
    let row = offer.strategy.row;
    let (across, up) = (row.summary(cost), row.summary(IndicatorName::P99Response));
    let Some((x, y)) = area.point(offer.cost, offer.p99_ms) else { return };
    let x = x / WIDTH;
    let ends = |summary: &Summary| Some((summary.min?, summary.max?));
    let lines = [
        ends(across).and_then(|(a, b)| Some(((area.x.share(a)?, y), (area.x.share(b)?, y)))),
        ends(up).and_then(|(a, b)| Some(((x, area.y_of(a)?), (x, area.y_of(b)?)))),
    ];
    for (from, to) in lines.into_iter().flatten() {
        let class = format!("interval {}", offer.strategy.look.class());
        let attributes: [(&str, &dyn Display); 5] = [
            ("class", &class),
            ("x1", &Across(from.0)),
            ("x2", &Across(to.0)),
            ("y1", &Coordinate(from.1)),
            ("y2", &Coordinate(to.1)),
        ];
        markup.empty("line", &attributes);
    }
}

/// The shapes, filled where nothing beats the strategy, and the names beside them.
fn points(markup: &mut Markup, offers: &[Offer<'_>], cost: IndicatorName, area: &Area<'_>) {
    let y = |offer: &Offer<'_>| area.y_of(offer.p99_ms).unwrap_or(0.0);
    let places = spread(&offers.iter().map(|o| y(o) - 14.0).collect::<Vec<f64>>(), area.height);
    for (offer, place) in offers.iter().zip(places) {
        let x = area.x.share(offer.cost).unwrap_or(0.0);
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
            let figures = format!(" {}", format::short(cost, offer.cost));
            markup.leaf("tspan", &[("class", &"figures")], figures);
        });
    }
}

fn description(offers: &[Offer<'_>], cost: IndicatorName) -> String {
    let of = |offer: &Offer<'_>| {
        let currency = clipped(&offer.strategy.row.currency, 20);
        format!(
            "{}: {}, p99 {}",
            offer.strategy.name(),
            format::value(cost, offer.cost, &currency),
            format::milliseconds(offer.p99_ms)
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
