//! Templates in all four syntaxes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpod::catalog::{Mount, Syntax, Template};

fuzz_target!(|text: &str| {
    for syntax in [
        Syntax::DoubleBraces,
        Syntax::DoubleBracesAndDollars,
        Syntax::Dollars,
        Syntax::SingleBraces,
    ] {
        assert_eq!(Template::parse(text, syntax).text(), text);
    }
    drop(Mount::parse(text));
});
