//! Percentiles.

/// Measurements of one kind, in seconds.
pub struct Sample(Vec<f64>);

impl Sample {
    pub fn new(mut seconds: Vec<f64>) -> Self {
        assert!(!seconds.is_empty(), "nothing was measured");
        seconds.sort_by(f64::total_cmp);
        Self(seconds)
    }

    /// Nearest rank.
    pub fn percentile(&self, percent: f64) -> f64 {
        let rank = (percent / 100.0 * self.0.len() as f64).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }

    pub fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    pub fn max(&self) -> f64 {
        self.percentile(100.0)
    }

    /// `p50 31 ms, p95 40 ms, p99 44 ms, max 44 ms (n 50)`.
    pub fn milliseconds(&self) -> String {
        let ms = |percent| self.percentile(percent) * 1e3;
        format!(
            "p50 {:.0} ms, p95 {:.0} ms, p99 {:.0} ms, max {:.0} ms (n {})",
            ms(50.0),
            ms(95.0),
            ms(99.0),
            ms(100.0),
            self.0.len()
        )
    }
}
