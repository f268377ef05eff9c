//! Pages, sitemaps and robots.txt of mcpservers.org.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpod::catalog::source::mcpservers::{Robots, page, sitemap};

fuzz_target!(|bytes: &[u8]| {
    let inside = [b"<main><h1>N</h1>".as_slice(), bytes, b"</main>"].concat();
    for bytes in [bytes, &inside] {
        if let Ok(entry) = page("mcpservers", "servers/a/b", bytes) {
            assert!(!entry.name.is_empty());
        }
    }
    drop(sitemap(bytes));
    Robots::parse(&String::from_utf8_lossy(bytes), "mcpod").allows("/servers/a");
});
