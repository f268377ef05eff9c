//! Sidecars of lists.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpod::catalog::source::list::{File, parse};

fuzz_target!(|bytes: &[u8]| {
    let page = File {
        path: "a.md".to_owned(),
        bytes: b"- [a/b](https://github.com/a/b): Text.".to_vec(),
    };
    let inside = [br#"{"source": {"projectUrl": "https://github.com/a/b"},"#.as_slice(), bytes, b"}"].concat();
    let sidecar = |bytes: Vec<u8>| File {
        path: "a.json".to_owned(),
        bytes,
    };
    let parsed = parse("awesome", &[page], &[sidecar(bytes.to_vec()), sidecar(inside)]);
    assert_eq!(parsed.entries.len(), 1);
});
