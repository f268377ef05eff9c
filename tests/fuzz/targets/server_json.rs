//! Pages and documents of the official registry.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpod::catalog::source::official::{page, parse};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(page) = page(bytes) {
        parse("official", page.items.iter().map(String::as_str));
    }
    if let Ok(text) = str::from_utf8(bytes) {
        let item = format!(r#"{{"name": "a/b", "version": "1", {text}}}"#);
        parse("official", [text, item.as_str()]);
    }
});
