//! Prometheus' own text, for those who do not ask for OpenMetrics.
//!
//! The two differ where it matters to a strict reader: OpenMetrics names the family of a counter
//! without the `_total` that its samples have; in Prometheus' text, help and type belong to the
//! name of the samples. <https://prometheus.io/docs/instrumenting/exposition_formats/>

/// `openmetrics` as Prometheus' text, version 0.0.4.
pub(crate) fn prometheus_text(openmetrics: &str) -> String {
    let counters: Vec<&str> = openmetrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(openmetrics.len());
    for line in openmetrics.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let described = ["# HELP ", "# TYPE "].into_iter().find_map(|start| {
            let (name, rest) = line.strip_prefix(start)?.split_once(' ')?;
            counters.contains(&name).then(|| format!("{start}{name}_total {rest}"))
        });
        text.push_str(described.as_deref().unwrap_or(line));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_described_under_the_name_of_its_samples() {
        let openmetrics = "# HELP passes Passes by result.\n\
                           # TYPE passes counter\n\
                           passes_total{result=\"ok\"} 4\n\
                           # HELP lag_seconds Lag.\n\
                           # TYPE lag_seconds gauge\n\
                           # UNIT lag_seconds seconds\n\
                           lag_seconds 0.5\n\
                           # EOF\n";
        let text = "# HELP passes_total Passes by result.\n\
                    # TYPE passes_total counter\n\
                    passes_total{result=\"ok\"} 4\n\
                    # HELP lag_seconds Lag.\n\
                    # TYPE lag_seconds gauge\n\
                    lag_seconds 0.5\n";
        assert_eq!(prometheus_text(openmetrics), text);
    }
}
