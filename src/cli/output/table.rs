//! Tables that fit the terminal.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::text;

/// The blanks between two columns.
const GAP: usize = 2;

/// No column is made narrower than this, in places of the terminal.
const NARROW: usize = 10;

/// Rows under headings, in lines of at most `width` places: as wide as they need, else the widest columns are cut. The first, by
/// which a row is told from others and spoken of, is cut never.
pub(super) fn lines(headings: &[&str], rows: &[Vec<String>], width: usize) -> Vec<String> {
    let headings = headings
        .iter()
        .map(|heading| (*heading).to_owned())
        .collect();
    let rows: Vec<Vec<String>> = std::iter::once(headings)
        .chain(
            rows.iter()
                .map(|row| row.iter().map(|cell| text::one_line(cell)).collect()),
        )
        .collect();
    let widths = fitted(widest(&rows), width);
    rows.iter().map(|row| line(row, &widths)).collect()
}

/// How wide the widest cell of each column is.
fn widest(rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    widths
}

/// The widths that columns have within so many places in all.
fn fitted(mut widths: Vec<usize>, places: usize) -> Vec<usize> {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > places {
        let others = widths.iter_mut().skip(1);
        match others.max_by_key(|width| **width) {
            Some(widest) if *widest > NARROW => *widest -= 1,
            // It cannot fit; whoever has so narrow a terminal sees the lines broken.
            _ => break,
        }
    }
    widths
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, &width) in row.iter().zip(widths) {
        let cell = shortened(cell, width);
        let padding = width.saturating_sub(cell.width()) + GAP;
        line.push_str(&cell);
        line.extend(std::iter::repeat_n(' ', padding));
    }
    line.truncate(line.trim_end().len());
    line
}

/// A text in at most so many places, an ellipsis in place of what was cut.
fn shortened(text: &str, places: usize) -> String {
    if text.width() <= places {
        return text.to_owned();
    }
    let mut left = places.saturating_sub(1);
    let fits = |c: &char| {
        let width = c.width().unwrap_or_default();
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize) -> Vec<String> {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect();
        let rows = [
            row(&[
                "a-name-that-is-long",
                "x",
                "what it is in a dozen words or more",
            ]),
            row(&["b", "yy", "日本語の説明"]),
        ];
        lines(&["NAME", "N", "WHAT"], &rows, width)
    }

    #[test]
    fn a_table_is_as_wide_as_it_needs() {
        assert_eq!(
            table(100),
            [
                "NAME                 N   WHAT",
                "a-name-that-is-long  x   what it is in a dozen words or more",
                "b                    yy  日本語の説明",
            ]
        );
    }

    #[test]
    fn where_it_does_not_fit_the_widest_column_is_cut_but_never_the_first() {
        let lines = table(36);
        assert_eq!(lines[1], "a-name-that-is-long  x   what it is…");
        assert_eq!(lines[2], "b                    yy  日本語の説…");
        assert!(lines.iter().all(|line| line.width() <= 36));
        assert!(table(5)[1].starts_with("a-name-that-is-long  x"));
    }

    #[test]
    fn a_text_is_cut_between_characters_whatever_their_width() {
        for (places, shown) in [(6, "日本語"), (5, "日本…"), (4, "日…"), (1, "…"), (0, "…")]
        {
            assert_eq!(shortened("日本語", places), shown, "{places}");
        }
    }
}
