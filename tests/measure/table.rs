//! The table: a line for everything measured, with what it may be at most and whether it is.

use std::time::Duration;

/// All lines. A line is printed when it is known.
#[derive(Debug, Default)]
pub(super) struct Table {
    over: Vec<String>,
}

impl Table {
    /// With its headings.
    pub(super) fn begun() -> Self {
        print("", "n", "median", "p99", "bound", "");
        Self::default()
    }

    /// Adds times, of which the median may be this, and the 99th percentile that, where something is said.
    pub(super) fn times(
        &mut self,
        what: &str,
        mut times: Vec<Duration>,
        median_max: Option<Duration>,
        p99_max: Option<Duration>,
    ) {
        times.sort();
        let rank = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
        let (median, p99) = (rank(50), rank(99));
        let is_over =
            median_max.is_some_and(|most| median > most) || p99_max.is_some_and(|most| p99 > most);
        let bounds = [
            median_max.map(shown),
            p99_max.map(|most| format!("p99 {}", shown(most))),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        self.line(
            what,
            times.len(),
            &shown(median),
            &shown(p99),
            &bounds.join(", "),
            is_over,
        );
    }

    /// Adds an amount of memory, in bytes.
    pub(super) fn memory(&mut self, what: &str, bytes: u64, most: u64) {
        let shown = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
        let own = shown(bytes);
        self.line(what, 1, &own, &own, &shown(most), bytes > most);
    }

    fn line(&mut self, what: &str, n: usize, median: &str, p99: &str, bound: &str, is_over: bool) {
        let within = match (bound, is_over) {
            ("", _) => "",
            (_, true) => "OVER",
            (_, false) => "ok",
        };
        print(what, &n.to_string(), median, p99, bound, within);
        if is_over {
            self.over.push(what.to_owned());
        }
    }

    /// Fails if a line is over its bound.
    pub(super) fn end(self) {
        assert!(self.over.is_empty(), "over their bounds: {:?}", self.over);
    }
}

fn print(what: &str, n: &str, median: &str, p99: &str, bound: &str, within: &str) {
    println!("{what:<52}{n:>5}{median:>12}{p99:>12}{bound:>24}  {within}");
}

fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1e-3 {
        format!("{:.1} us", seconds * 1e6)
    } else if seconds < 1.0 {
        format!("{:.2} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}
