//! The headers in which a request of the modern era says again what its body says (2026-07-28, Request Metadata).
//!
//! Whoever stands between may have decided by them. So a request whose headers say something else than its body, or
//! less, is refused.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::session::Frame;
use crate::session::metadata::{self, ENCODED, METHOD, NAME, PARAM, named_by};

pub(super) use crate::session::metadata::{LAST_EVENT, SESSION, VERSION};

/// The headers and the body do not say the same; this is why, for the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch(pub(super) String);

/// The only value of a header: one that is there twice could be read either way.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Mismatch> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Mismatch(format!("the header {name} is there twice")));
    }
    let text = value.to_str().ok();
    let text = text.ok_or_else(|| Mismatch(format!("the header {name} is no plain text")))?;
    Ok(Some(text))
}

/// Compares the headers of a request with its body, but for what the tool wants that it calls.
pub(super) fn check(headers: &HeaderMap, request: &Frame) -> Result<(), Mismatch> {
    let method = request.method();
    match only(headers, METHOD)? {
        Some(given) if given == method => {}
        Some(_) => {
            return Err(Mismatch(
                "Mcp-Method is not the method of the body".to_owned(),
            ));
        }
        None => return Err(Mismatch("Mcp-Method is missing".to_owned())),
    }
    if let Some(key) = named_by(method)
        && let Some(name) = metadata::text(request, key)
    {
        match decoded(headers, NAME)? {
            Some(given) if given == name => {}
            Some(_) => return Err(Mismatch(format!("Mcp-Name is not the {key} in the body"))),
            None => return Err(Mismatch("Mcp-Name is missing".to_owned())),
        }
    }
    Ok(())
}

/// Compares the headers of a call with the arguments that the tool, of which this is the definition, wants to see in them.
pub(super) fn check_arguments(
    headers: &HeaderMap,
    request: &Frame,
    tool: &str,
) -> Result<(), Mismatch> {
    if request.method() != "tools/call" {
        return Ok(());
    }
    for (path, header) in metadata::annotated(tool) {
        let argument = metadata::argument(request, &path);
        let given = decoded(headers, &format!("{PARAM}{header}"))?;
        let wrong = |what| {
            let at = crate::text::shortened(&path.join("."), 100);
            Err(Mismatch(format!(
                "Mcp-Param-{header} {what} the argument {at}"
            )))
        };
        match (given, argument) {
            (None, None) => {}
            (Some(_), None) => return wrong("is there without"),
            (None, Some(_)) => return wrong("is missing beside"),
            (Some(given), Some(argument)) if argument.is(&given) => {}
            (Some(_), Some(_)) => return wrong("is not"),
        }
    }
    Ok(())
}

/// The only value of a header, decoded where it is encoded.
fn decoded(headers: &HeaderMap, name: &str) -> Result<Option<String>, Mismatch> {
    let Some(value) = only(headers, name)? else {
        return Ok(None);
    };
    let encoded = value
        .strip_prefix(ENCODED.0)
        .and_then(|rest| rest.strip_suffix(ENCODED.1));
    let Some(encoded) = encoded else {
        return Ok(Some(value.to_owned()));
    };
    let bytes = BASE64_STANDARD.decode(encoded).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| Mismatch(format!("the header {name} is no Base64 of a text")))?;
    Ok(Some(text))
}

