//! The `mcpod` program.

fn main() {}
