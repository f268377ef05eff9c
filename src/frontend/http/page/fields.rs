//! What a browser sends: the fields of an address and of a form.

use std::time::Duration;

use axum::body::Body;
use axum::http::Uri;

use crate::frontend::http::body::{Unread, read};
use crate::secret::Secret;

/// The longest form, in bytes: values may be documents that a tool takes.
const FORM_MAX: usize = 4 << 20;

/// Fields with their values, in the order in which they came.
#[derive(Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets.
        let names = self.0.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

impl Fields {
    /// Those of an address.
    pub(super) fn of(uri: &Uri) -> Self {
        Self::parse(uri.query().unwrap_or_default().as_bytes())
    }

    /// Those of a form that was sent, each part of which may take so long to come.
    pub(super) async fn read(body: Body, patience: Duration) -> Result<Self, Unread> {
        let bytes = read(body, FORM_MAX, patience).await?;
        Ok(Self::parse(&bytes))
    }

    fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The value of a field without the white space around it; empty where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.first(name).trim()
    }

    fn first(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(field, _)| field == name);
        field.map_or("", |(_, value)| value)
    }

    /// The value of a field that says something.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// All values of a field.
    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let fields = self.0.iter().filter(move |(field, _)| field == name);
        fields.map(|(_, value)| value.as_str())
    }

    /// The value of a field, character by character, kept as what it is.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        let value = self.first(name);
        // What a browser adds to the end of a pasted line is not part of it.
        let value = value.trim_end_matches(['\r', '\n']);
        (!value.is_empty()).then(|| Secret::from(value))
    }

    /// The names that begin with this, without it, each once.
    pub(super) fn behind<'a>(&'a self, prefix: &'a str) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &self.0 {
            if let Some(name) = name.strip_prefix(prefix)
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }

    /// Whether a box is ticked.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }
}

/// An address with fields: `path?name=value&…`, relative as all addresses of the page are.
pub(super) fn address(path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        query.append_pair(name, value);
    }
    format!("{path}?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_browsers_write_them() {
        let uri = "/?q=time+zones&tag=a&tag=b%26c&on=&in.x=1&in.y=2&in.x=3"
            .parse()
            .unwrap();
        let fields = Fields::of(&uri);
        assert_eq!(fields.get("q"), "time zones");
        assert_eq!(fields.all("tag").collect::<Vec<_>>(), ["a", "b&c"]);
        assert!(fields.has("on") && fields.given("on").is_none());
        assert_eq!(fields.behind("in."), ["x", "y"]);
        assert_eq!(fields.get("nothing"), "");
    }

    #[test]
    fn an_address_brings_back_what_was_put_into_it() {
        let hostile = "a&b=c d\"<>#?/\u{202e}ä%";
        let uri = format!("/{}", address("server", &[("name", hostile)]));
        let fields = Fields::of(&uri.parse().unwrap());
        assert_eq!(fields.all("name").next(), Some(hostile));
    }

    #[test]
    fn nothing_shows_values() {
        let fields = Fields::parse(b"secret=hunter2");
        assert!(!format!("{fields:?}").contains("hunter2"));
        assert_eq!(fields.secret("secret").unwrap().expose(), "hunter2");
    }
}
