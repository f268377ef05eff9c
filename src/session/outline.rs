//! The outline of a message that cannot be read whole: which call it answers.
//!
//! A message that is too large to be held, or is broken JSON (Python's `NaN`), would leave its call waiting
//! until the time limit. So its bytes are walked as they go by, and the id at the top is picked out of them.
//! Servers built on the TypeScript SDK write it behind the result, so the beginning alone does not do.

use super::id::Id;

/// The longest id or key that is kept, in bytes.
const KEPT: usize = 128;

/// A walk over the bytes of one message, in as many pieces as they come in.
#[derive(Debug, Default)]
pub struct Outline {
    /// How many brackets are open.
    depth: usize,
    /// Inside a string, and whether the byte before was a backslash.
    string: Option<Escape>,
    /// The key or value being read at the top of the message.
    token: Vec<u8>,
    /// Whether the token outgrew [`KEPT`].
    overlong: bool,
    /// What the member being read at the top of the message is.
    member: MemberKind,
    /// Whether its colon has gone by.
    in_value: bool,
    id: Found,
    /// Whether there is a `method` at the top: then it answers no call.
    has_method: bool,
}

/// Whether the next byte of a string is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    No,
    Yes,
}

/// The members at the top that matter.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum MemberKind {
    Id,
    Method,
    #[default]
    Other,
}

/// The id seen so far.
#[derive(Debug, Default)]
enum Found {
    #[default]
    Nothing,
    One(Id),
    /// Two ids, or one that is none.
    Unclear,
}

impl Outline {
    /// Walks over the next bytes of the message.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match self.string {
                Some(Escape::Yes) => self.string = Some(Escape::No),
                Some(Escape::No) if byte == b'\\' => self.string = Some(Escape::Yes),
                Some(Escape::No) if byte == b'"' => self.string = None,
                Some(Escape::No) => {}
                None => self.structure(byte),
            }
            if self.depth == 1 {
                self.keep(byte);
            }
        }
    }

    /// The id of the call that the message answers, if it is an answer with one id.
    pub fn answers(&self) -> Option<&Id> {
        match &self.id {
            Found::One(id) if !self.has_method => Some(id),
            _ => None,
        }
    }

    /// The id of the request that the message is, if it has one id and a method.
    pub fn asks(&self) -> Option<&Id> {
        match &self.id {
            Found::One(id) if self.has_method => Some(id),
            _ => None,
        }
    }

    /// Takes a byte outside of strings.
    fn structure(&mut self, byte: u8) {
        match byte {
            b'"' => self.string = Some(Escape::No),
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                if self.depth == 1 {
                    self.member_ends();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if self.depth == 1 && !self.in_value => {
                self.member = match self.token.trim_ascii() {
                    _ if self.overlong => MemberKind::Other,
                    b"\"id\"" => MemberKind::Id,
                    b"\"method\"" => MemberKind::Method,
                    _ => MemberKind::Other,
                };
                self.in_value = true;
                self.clear_token();
            }
            b',' if self.depth == 1 => self.member_ends(),
            _ => {}
        }
    }

    /// Keeps a byte of the key or value, but for the marks around it.
    fn keep(&mut self, byte: u8) {
        let mark = self.string.is_none() && matches!(byte, b'{' | b'[' | b':' | b',');
        if mark {
            return;
        }
        if self.token.len() < KEPT {
            self.token.push(byte);
        } else {
            self.overlong = true;
        }
    }

    /// Notes what the member that ends here said.
    fn member_ends(&mut self) {
        if self.in_value {
            match self.member {
                MemberKind::Id => self.id = self.found(),
                MemberKind::Method => self.has_method = true,
                MemberKind::Other => {}
            }
        }
        self.member = MemberKind::Other;
        self.in_value = false;
        self.clear_token();
    }

    /// What the id that ends here adds to the one seen before.
    fn found(&self) -> Found {
        let text = std::str::from_utf8(self.token.trim_ascii()).ok();
        match (&self.id, text.and_then(Id::from_json)) {
            (Found::Nothing, Some(id)) if !self.overlong => Found::One(id),
            _ => Found::Unclear,
        }
    }

    fn clear_token(&mut self) {
        self.token.clear();
        self.overlong = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> Outline {
        let mut outline = Outline::default();
        outline.feed(text.as_bytes());
        outline
    }

    fn answers(text: &str) -> Option<String> {
        outline(text).answers().map(ToString::to_string)
    }

    #[test]
    fn the_id_is_found_wherever_it_stands() {
        for text in [
            r#"{"jsonrpc":"2.0","id":7,"result":{"id":8,"x":[{"id":9}]}}"#,
            r#"{"result":{"id":8,"method":"x"},"jsonrpc":"2.0","id":7}"#,
            r#"{ "result" : "\",\"id\":8", "id" : 7 }"#,
            r#"{"id":7,"result":{"x":NaN}}"#,
            r#"{"id":7,"result":{"x":"cut off"#,
        ] {
            assert_eq!(answers(text).as_deref(), Some("7"), "{text}");
        }
        assert_eq!(
            answers(r#"{"result":{},"id":"a,\"}b"}"#).as_deref(),
            Some(r#""a,\"}b""#)
        );
    }

    #[test]
    fn an_id_that_is_unclear_is_none() {
        for text in [
            r#"{"id":7,"id":8,"result":{}}"#,
            r#"{"id":null,"result":{}}"#,
            r#"{"id":{"a":1},"result":{}}"#,
            r#"{"id":7,"method":"ping"}"#,
            r#"[{"id":7,"result":{}}]"#,
            "",
            "}}}{{{",
            "no json",
            "\"id\":7",
        ] {
            assert_eq!(answers(text), None, "{text}");
        }
        let asked = outline(r#"{"params":{"id":1},"method":"ping","id":7}"#);
        assert_eq!(asked.asks().map(Id::as_json), Some("7"));
        assert_eq!(
            answers(&format!(r#"{{"id":"{}","result":{{}}}}"#, "x".repeat(KEPT))),
            None
        );
    }

    #[test]
    fn pieces_do_not_matter() {
        let text = r#"{"result":{"a":"\\\"{["},"jsonrpc":"2.0","id":"seven"}"#;
        for cut in 0..text.len() {
            let mut outline = Outline::default();
            outline.feed(&text.as_bytes()[..cut]);
            outline.feed(&text.as_bytes()[cut..]);
            assert_eq!(outline.answers().map(Id::as_json), Some("\"seven\""));
        }
    }
}
