//! `mcpod serve` on a host without a systemd of the user's: it says what is missing, and nothing on standard output.

use crate::bare::Bare;

#[test]
fn without_systemd_it_says_so_on_standard_error_alone() {
    let ran = Bare::new().run(&["serve"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("error: "), "{ran:?}");
}

#[test]
fn what_excludes_each_other_is_refused() {
    let ran = Bare::new().run(&["serve", "--lazy", "--server", "time"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(ran.stdout, "");
}
