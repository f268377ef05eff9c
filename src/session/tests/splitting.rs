//! Lines, whatever pieces they come in.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::io::{AsyncRead, ReadBuf};

use super::lines::{Line, Lines};
use super::*;

/// A stream that hands out these pieces, each in one read where it fits.
struct Pieces(VecDeque<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.0.pop_front() {
            let rest = piece.split_off(piece.len().min(into.remaining()));
            into.put_slice(&piece);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Cuts a text at these places.
fn pieces(text: &[u8], cuts: &[prop::sample::Index]) -> Pieces {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.dedup();
    Pieces(
        places
            .windows(2)
            .map(|pair| text[pair[0]..pair[1]].to_vec())
            .collect(),
    )
}

/// A line that was kept, or the size of one that was not with the call it answers.
type Told = Result<Vec<u8>, (usize, Option<String>)>;

/// All lines of a stream: the text of those that were kept, the size of the others with the call they answer.
fn read(stream: Pieces, limit: usize) -> Vec<Told> {
    let mut lines = Lines::new(stream, limit);
    let mut read = Vec::new();
    while let Some(line) = lines.next().now_or_never().unwrap().unwrap() {
        read.push(match line {
            Line::Whole(text) => Ok(text),
            Line::TooLarge { size, outline } => {
                Err((size, outline.answers().map(ToString::to_string)))
            }
        });
    }
    assert!(lines.next().now_or_never().unwrap().unwrap().is_none());
    read
}

/// What must come of lines with these ends.
fn expected(lines: &[(Vec<u8>, &str)], limit: usize) -> Vec<Result<Vec<u8>, usize>> {
    let kept = |(line, end): &(Vec<u8>, &str)| {
        let mut line = line.clone();
        // A carriage return in front of the line's end belongs to it, one alone does not.
        if *end == "\n" && line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.len() > limit {
            Err(line.len())
        } else {
            Ok(line)
        }
    };
    lines.iter().map(kept).collect()
}

fn a_line(longest: usize) -> impl Strategy<Value = (Vec<u8>, &'static str)> {
    let bytes = select(b"ab{}\":,\r \xc3".as_slice());
    (vec(bytes, 0..longest), select(vec!["\n", "\r\n"]))
}

proptest! {
    #[test]
    fn lines_are_what_they_were(
        lines in vec(a_line(40), 0..12),
        cuts in vec(any::<prop::sample::Index>(), 0..30),
        last in "[a-z]{0,30}",
    ) {
        let text: Vec<u8> = lines.iter().flat_map(|(line, end)| [line, end.as_bytes()].concat()).collect();
        let text = [text.as_slice(), last.as_bytes()].concat();
        let mut expected = expected(&lines, 20);
        match last.len() {
            0 => {}
            size @ 21.. => expected.push(Err(size)),
            _ => expected.push(Ok(last.into_bytes())),
        }
        let read = read(pieces(&text, &cuts), 20);
        let read: Vec<_> = read.into_iter().map(|line| line.map_err(|(size, _)| size)).collect();
        prop_assert_eq!(read, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn long_lines_are_what_they_were(
        lines in vec((0..50_000_usize, select(vec!["\n", "\r\n"])), 1..6),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let lines: Vec<(Vec<u8>, &str)> = lines
            .into_iter()
            .map(|(size, end)| {
                let line = format!("{{\"result\":\"{}\",\"id\":{size}}}", "x".repeat(size));
                (line.into_bytes(), end)
            })
            .collect();
        let text: Vec<u8> = lines.iter().flat_map(|(line, end)| [line, end.as_bytes()].concat()).collect();
        let read = read(pieces(&text, &cuts), 32 * 1024);
        for line in read.iter().flatten().map(Vec::capacity) {
            prop_assert!(line <= 128 * 1024, "{line} bytes are held for a line");
        }
        let told = |line: &Told| match line {
            Ok(line) => Ok(line.clone()),
            Err((size, id)) => {
                // The id is the size of the filling.
                let envelope = "{\"result\":\"\",\"id\":}".len();
                let id = id.as_ref().unwrap();
                assert_eq!(id.parse::<usize>().unwrap() + envelope + id.len(), *size);
                Err(*size)
            }
        };
        prop_assert_eq!(read.iter().map(told).collect::<Vec<_>>(), expected(&lines, 32 * 1024));
    }
}

#[test]
fn the_limit_counts_the_message_alone() {
    for (line, whole) in [
        ("abc\n", true),
        ("abc\r\n", true),
        ("abcd\n", false),
        ("abcd\r\n", false),
        ("abc\r\r\n", false),
        ("abc", true),
        ("abcd", false),
    ] {
        for piece in 1..=line.len() {
            let pieces = line.as_bytes().chunks(piece).map(<[u8]>::to_vec).collect();
            let read = read(Pieces(pieces), 3);
            let [only] = read.as_slice() else {
                panic!("{line:?} {read:?}");
            };
            assert_eq!(only.is_ok(), whole, "{line:?} in pieces of {piece}");
        }
    }
}
