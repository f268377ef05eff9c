//! Pages of lists in Markdown.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpod::catalog::source::list::{File, parse};

fuzz_target!(|bytes: &[u8]| {
    let page = |bytes: Vec<u8>| File {
        path: "a.md".to_owned(),
        bytes,
    };
    let line = [b"- [a/b](https://github.com/a/b): ".as_slice(), bytes].concat();
    parse("awesome", &[page(bytes.to_vec()), page(line)], &[]);
});
