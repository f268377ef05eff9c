//! The table: a line for everything measured, with what it may be at most and whether it is.

use std::fmt;

/// What was measured of one thing: seconds, bytes or a number.
#[derive(Debug, Clone)]
pub(crate) struct Samples(Vec<f64>);

/// What is measured in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Seconds,
    Bytes,
    Number,
}

/// What a line may be, at its median where nothing else is said.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    /// This much.
    Most(f64),
    /// This much, at its 99th percentile.
    Slowest(f64),
    /// So much more than what it is compared with.
    More(f64),
    /// So much more than what it is compared with, both at their 99th percentiles.
    SlowestMore(f64),
    /// So many times what it is compared with.
    Ratio(f64),
    /// No less than this, in any sample.
    Least(f64),
    /// This and nothing else, in each sample.
    Exactly(f64),
}

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Line {
    name: String,
    unit: Unit,
    samples: Samples,
    /// What it is compared with.
    reference: Option<Samples>,
    bounds: Vec<Bound>,
}

/// All lines.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Line>);

impl Samples {
    /// Takes at least one sample.
    pub(crate) fn new(mut samples: Vec<f64>) -> Self {
        assert!(!samples.is_empty());
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }

    /// The sample of which this share (of 100) are not greater: the nearest rank.
    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        *self.0.get(rank - 1).unwrap()
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }
}

impl Line {
    pub(crate) fn new(name: impl Into<String>, unit: Unit, samples: Samples) -> Self {
        Self {
            name: name.into(),
            unit,
            samples,
            reference: None,
            bounds: Vec::new(),
        }
    }

    /// Compares it with something that was measured in turns with it.
    pub(crate) fn against(self, reference: &Samples) -> Self {
        Self {
            reference: Some(reference.clone()),
            ..self
        }
    }

    pub(crate) fn bounds(self, bounds: impl Into<Vec<Bound>>) -> Self {
        Self {
            bounds: bounds.into(),
            ..self
        }
    }

    fn is_within(&self) -> bool {
        let (median, slowest) = (self.samples.median(), self.samples.percentile(99));
        let reference = || self.reference.as_ref().unwrap();
        self.bounds.iter().all(|bound| match *bound {
            Bound::Most(most) => median <= most,
            Bound::Slowest(most) => slowest <= most,
            Bound::More(more) => median <= reference().median() + more,
            Bound::SlowestMore(more) => slowest <= reference().percentile(99) + more,
            Bound::Ratio(ratio) => median <= reference().median() * ratio,
            Bound::Least(least) => self.samples.0.iter().all(|sample| *sample >= least),
            Bound::Exactly(number) => {
                let range = number..=number;
                self.samples.0.iter().all(|sample| range.contains(sample))
            }
        })
    }

    /// The cells of the line, in the order of the headings.
    fn cells(&self) -> [String; 7] {
        let median = self.samples.median();
        let bounds = self.bounds.iter().map(|bound| match *bound {
            Bound::Most(most) => self.unit.show(most),
            Bound::Slowest(most) => format!("p99 {}", self.unit.show(most)),
            Bound::More(more) => format!("+{}", self.unit.show(more)),
            Bound::SlowestMore(more) => format!("p99 +{}", self.unit.show(more)),
            Bound::Ratio(ratio) => format!("x{ratio:.2}"),
            Bound::Least(least) => format!("at least {}", self.unit.show(least)),
            Bound::Exactly(number) => format!("= {}", self.unit.show(number)),
        });
        let (ratio, within) = (
            self.reference.as_ref().map(|reference| {
                let reference = reference.median();
                let more = median - reference;
                let sign = if more < 0.0 { '-' } else { '+' };
                format!(
                    "x{:.2} {sign}{}",
                    median / reference,
                    self.unit.show(more.abs())
                )
            }),
            match (self.bounds.is_empty(), self.is_within()) {
                (true, _) => "",
                (false, true) => "ok",
                (false, false) => "OVER",
            },
        );
        [
            self.name.clone(),
            self.samples.0.len().to_string(),
            self.unit.show(median),
            self.unit.show(self.samples.percentile(99)),
            bounds.collect::<Vec<_>>().join(", "),
            ratio.unwrap_or_default(),
            within.to_owned(),
        ]
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value < 1e-3 => format!("{:.1} us", value * 1e6),
            Self::Seconds if value < 1.0 => format!("{:.2} ms", value * 1e3),
            Self::Seconds => format!("{value:.2} s"),
            Self::Bytes => format!("{:.2} MB", value / 1e6),
            Self::Number => format!("{value:.0}"),
        }
    }
}

impl Table {
    pub(crate) fn push(&mut self, line: Line) {
        eprintln!("  {}", line.cells().join("  "));
        self.0.push(line);
    }

    pub(crate) fn is_all_within(&self) -> bool {
        self.0.iter().all(Line::is_within)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = ["", "n", "median", "p99", "bound", "ratio", ""].map(str::to_owned);
        let rows: Vec<[String; 7]> = std::iter::once(headings)
            .chain(self.0.iter().map(Line::cells))
            .collect();
        let mut widths = [0; 7];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &rows {
            let cells = row.iter().zip(widths).enumerate();
            let cells = cells.map(|(at, (cell, width))| match at {
                0 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            });
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_for_the_samples_that_they_name() {
        let is_within = |bound, samples: &[f64]| {
            let line = Line::new("", Unit::Number, Samples::new(samples.to_vec()));
            line.bounds([bound]).is_within()
        };
        assert!(is_within(Bound::Most(1.0), &[0.0, 1.0, 9.0]));
        assert!(!is_within(Bound::Most(1.0), &[0.0, 2.0, 9.0]));
        assert!(!is_within(Bound::Slowest(1.0), &[0.0, 1.0, 9.0]));
        assert!(is_within(Bound::Least(1.0), &[1.0, 2.0, 9.0]));
        assert!(!is_within(Bound::Least(1.0), &[0.0, 2.0, 9.0]));
        assert!(is_within(Bound::Exactly(2.0), &[2.0, 2.0]));
        assert!(!is_within(Bound::Exactly(2.0), &[2.0, 1.0]));
        assert!(!is_within(Bound::Exactly(2.0), &[3.0, 2.0]));
    }
}
