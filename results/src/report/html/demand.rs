//! Replicas against the demand curve: what the load needed, and what was ready.

use crate::series::SeriesRow;

use super::markup::Markup;
use super::plot::{Area, Picture};
use super::scale::{Scale, number_tick, time_tick};
use super::timeline::{column, curves, panels};
use super::trials::{Scenario, Strategy};

use panels::{Curve, Panel, Shape, key};

const HEIGHT: f64 = 150.0;

fn demand(row: &SeriesRow) -> Option<f64> {
    row.demand_replicas
}

fn ready(row: &SeriesRow) -> Option<f64> {
    Some(f64::from(row.ready_replicas))
}

/// The pictures, one a strategy, or why there are none.
pub(super) fn write(markup: &mut Markup, scenario: &Scenario<'_>) {
    if !scenario.seconds().any(|row| row.demand_replicas.is_some()) {
        let reason = "The service time of the worker is not known, so neither is the number of \
                      workers that the load needed.";
        return markup.leaf("p", &[], reason);
    }
    let time = Scale::time(scenario.end_s(), 4);
    let values = scenario.seconds().flat_map(|row| [demand(row), ready(row)]).flatten();
    let curve = |class, banded, of| Curve { class, shape: Shape::Interval, banded, of };
    let panel = Panel {
        title: "Replicas",
        height: HEIGHT,
        scale: Scale::whole(values, 4),
        ticks: 5,
        text: number_tick,
        objective: None,
        curves: vec![
            Curve { shape: Shape::Steps, ..curve("solid", true, ready) },
            curve("demand", false, demand),
        ],
    };
    key(
        markup,
        &[
            ("line demand", "M0 6H30", "needed by the load that was offered"),
            ("line solid", "M0 6H30", "ready"),
        ],
    );
    markup.element("div", &[("class", &"multiples")], |markup| {
        for (index, strategy) in scenario.strategies.iter().enumerate() {
            let id = format!("{}-demand-{}", scenario.id, index + 1);
            column(markup, strategy, &id, |markup| {
                picture(markup, strategy, &id, &time, &panel);
                markup.leaf("p", &[("class", &"note")], description(strategy));
            });
        }
    });
}

fn picture(markup: &mut Markup, strategy: &Strategy<'_>, id: &str, time: &Scale, panel: &Panel) {
    let area = Area { top: 12.0, height: HEIGHT, x: time, y: &panel.scale };
    let picture = Picture {
        id,
        title: &format!("Replicas of {} against demand", strategy.name()),
        description: &description(strategy),
        height: HEIGHT + 12.0 + 28.0,
        labelled: false,
    };
    picture.write(markup, |markup| {
        area.write(markup, |markup| {
            area.grid(markup, panel.ticks, panel.text);
            area.uprights(markup, &time.ticks(5), Some(&time_tick));
            area.lines(markup, |markup| curves(markup, strategy, panel, &area));
        });
    });
}

fn description(strategy: &Strategy<'_>) -> String {
    let Some(elasticity) = &strategy.median_trial().indicators.elasticity else {
        return "It is not known how well supply met demand.".to_owned();
    };
    format!(
        "Too few ready {} of the time, too many {}; {:.2} missing and {:.2} beyond for each that \
         was needed, on average.",
        share(elasticity.under_share),
        share(elasticity.over_share),
        elasticity.under_accuracy,
        elasticity.over_accuracy
    )
}

fn share(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
