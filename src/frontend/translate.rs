//! The two eras of the protocol meet: what must be added to a message, or taken away, for the other side to read it.
//!
//! From 2026-07-28 on every request bears the version, the client and its capabilities in `_meta`, and every result a
//! type; before, neither is known (base protocol, `_meta` and `resultType`).

use rmcp::model::ProtocolVersion;

use super::{errands, input};
use crate::session::splice::{Existing, Put, SpliceError, quoted};
use crate::session::{Era, Frame, Kind};

/// The key of the version in `_meta`.
pub(super) const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// The key of the client's capabilities in `_meta`.
pub(super) const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// The key of the client's name in `_meta`.
pub(super) const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
/// The key of the least severe log message that is wanted, in `_meta`.
pub(super) const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// The key of the subscription that a notification is for, in `_meta`.
pub(super) const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// The error for a resource that is not there: up to 2025-11-25, and in 2026-07-28 (Resources, Error Handling).
const NO_RESOURCE: &str = "-32002";
const NO_PARAMS: &str = "-32602";

/// Which era an agent speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Speech {
    /// With `initialize`: up to 2025-11-25.
    Legacy,
    /// Without: from 2026-07-28 on.
    Modern,
}

/// A version that an agent asks for and that is not spoken here.
#[derive(Debug)]
pub(super) struct Unspoken(pub(super) String);

impl Speech {
    /// The era of a request: the modern one says its version in every message.
    pub(super) fn of(request: &Frame) -> Result<Self, Unspoken> {
        // Positional parameters bear no `_meta`, and neither do those that are no object.
        let Ok(Some(version)) = request.find(&["_meta", VERSION]) else {
            return Ok(Self::Legacy);
        };
        let version: String = serde_json::from_str(version).unwrap_or_else(|_| version.to_owned());
        match version.parse() {
            Ok(Era::Modern(_)) => Ok(Self::Modern),
            _ => Err(Unspoken(version)),
        }
    }

    /// The era of a session.
    pub(super) fn of_session(era: &Era) -> Self {
        match era {
            Era::Legacy(_) => Self::Legacy,
            Era::Modern(_) => Self::Modern,
        }
    }
}

impl Unspoken {
    /// What an error about it tells beside its message (2026-07-28, `UnsupportedProtocolVersionError`).
    pub(super) fn data(&self) -> String {
        format!(
            "{{\"supported\":[{}],\"requested\":{}}}",
            quoted(ProtocolVersion::LATEST.as_str()),
            quoted(&self.0)
        )
    }
}

/// Whether a request of the modern era says what the client can, as each must (2026-07-28, `_meta`).
pub(super) fn bears_capabilities(request: &Frame) -> bool {
    let capabilities = request.find(&["_meta", CAPABILITIES]).ok().flatten();
    capabilities.is_some_and(|capabilities| capabilities.starts_with('{'))
}

/// A request as a server of that era reads it.
pub(super) fn request(
    frame: Frame,
    from: Speech,
    to: Speech,
    log_level: Option<&str>,
) -> Result<Frame, SpliceError> {
    match (from, to) {
        (Speech::Legacy, Speech::Modern) => match log_level {
            // What the session itself adds is not repeated here.
            Some(level) => frame.with(
                &["_meta"],
                &[Put {
                    key: LOG_LEVEL,
                    value: level,
                    existing: Existing::Keep,
                }],
            ),
            None => Ok(frame),
        },
        (Speech::Modern, Speech::Legacy) => {
            let mut frame = frame;
            for key in [VERSION, CLIENT, CAPABILITIES, LOG_LEVEL] {
                frame = frame.without(&["_meta", key])?;
            }
            errands::taken_out(frame)
        }
        _ => Ok(frame),
    }
}

/// The answer to `method` as an agent of that era reads it.
pub(super) fn answer(
    frame: Frame,
    method: &str,
    from: Speech,
    to: Speech,
) -> Result<Frame, SpliceError> {
    if frame.kind() != Kind::Result {
        let is_missing = frame.kind() == Kind::Error
            && method == "resources/read"
            && (from, to) == (Speech::Legacy, Speech::Modern)
            && frame.find(&["code"])? == Some(NO_RESOURCE);
        if !is_missing {
            return Ok(frame);
        }
        let code = Put {
            key: "code",
            value: NO_PARAMS,
            existing: Existing::Replace,
        };
        return frame.with(&[], &[code]);
    }
    // What is no object bears nothing of either era: the answer to a method that is no part of the protocol.
    if !frame
        .payload()
        .is_some_and(|result| result.starts_with('{'))
    {
        return Ok(frame);
    }
    match (from, to) {
        (Speech::Modern, Speech::Legacy) => {
            let mut frame = frame;
            for key in ["resultType", "ttlMs", "cacheScope"] {
                frame = frame.without(&[key])?;
            }
            Ok(frame)
        }
        (Speech::Legacy, Speech::Modern) => {
            let put = |key, value| Put {
                key,
                value,
                existing: Existing::Keep,
            };
            let mut puts = vec![put("resultType", "\"complete\"")];
            if method == "resources/read" && !input::is_required(&frame) {
                // An older server says nothing of how long its words hold.
                puts.push(put("ttlMs", "0"));
                puts.push(put("cacheScope", "\"private\""));
            }
            frame.with(&[], &puts)
        }
        _ => Ok(frame),
    }
}