/// Whether the media types that a client takes (`Accept`) contain this one.
pub(super) fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let mut accepted = headers.get_all("accept").iter().peekable();
    if accepted.peek().is_none() {
        // Whoever says nothing takes everything (RFC 9110, Accept).
        return true;
    }
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.any(|part| {
                let quality = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
                quality.is_some_and(|q| q.parse() == Ok(0.0))
            });
            let group = wanted.split('/').next().unwrap_or_default();
            !refused && (media == wanted || media == "*/*" || media == format!("{group}/*"))
        })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(*name, value);
        }
        headers
    }

    fn call(name: &str, arguments: &str) -> Frame {
        let name = serde_json::to_string(name).unwrap();
        Frame::parse(format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{name},"arguments":{arguments}}}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn the_method_and_the_name_must_be_those_of_the_body() {
        let request = call("time", "{}");
        let is_right = |all: &[(&'static str, &str)]| check(&headers(all), &request).is_ok();
        assert!(is_right(&[(METHOD, "tools/call"), (NAME, "time")]));
        assert!(is_right(&[
            (METHOD, "tools/call"),
            (NAME, "=?base64?dGltZQ==?=")
        ]));
        for wrong in [
            &[(METHOD, "tools/call")][..],
            &[(NAME, "time")],
            &[(METHOD, "Tools/Call"), (NAME, "time")],
            &[(METHOD, "tools/call"), (NAME, "other")],
            &[(METHOD, "tools/call"), (NAME, "time"), (NAME, "time")],
            &[(METHOD, "tools/call"), (METHOD, "ping"), (NAME, "time")],
            &[(METHOD, "tools/call"), (NAME, "=?base64?dGltZQ?=")],
            &[(METHOD, "tools/call"), (NAME, "=?base64?/w==?=")],
            &[(METHOD, "tools/call"), (NAME, "=?BASE64?dGltZQ==?=")],
        ] {
            assert!(!is_right(wrong), "{wrong:?}");
        }
        let list = Frame::parse(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).unwrap();
        assert_eq!(check(&headers(&[(METHOD, "tools/list")]), &list), Ok(()));
    }

    #[test]
    fn arguments_that_a_tool_wants_in_headers_must_be_there() {
        let tool = r#"{"name":"t","inputSchema":{"properties":{
            "a":{"type":"string","x-mcp-header":"A"},
            "n":{"type":"integer","x-mcp-header":"N"},
            "in":{"properties":{"b":{"type":"boolean","x-mcp-header":"B"}}},
            "bad":{"x-mcp-header":"no token"}}}}"#;
        let is_right = |arguments: &str, all: &[(&'static str, &str)]| {
            check_arguments(&headers(all), &call("t", arguments), tool).is_ok()
        };
        assert!(is_right("{}", &[]));
        assert!(is_right(
            r#"{"a":null,"bad":"x"}"#,
            &[("mcp-param-other", "x")]
        ));
        assert!(is_right(r#"{"a":"x"}"#, &[("mcp-param-a", "x")]));
        assert!(is_right(
            r#"{"a":"ä"}"#,
            &[("mcp-param-a", "=?base64?w6Q=?=")]
        ));
        assert!(is_right(r#"{"n":42}"#, &[("mcp-param-n", "42.0")]));
        assert!(is_right(r#"{"in":{"b":true}}"#, &[("mcp-param-b", "true")]));
        assert!(!is_right(r#"{"a":"x"}"#, &[]));
        assert!(!is_right(r#"{"a":"x"}"#, &[("mcp-param-a", "y")]));
        assert!(!is_right("{}", &[("mcp-param-a", "x")]));
        assert!(!is_right(r#"{"n":42}"#, &[("mcp-param-n", "43")]));
        assert!(!is_right(
            r#"{"in":{"b":true}}"#,
            &[("mcp-param-b", "True")]
        ));
    }

    #[test]
    fn clients_say_what_they_take() {
        let takes = |value: &str, wanted| accepts(&headers(&[("accept", value)]), wanted);
        assert!(takes(
            "application/json, text/event-stream",
            "text/event-stream"
        ));
        assert!(takes("*/*", "text/event-stream"));
        assert!(takes("Text/*;q=0.5", "text/event-stream"));
        assert!(!takes("application/json", "text/event-stream"));
        assert!(!takes("text/event-stream;q=0", "text/event-stream"));
        assert!(accepts(&HeaderMap::new(), "application/json"));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_stumble(
            value in proptest::collection::vec(any::<u8>(), 0..40),
            name in any::<String>(),
            arguments in "\\{(\"a\":[0-9\"{}a-z\\[\\],.-]{0,20})?\\}",
        ) {
            let mut all = HeaderMap::new();
            for header in [METHOD, NAME, "mcp-param-a", "accept"] {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    all.append(header, value);
                }
            }
            let tool = r#"{"inputSchema":{"properties":{"a":{"x-mcp-header":"a"}}}}"#;
            let name = serde_json::to_string(&name).unwrap();
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{name},"arguments":{arguments}}}}}"#
            );
            if let Ok(request) = Frame::parse(text) {
                check(&all, &request).ok();
                check_arguments(&all, &request, tool).ok();
            }
            accepts(&all, "application/json");
        }

        #[test]
        fn every_text_passes_encoded(name in any::<String>()) {
            let encoded = format!("=?base64?{}?=", BASE64_STANDARD.encode(&name));
            let all = headers(&[(METHOD, "tools/call"), (NAME, &encoded)]);
            prop_assert_eq!(check(&all, &call(&name, "{}")), Ok(()));
        }
    }
}
