//! What a test changes in the machine, and what is put back when it ends, however it ends.

use crate::machine::{Ran, root, sh};

/// Puts back what a test changed, when it is dropped.
#[must_use]
pub(crate) struct Afterwards<F: FnMut() -> Ran>(F);

impl<F: FnMut() -> Ran> Drop for Afterwards<F> {
    #[track_caller]
    fn drop(&mut self) {
        let undone = self.0();
        // A test that failed already says why; a second panic would hide it.
        if !std::thread::panicking() {
            undone.ok();
        }
    }
}

/// Runs something that must succeed when the test ends.
pub(crate) fn afterwards<F: FnMut() -> Ran>(undo: F) -> Afterwards<F> {
    Afterwards(undo)
}

/// Runs something as root, and its opposite when the test ends.
#[track_caller]
pub(crate) fn root_until_the_end(change: &[&str], undo: &[&str]) -> impl Drop + use<> {
    let undo: Vec<String> = undo.iter().map(|&word| word.to_owned()).collect();
    root(change).ok();
    afterwards(move || root(&undo))
}

/// Moves files of the machine aside until the test ends.
#[track_caller]
pub(crate) fn moved_aside(files: &[&str]) -> impl Drop + use<> {
    let mv = |script| [&["sh", "-euc", script, "sh"], files].concat();
    root_until_the_end(
        &mv(r#"for file; do mv -T "$file" "$file.aside"; done"#),
        &mv(r#"for file; do mv -T "$file.aside" "$file"; done"#),
    )
}

/// Writes the user's settings, which are removed when the test ends.
#[track_caller]
pub(crate) fn settings(toml: &str) -> impl Drop + use<> {
    sh(
        r#"mkdir -p ~/.config/mcpod && printf %s "$1" >~/.config/mcpod/config.toml"#,
        &[toml],
    )
    .ok();
    afterwards(|| sh("rm -r ~/.config/mcpod", &[]))
}

/// Sets how the proxy in front of docker.io/cut behaves, until the end of the test.
pub(crate) fn cut_proxy(configuration: &str) -> impl Drop + use<> {
    root_until_the_end(
        &[
            "sh",
            "-c",
            r#"cp /etc/cut-proxy /etc/cut-proxy.aside; printf %s "$1" >/etc/cut-proxy"#,
            "sh",
            configuration,
        ],
        &["mv", "/etc/cut-proxy.aside", "/etc/cut-proxy"],
    )
}
