//! The inputs of a server as fields of a form: of the one that adds it, and of the one that changes it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::fields::Fields;
use crate::catalog::{Input, InputKind, InputValue, Pattern};
use crate::orchestrator::config::Configured;
use crate::quadlet::value::Assignment;
use crate::secret::Secret;
use crate::text::one_line;

/// What fields of inputs begin with, and those of secrets.
const INPUT: &str = "in.";
const SECRET: &str = "secret.";

/// The field of an input.
pub(super) struct Field<'a> {
    name: &'a str,
    kind: InputKind,
    many: bool,
    secret: bool,
    required: bool,
    choices: &'a [String],
    default: Option<&'a InputValue>,
    example: Option<&'a str>,
    pattern: Option<&'a Pattern>,
    about: Option<&'a str>,
    /// What it has now, a value in each line; nothing of a secret.
    value: String,
    /// What stands in the empty field of a secret.
    kept: &'static str,
}

impl<'a> Field<'a> {
    /// The field of an input of a server that is to be added, with what was filled in.
    pub(super) fn of(input: &'a Input, fields: &Fields) -> Self {
        let name = input.path.as_str();
        let value = if input.secret {
            String::new()
        } else {
            let field = format!("{INPUT}{name}");
            fields.all(&field).collect::<Vec<_>>().join("\n")
        };
        Self {
            name,
            kind: input.kind,
            many: input.many,
            secret: input.secret,
            required: input.required,
            choices: &input.choices,
            default: input.default.as_ref(),
            example: input.example.as_deref(),
            pattern: input.pattern.as_ref(),
            about: input.description.as_deref().or(input.title.as_deref()),
            value,
            kept: "",
        }
    }

    /// The field of an input of an active server, with what it has.
    pub(super) fn configured(input: &'a Configured) -> Self {
        Self {
            name: &input.name,
            kind: input.kind,
            many: input.many,
            secret: input.secret,
            required: input.required,
            choices: &input.choices,
            default: input.default.as_ref(),
            example: None,
            pattern: input.pattern.as_ref(),
            about: input.description.as_deref(),
            value: input.values.join("\n"),
            kept: if input.set { "stored" } else { "not set" },
        }
    }

    /// The field by its kind, with its label and what there is to say about it.
    pub(super) fn shown(&self) -> Markup {
        let field = format!("{}{}", if self.secret { SECRET } else { INPUT }, self.name);
        let about = format!("{field}-about");
        let default = match self.default {
            Some(InputValue::One(value)) => value.clone(),
            Some(InputValue::Many(values)) => values.join("\n"),
            None => String::new(),
        };
        let hint = match self.example {
            Some(example) if default.is_empty() => example.to_owned(),
            _ => default,
        };
        html! {
            div.field {
                label for=(field) {
                    (self.name)
                    @if self.required { span.required { " (required)" } }
                }
                @if self.secret {
                    input id=(field) name=(field) type="password" placeholder=(self.kept) autocomplete="off" aria-describedby=(about);
                } @else if self.many || self.value.contains('\n') {
                    textarea id=(field) name=(field) rows=(self.value.lines().count().clamp(3, 8)) placeholder=(hint) spellcheck="false" aria-describedby=(about) { (self.value) }
                } @else if !self.choices.is_empty() || self.kind == InputKind::Boolean {
                    (self.choice(&field, &about, &hint))
                } @else {
                    input id=(field) name=(field) value=(self.value) placeholder=(one_line(&hint)) autocomplete="off" spellcheck="false"
                        inputmode=[numeric(self.kind)] aria-describedby=(about);
                }
                p.about id=(about) {
                    @if let Some(about) = self.about { (one_line(about)) " " }
                    @if self.many { "One in each line. " }
                    @if self.many && !self.choices.is_empty() { "Of " (one_line(&self.choices.join(", "))) ". " }
                    @if self.kind == InputKind::Path { "A file or folder of this host, from / on. " }
                    @if let Some(pattern) = self.pattern { "It matches " code { (pattern) } ". " }
                    @if self.secret { "It is encrypted, and never shown. One that is stored already counts if this stays empty." }
                    @else if let Some(example) = self.example { "For example " (one_line(example)) }
                }
            }
        }
    }

    fn choice(&self, field: &str, about: &str, hint: &str) -> Markup {
        let mut choices: Vec<&str> = self.choices.iter().map(String::as_str).collect();
        if choices.is_empty() {
            choices = vec!["true", "false"];
        }
        let value = self.value.as_str();
        // A value that its entry does not know any more stays until another is chosen.
        if !value.is_empty() && !choices.contains(&value) {
            choices.push(value);
        }
        html! {
            select id=(field) name=(field) aria-describedby=(about) {
                option value="" { @if hint.is_empty() { "not set" } @else { "not set: " (one_line(hint)) } }
                @for choice in choices { option value=(choice) selected[value == choice] { (one_line(choice)) } }
            }
        }
    }
}

