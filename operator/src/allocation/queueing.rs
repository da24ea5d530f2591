//! Queueing facts: Erlang B and C, and Kingman's and Allen–Cunneen's approximations.
//!
//! Sources: A. K. Erlang (1917); J. F. C. Kingman, "The single server queue in heavy traffic"
//! (1961); A. O. Allen, "Probability, Statistics and Queueing Theory" (1990).

/// Probability that an arrival finds all `servers` busy and is lost, for an offered load in
/// erlangs. The recursion B(0) = 1, B(n) = aB(n−1) / (n + aB(n−1)) is stable for any size.
#[must_use]
pub fn erlang_b(servers: u32, offered_erlangs: f64) -> f64 {
    (1..=servers).fold(1.0, |blocked, server| {
        let product = offered_erlangs * blocked;
        product / (f64::from(server) + product)
    })
}

/// Probability that an arrival has to wait with `servers` and an offered load in erlangs; 1
/// when the load is at or over the capacity.
#[must_use]
pub fn erlang_c(servers: u32, offered_erlangs: f64) -> f64 {
    erlang_c_of_b(erlang_b(servers, offered_erlangs), servers, offered_erlangs)
}

/// Erlang C from Erlang B, for callers that walk over the number of servers.
#[must_use]
pub fn erlang_c_of_b(blocked: f64, servers: u32, offered_erlangs: f64) -> f64 {
    let utilisation = offered_erlangs / f64::from(servers);
    if utilisation.is_nan() || utilisation >= 1.0 {
        return 1.0;
    }
    blocked / (1.0 - utilisation * (1.0 - blocked))
}

/// A service station: what arrives, how long it takes, how variable both are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Station {
    /// Arrivals in a second.
    pub arrival_per_s: f64,
    /// Mean service time in seconds.
    pub service_s: f64,
    /// Squared coefficient of variation of the times between arrivals.
    pub arrival_variability: f64,
    /// Squared coefficient of variation of service times.
    pub service_variability: f64,
}

impl Station {
    /// Mean waiting time with one server by Kingman: ρ/(1−ρ) · (ca² + cs²)/2 · s. `None` if the
    /// queue grows without bound.
    #[must_use]
    pub fn wait_single_s(&self) -> Option<f64> {
        let utilisation = self.arrival_per_s * self.service_s;
        (utilisation < 1.0)
            .then(|| utilisation / (1.0 - utilisation) * self.variability() * self.service_s)
    }

    /// Quantile of the response time with one server, its tail taken as exponential around the
    /// mean; exact for M/M/1 and on the safe side for less variable service.
    #[must_use]
    pub fn response_single_s(&self, quantile: f64) -> Option<f64> {
        let tail = -(1.0 - quantile).ln();
        self.wait_single_s().map(|wait_s| tail * (wait_s + self.service_s))
    }

    /// Quantile of the response time with `servers` sharing one queue, by Erlang C corrected for
    /// variability (Allen–Cunneen); `blocked` is Erlang B of the same load.
    #[must_use]
    pub fn response_shared_s(&self, servers: u32, blocked: f64, quantile: f64) -> Option<f64> {
        let offered = self.arrival_per_s * self.service_s;
        let spare_per_s = f64::from(servers) / self.service_s - self.arrival_per_s;
        if spare_per_s.is_nan() || spare_per_s <= 0.0 {
            return None;
        }
        let waits = erlang_c_of_b(blocked, servers, offered);
        let tail = (waits / (1.0 - quantile)).ln().max(0.0);
        let wait_s = tail / spare_per_s * self.variability();
        let service_s = -(1.0 - quantile).ln() * self.service_s;
        Some((wait_s + self.service_s).max(service_s))
    }

    fn variability(&self) -> f64 {
        f64::midpoint(self.arrival_variability, self.service_variability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64, tolerance: f64) {
        assert!((left - right).abs() <= tolerance, "{left} is not {right} ± {tolerance}");
    }

    /// Published tables: B(10, 5) = 0.018385, C(10, 5) = 0.036105 (Angus, "An Introduction to
    /// Erlang B and Erlang C"); M/M/2 at ρ = 0.75: C = 2ρ²/(1+ρ) = 1.125/1.75 = 0.642857.
    #[test]
    fn erlang_formulae_agree_with_published_values() {
        close(erlang_b(10, 5.0), 0.018_385, 1e-6);
        close(erlang_c(10, 5.0), 0.036_105, 1e-6);
        close(erlang_c(2, 1.5), 0.642_857, 1e-6);
        // M/M/1: an arrival waits when the server is busy, so C = ρ.
        close(erlang_c(1, 0.3), 0.3, 1e-12);
    }

    #[test]
    fn an_overloaded_station_always_waits_and_has_no_mean() {
        close(erlang_c(3, 3.0), 1.0, 0.0);
        close(erlang_c(3, f64::INFINITY), 1.0, 0.0);
        let station = station(100.0, 0.01);
        assert_eq!(station.wait_single_s(), None);
        assert_eq!(station.response_shared_s(1, erlang_b(1, 1.0), 0.99), None);
    }

    /// λ = 60/s, s = 10 ms: ρ = 0.6. M/M/1 wait = ρ/(1−ρ)·s = 15 ms; M/D/1 is half of it.
    /// p99 of M/M/1's response = ln 100 · s/(1−ρ) = 4.60517 · 25 ms = 115.129 ms.
    #[test]
    fn kingman_is_exact_for_one_server() {
        let markov = station(60.0, 0.01);
        close(markov.wait_single_s().unwrap(), 0.015, 1e-12);
        close(markov.response_single_s(0.99).unwrap(), 0.115_129, 1e-6);
        let constant = Station { service_variability: 0.0, ..markov };
        close(constant.wait_single_s().unwrap(), 0.0075, 1e-12);
    }

    /// λ = 150/s, s = 10 ms, two servers: C = 0.642857, spare = 200 − 150 = 50/s. p99 of the
    /// wait = ln(64.2857)/50 = 83.27 ms; plus the mean service time 93.27 ms.
    #[test]
    fn a_shared_queue_follows_erlang_c() {
        let station = station(150.0, 0.01);
        close(station.response_shared_s(2, erlang_b(2, 1.5), 0.99).unwrap(), 0.093_27, 1e-5);
    }

    fn station(arrival_per_s: f64, service_s: f64) -> Station {
        Station { arrival_per_s, service_s, arrival_variability: 1.0, service_variability: 1.0 }
    }
}
