//! What `--json` prints is what the schema in the manual says.

#[path = "../fixtures/shapes.rs"]
mod schema;

use serde_json::json;

use crate::bare::Bare;
use schema::has_shape;

#[test]
fn what_a_bare_host_prints_is_described() {
    let host = Bare::new();
    for (words, shape) in [
        (&["search", "time"][..], "search"),
        (&["search", "time", "--explain"], "search"),
        (&["search", "--tools", "time"], "search-tools"),
        (&["search", "--tools", "time", "--explain"], "search-tools"),
        (&["sources"], "sources"),
        (&["token"], "token"),
        (&["doctor"], "doctor"),
        (&["agents"], "agents"),
        (&["connect", "gemini"], "connect"),
        (&["disconnect", "gemini"], "connect"),
        (&["show", "no-such-server"], "error"),
        (&["list"], "error"),
        (&["add"], "error"),
    ] {
        let words = [words, &["--json"]].concat();
        has_shape(&host.run(&words).json(), shape);
    }
    // Builtin servers of every kind.
    let found = host
        .run(&["search", "--source", "builtin", "--limit", "200", "--json"])
        .json();
    for hit in found.as_array().unwrap().iter().step_by(5) {
        let id = hit["id"].as_str().unwrap();
        has_shape(&host.run(&["show", id, "--json"]).json(), "show");
    }
}

#[test]
#[should_panic(expected = "this is no error")]
fn a_field_that_is_not_described_is_found() {
    has_shape(
        &json!({"error": {"code": "x", "message": "y", "hint": null, "more": 1}}),
        "error",
    );
}

#[test]
#[should_panic(expected = "this is no error")]
fn a_field_that_is_missing_is_found() {
    has_shape(&json!({"error": {"code": "x", "message": "y"}}), "error");
}
