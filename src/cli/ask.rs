//! Questions on the terminal, and secrets from wherever they are read: a prompt without echo, a pipe, a file.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::output::Failure;
use crate::secret::Secret;
use crate::text;

/// The longest secret, in bytes: what Podman takes (512000, pkg `secrets` of containers/common).
const SECRET_MAX: usize = 512_000;

/// Whether there is somebody to be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line. Blanks around it are dropped.
pub(super) fn line(question: &str) -> Result<String, Failure> {
    prompt(question)?;
    let mut line = String::new();
    let length = io::stdin()
        .read_line(&mut line)
        .context("cannot read from the terminal")?;
    if length == 0 {
        return Err(ended());
    }
    Ok(line.trim().to_owned())
}

/// Asks a question that is answered with yes or no; anything but yes is no.
pub(super) fn yes(question: &str) -> Result<bool, Failure> {
    Ok(matches!(
        &*line(&format!("{question} (yes or no)"))?,
        "y" | "yes"
    ))
}

/// Asks for a secret, which is not shown as it is typed.
pub(super) fn secret(question: &str) -> Result<Secret, Failure> {
    prompt(question)?;
    let hidden = Hidden::new().context("cannot hide what is typed")?;
    let line = read_line();
    drop(hidden);
    // The key that ended the line was not shown either.
    writeln!(io::stderr()).ok();
    let line = line
        .context("cannot read from the terminal")?
        .ok_or_else(ended)?;
    checked(&line)
}

/// Reads a secret from standard input, up to its end; a single end of line behind it is not part of it.
pub(super) fn secret_from_input() -> Result<Secret, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return secret("the secret");
    }
    whole(stdin).context("cannot read standard input")?
}

/// Reads a secret from a file; a single end of line behind it is not part of it.
pub(super) fn secret_from_file(path: &Path) -> Result<Secret, Failure> {
    let read = || -> io::Result<_> { whole(File::open(path)?) };
    read().with_context(|| format!("cannot read {}", path.display()))?
}

fn whole(source: impl io::Read) -> io::Result<Result<Secret, Failure>> {
    // In one piece: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_MAX + 1));
    source.take(SECRET_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(checked(&bytes))
}

/// Refuses what cannot be the value of a variable.
fn checked(bytes: &[u8]) -> Result<Secret, Failure> {
    let refuse = |why: &str| Err(Failure::usage(format!("the secret {why}")));
    if bytes.is_empty() {
        return refuse("is empty");
    }
    if bytes.len() > SECRET_MAX {
        return refuse(&format!("has more than {SECRET_MAX} bytes"));
    }
    if bytes.contains(&0) {
        return refuse("has a zero byte in it, which a variable cannot hold");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(_) => refuse("is no text (UTF-8)"),
    }
}

/// Reads a line of the terminal byte by byte, since a reader's buffer would keep it. None at the end of the input.
fn read_line() -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_MAX + 1));
    let stdin = io::stdin();
    let mut byte = [0_u8];
    loop {
        match rustix::io::read(&stdin, &mut byte) {
            Ok(0) if line.is_empty() => return Ok(None),
            Ok(0) => return Ok(Some(line)),
            Ok(_) if byte == *b"\n" || line.len() > SECRET_MAX => return Ok(Some(line)),
            Ok(_) => line.extend_from_slice(&byte),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn prompt(question: &str) -> Result<(), Failure> {
    let mut stderr = io::stderr().lock();
    write!(
        stderr,
        "{}: ",
        text::one_line(question).trim_end_matches([' ', ':'])
    )
    .and_then(|()| stderr.flush())
    .context("cannot write to the terminal")
    .map_err(Failure::from)
}

fn ended() -> Failure {
    Failure::usage("the terminal was closed before an answer came")
}

/// Typing is not shown while this is there.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing put back.
        tcsetattr(io::stdin(), OptionalActions::Flush, &self.before).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_text_without_the_end_of_its_line() {
        for (bytes, secret) in [
            (&b"hunter2\n"[..], Some("hunter2")),
            (b"hunter2\r\n", Some("hunter2")),
            (b"two\nlines\n\n", Some("two\nlines\n")),
            (b" x ", Some(" x ")),
            (b"\n", None),
            (b"", None),
            (b"a\0b", None),
            (b"\xff\xfe", None),
        ] {
            let read = whole(bytes).unwrap().ok();
            assert_eq!(read.as_ref().map(Secret::expose), secret, "{bytes:?}");
        }
        assert!(whole(&vec![b'x'; SECRET_MAX + 1][..]).unwrap().is_err());
    }
}
