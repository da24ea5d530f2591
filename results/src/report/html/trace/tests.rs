//! What is drawn is what was measured: no extreme is lost, no gap is bridged.

use proptest::prelude::*;

use super::*;

fn points(y: &[Option<f64>]) -> impl Iterator<Item = Option<Point>> {
    let last = (y.len().max(2) - 1) as f64;
    y.iter().enumerate().map(move |(index, y)| Some((index as f64 / last * WIDTH, (*y)?)))
}

#[test]
fn what_was_not_measured_is_a_gap() {
    let trace = Trace::new(points(&[Some(1.0), Some(2.5), None, Some(4.0), Some(f64::NAN)]));
    assert_eq!(trace.path(), "M0 1L250 2.5M750 4h0");
    assert_eq!(Trace::new(std::iter::empty()).path(), "");
}

#[test]
fn steps_hold_until_the_next_point_and_to_the_end() {
    let trace = Trace::steps([Some((0.0, 9.0)), Some((400.0, 5.0))].into_iter(), 1_000.0);
    assert_eq!(trace.path(), "M0 9L400 9L400 5L1000 5");
    let gap = Trace::steps([Some((0.0, 9.0)), None, Some((400.0, 5.0))].into_iter(), 500.0);
    assert_eq!(gap.path(), "M0 9h0M400 5L500 5");
}

#[test]
fn flat_stretches_cost_two_points() {
    assert_eq!(Trace::new(points(&[Some(3.0); 300])).path(), "M0 3L1000 3");
}

#[test]
fn a_band_goes_around_all_trials_and_breaks_where_none_has_a_value() {
    let mut band = Envelope::new();
    band.add(&Trace::new(points(&[Some(10.0), Some(10.0)])));
    band.add(&Trace::new(points(&[Some(30.0), Some(30.0)])));
    assert_eq!(band.path(), "M1.3 10L998.8 10L998.8 30L1.3 30Z");
    let mut broken = Envelope::new();
    broken.add(&Trace::new(points(&[Some(1.0), None, Some(1.0), Some(1.0)])));
    assert_eq!(broken.path().matches('Z').count(), 2);
    assert_eq!(Envelope::new().path(), "");
}

#[test]
fn coordinates_are_short_and_always_numbers() {
    let shown = [1.0, 0.26, -0.26, 1234.96, f64::NAN].map(|x| Coordinate(x).to_string());
    assert_eq!(shown, ["1", "0.3", "-0.3", "1235", "0"]);
    assert!(Coordinate(f64::INFINITY).to_string().parse::<f64>().unwrap().is_finite());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn extremes_survive_condensing(
        flat in 0.0f64..100.0,
        spike in 0.0f64..100.0,
        rows in 1_000usize..5_000,
        pick in any::<prop::sample::Index>(),
    ) {
        let mut y = vec![Some(flat); rows];
        y[pick.index(rows)] = Some(spike);
        let path = Trace::new(points(&y)).path();
        let drawn: Vec<f64> = path
            .split(['M', 'L'])
            .filter_map(|point| point.split(' ').nth(1)?.parse().ok())
            .collect();
        // Written to a tenth of a pixel, and left out where that is all it differs by.
        prop_assert!(drawn.iter().any(|y| (y - spike).abs() < 0.16), "{spike} in {path}");
        prop_assert!(drawn.iter().all(|y| (flat.min(spike) - 0.06..=flat.max(spike) + 0.06).contains(y)));
    }

    #[test]
    fn paths_are_bounded_and_hold_numbers_only(
        y in prop::collection::vec(prop::option::of(any::<f64>()), 0..6_000),
    ) {
        let trace = Trace::new(points(&y));
        let mut band = Envelope::new();
        band.add(&trace);
        for path in [trace.path(), band.path()] {
            prop_assert!(path.len() < 40 * COLUMNS + 60 * COLUMNS, "{}", path.len());
            prop_assert!(path.chars().all(|c| c.is_ascii_digit() || "MLZh. -".contains(c)), "{path}");
        }
    }
}