fn numeric(kind: InputKind) -> Option<&'static str> {
    match kind {
        InputKind::Integer => Some("numeric"),
        InputKind::Number => Some("decimal"),
        InputKind::Text | InputKind::Boolean | InputKind::Path => None,
    }
}

/// The values of an input that were filled in, one in each line; nothing where the form has no field for it.
pub(super) fn values<'a>(fields: &'a Fields, name: &str) -> Option<Vec<&'a str>> {
    let field = format!("{INPUT}{name}");
    if !fields.has(&field) {
        return None;
    }
    let lines = fields.all(&field).flat_map(str::lines).map(str::trim);
    Some(lines.filter(|value| !value.is_empty()).collect())
}

/// A secret that was filled in.
pub(super) fn secret(fields: &Fields, name: &str) -> Option<Secret> {
    fields.secret(&format!("{SECRET}{name}"))
}

/// All values of inputs that were filled in.
pub(super) fn given(fields: &Fields) -> Vec<Assignment> {
    let names = fields.behind(INPUT).into_iter();
    let values = names.flat_map(|name| {
        let values = values(fields, name).unwrap_or_default().into_iter();
        values.map(move |value| Assignment::new(name, value))
    });
    values.collect()
}

/// All secrets that were filled in.
pub(super) fn secrets(fields: &Fields) -> BTreeMap<String, Option<Secret>> {
    let names = fields.behind(SECRET).into_iter();
    let secrets = names.filter_map(|name| Some((name.to_owned(), Some(secret(fields, name)?))));
    secrets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(kind: InputKind, values: &[&str], choices: &[&str]) -> Configured {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Configured {
            name: "x".to_owned(),
            kind,
            many: false,
            choices: texts(choices),
            pattern: None,
            values: texts(values),
            default: Some(InputValue::One("d".to_owned())),
            secret: false,
            set: true,
            required: true,
            declared: true,
            description: Some("What.".to_owned()),
        }
    }

    #[test]
    fn each_kind_has_its_field_with_what_it_has_now() {
        use InputKind::{Boolean, Integer, Text};
        for (input, shows) in [
            (
                configured(Text, &["a"], &[]),
                r#"<input id="in.x" name="in.x" value="a" placeholder="d""#,
            ),
            (configured(Integer, &["7"], &[]), r#"inputmode="numeric""#),
            (
                configured(Boolean, &["false"], &[]),
                r#"<option value="false" selected>"#,
            ),
            (
                configured(Text, &["b"], &["a", "b"]),
                r#"<option value="b" selected>"#,
            ),
            // What is not to be chosen any more is not lost either.
            (
                configured(Text, &["c"], &["a", "b"]),
                r#"<option value="c" selected>"#,
            ),
            (
                configured(Text, &[], &["a", "b"]),
                r#"<option value="">not set: d</option>"#,
            ),
            (configured(Text, &["a", "b"], &[]), ">a\nb</textarea>"),
        ] {
            let shown = Field::configured(&input).shown().into_string();
            assert!(shown.contains(shows), "{shown}");
            assert!(
                shown.contains("What.") && shown.contains("(required)"),
                "{shown}"
            );
        }
    }

    #[test]
    fn nothing_of_a_secret_is_shown_and_whether_there_is_one_is() {
        let mut input = configured(InputKind::Text, &[], &[]);
        input.secret = true;
        let shown = Field::configured(&input).shown().into_string();
        assert!(
            shown.contains(r#"name="secret.x" type="password" placeholder="stored""#),
            "{shown}"
        );
    }

    #[test]
    fn what_is_filled_in_is_read_by_its_name() {
        let uri = "/?in.a=1%0D%0A+2+%0D%0A&in.b=&secret.k=+s+&secret.none=&other=x";
        let fields = Fields::of(&uri.parse().unwrap());
        let given = given(&fields);
        let given: Vec<_> = given
            .iter()
            .map(|one| (one.name.as_str(), one.value.as_str()))
            .collect();
        assert_eq!(given, [("a", "1"), ("a", "2")]);
        assert_eq!(values(&fields, "b"), Some(vec![]));
        assert_eq!(values(&fields, "c"), None);
        let secrets = secrets(&fields);
        assert_eq!(secrets.keys().collect::<Vec<_>>(), ["k"]);
        // Character by character.
        assert_eq!(secret(&fields, "k").unwrap().expose(), " s ");
    }
}