/// A notification as an agent of that era reads it.
pub(super) fn notification(frame: Frame, from: Speech, to: Speech) -> Result<Frame, SpliceError> {
    match (from, to) {
        (Speech::Modern, Speech::Legacy) => frame.without(&["_meta", SUBSCRIPTION]),
        _ => Ok(frame),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Frame {
        Frame::parse(text).unwrap()
    }

    #[test]
    fn a_request_tells_its_era() {
        let asking = |meta: &str| {
            frame(&format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"_meta":{{{meta}}}}}}}"#
            ))
        };
        let version = |version: &str| asking(&format!("\"{VERSION}\":{version}"));
        assert_eq!(Speech::of(&asking("")).unwrap(), Speech::Legacy);
        assert_eq!(
            Speech::of(&version("\"2026-07-28\"")).unwrap(),
            Speech::Modern
        );
        for unspoken in ["\"2025-11-25\"", "\"2099-01-01\"", "7"] {
            assert!(Speech::of(&version(unspoken)).is_err(), "{unspoken}");
        }
        let positional = frame(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}"#);
        assert_eq!(Speech::of(&positional).unwrap(), Speech::Legacy);
    }

    #[test]
    fn a_request_says_what_the_client_can() {
        let asking = |capabilities: &str| {
            bears_capabilities(&frame(&format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"_meta":{{{capabilities}}}}}}}"#
            )))
        };
        assert!(asking(&format!("\"{CAPABILITIES}\":{{}}")));
        assert!(!asking(&format!("\"{CAPABILITIES}\":7")) && !asking(""));
    }

    #[test]
    fn a_result_gains_and_loses_what_one_era_alone_knows() {
        let old = r#"{"jsonrpc":"2.0","id":1,"result":{"contents":[1.50]}}"#;
        let new = r#"{"jsonrpc":"2.0","id":1,"result":{"contents":[1.50],"resultType":"complete","ttlMs":0,"cacheScope":"private"}}"#;
        let to_new = answer(frame(old), "resources/read", Speech::Legacy, Speech::Modern);
        assert_eq!(to_new.unwrap().as_str(), new);
        let to_old = answer(frame(new), "resources/read", Speech::Modern, Speech::Legacy);
        assert_eq!(to_old.unwrap().as_str(), old);
        let same = answer(frame(new), "resources/read", Speech::Modern, Speech::Modern);
        assert_eq!(same.unwrap().as_str(), new);
    }

    #[test]
    fn a_result_that_is_no_object_is_the_same_in_both() {
        for result in ["[1]", "null", "\"x\"", "7"] {
            let said = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
            for (from, to) in [
                (Speech::Legacy, Speech::Modern),
                (Speech::Modern, Speech::Legacy),
            ] {
                let passed = answer(frame(&said), "future/method", from, to).unwrap();
                assert_eq!(passed.as_str(), said);
            }
        }
    }

    #[test]
    fn a_resource_that_is_missing_is_an_error_of_the_agents_era() {
        let old = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"x","data":{"uri":"a:b"}}}"#;
        let said = |method, to| answer(frame(old), method, Speech::Legacy, to).unwrap();
        assert_eq!(
            said("resources/read", Speech::Modern).as_str(),
            old.replace("-32002", "-32602")
        );
        assert_eq!(said("resources/read", Speech::Legacy).as_str(), old);
        assert_eq!(said("tools/call", Speech::Modern).as_str(), old);
    }

    #[test]
    fn a_request_loses_what_an_older_server_does_not_know() {
        let asked = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"a":1e400,"_meta":{{"{VERSION}":"2026-07-28","{CLIENT}":{{}},"traceparent":"x","{CAPABILITIES}":{{}}}}}}}}"#
        );
        let sent = request(frame(&asked), Speech::Modern, Speech::Legacy, None).unwrap();
        assert_eq!(
            sent.as_str(),
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1e400,"_meta":{"traceparent":"x"}}}"#
        );
    }
}
