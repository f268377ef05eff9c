//! From text to the parts of a template.

use super::{Filter, Part, Syntax};
use crate::catalog::input::InputPath;

/// The most bytes between the braces of a reference. A bound, so that hostile text cannot make parsing quadratic;
/// the longest reference in the public catalogs has 70.
const REFERENCE_MAX: usize = 512;

/// The parts of `text`. Never fails: what is no reference is literal.
pub(super) fn parts(text: &str, syntax: Syntax) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((part, behind)) = reference(rest, syntax) {
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(part);
            rest = behind;
        } else {
            literal.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    parts
}

/// The reference that `text` begins with, and the text behind it.
fn reference(text: &str, syntax: Syntax) -> Option<(Part, &str)> {
    match syntax {
        Syntax::DoubleBraces => double_braces(text),
        Syntax::DoubleBracesAndDollars => double_braces(text).or_else(|| dollar(text)),
        Syntax::Dollars => dollar(text),
        Syntax::SingleBraces => single_braces(text),
    }
}

/// `{{path|filter|filter}}`, blanks around each of them allowed.
fn double_braces(text: &str) -> Option<(Part, &str)> {
    let (inside, behind) = up_to("}}", text.strip_prefix("{{")?)?;
    let mut pieces = inside.split('|').map(str::trim);
    let path = pieces.next()?.parse().ok()?;
    let filters = pieces.map(Filter::parse).collect();
    Some((Part::Input { path, filters }, behind))
}

/// `{name}`. Braces around anything else, JSON for one, stay text.
fn single_braces(text: &str) -> Option<(Part, &str)> {
    let (inside, behind) = up_to("}", text.strip_prefix('{')?)?;
    let path: InputPath = inside.parse().ok()?;
    let filters = Vec::new();
    Some((Part::Input { path, filters }, behind))
}

/// `$NAME` or `${NAME}`, with names as POSIX has them (Base Definitions, 3.216).
fn dollar(text: &str) -> Option<(Part, &str)> {
    let text = text.strip_prefix('$')?;
    let (name, behind) = if let Some(braced) = text.strip_prefix('{') {
        up_to("}", braced)?
    } else {
        let end = text.find(|c| !is_name_character(c)).unwrap_or(text.len());
        text.split_at_checked(end)?
    };
    let first_is_legal = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (first_is_legal && name.chars().all(is_name_character))
        .then(|| (Part::Variable(name.to_owned()), behind))
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The text before and behind the first `end`, if it comes soon enough.
fn up_to<'t>(end: &str, text: &'t str) -> Option<(&'t str, &'t str)> {
    let mut windows = text.as_bytes().windows(end.len()).take(REFERENCE_MAX);
    let at = windows.position(|window| window == end.as_bytes())?;
    let (before, behind) = text.split_at_checked(at)?;
    Some((before, behind.strip_prefix(end)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::input::InputValue;
    use crate::catalog::template::Template;

    const SYNTAXES: [Syntax; 4] = [
        Syntax::DoubleBraces,
        Syntax::DoubleBracesAndDollars,
        Syntax::Dollars,
        Syntax::SingleBraces,
    ];

    fn text(text: &str) -> Part {
        Part::Literal(text.to_owned())
    }

    fn input(path: &str, filters: &[Filter]) -> Part {
        Part::Input {
            path: path.parse().unwrap(),
            filters: filters.to_vec(),
        }
    }

    fn variable(name: &str) -> Part {
        Part::Variable(name.to_owned())
    }

    #[track_caller]
    fn check(syntax: Syntax, source: &str, expected: &[Part]) {
        assert_eq!(parts(source, syntax), expected, "{source:?}");
    }

    #[test]
    fn double_braces_name_inputs_and_filters() {
        let check = |source, expected: &[Part]| check(Syntax::DoubleBraces, source, expected);
        check("{{port}}", &[input("port", &[])]);
        check("{{ jira.url }}", &[input("jira.url", &[])]);
        check("{{gadget-images}}", &[input("gadget-images", &[])]);
        check(
            "{{p.data}}:{{p.data}}",
            &[input("p.data", &[]), text(":"), input("p.data", &[])],
        );
        check(
            "{{path|volume-target}}:/src",
            &[input("path", &[Filter::VolumeTarget]), text(":/src")],
        );
        let none = Filter::Or(InputValue::Many(Vec::new()));
        check(
            "{{path|or:[]|volume|into}}",
            &[input("path", &[none, Filter::Volume, Filter::Into])],
        );
        let two = Filter::Or(InputValue::Many(vec!["a".to_owned(), "b".to_owned()]));
        check(
            "{{x|first|last|or:[a, b]}}",
            &[input("x", &[Filter::First, Filter::Last, two])],
        );
        let mount = |read_only| Filter::MountAs {
            target: "/data".to_owned(),
            read_only,
        };
        check("{{x|mount_as:/data:ro}}", &[input("x", &[mount(true)])]);
        check(
            "{{x|mount_as:/data|shout}}",
            &[input(
                "x",
                &[mount(false), Filter::Unknown("shout".to_owned())],
            )],
        );
    }

    #[test]
    fn what_is_no_reference_is_text() {
        for (syntax, source) in [
            (Syntax::DoubleBraces, "{{}}"),
            (Syntax::DoubleBraces, "{{ not a path }}"),
            (Syntax::DoubleBraces, "{{open"),
            (Syntax::DoubleBraces, "{single} $DOLLAR"),
            (
                Syntax::Dollars,
                "costs 5$ or $5 or $$ or ${} or ${A-b} or {{x}}",
            ),
            (Syntax::SingleBraces, r#"{"json": 1} {} {a b} $X"#),
        ] {
            check(syntax, source, &[text(source)]);
        }
        check(
            Syntax::DoubleBraces,
            "{{a {{b}}",
            &[text("{{a "), input("b", &[])],
        );
        check(Syntax::DoubleBraces, "", &[]);
    }

    #[test]
    fn dollars_name_variables() {
        let both = Syntax::DoubleBracesAndDollars;
        check(
            Syntax::Dollars,
            "Bearer ${TOKEN}",
            &[text("Bearer "), variable("TOKEN")],
        );
        let json = [text(r#"{"a": "Bearer "#), variable("TOKEN"), text(r#""}"#)];
        check(Syntax::Dollars, r#"{"a": "Bearer $TOKEN"}"#, &json);
        check(
            both,
            "{{x}}=$Y",
            &[input("x", &[]), text("="), variable("Y")],
        );
    }

    #[test]
    fn single_braces_name_inputs() {
        let expected = [text("Bearer "), input("mia-platform-client-id", &[])];
        check(
            Syntax::SingleBraces,
            "Bearer {mia-platform-client-id}",
            &expected,
        );
        let expected = [text("http://127.0.0.1:"), input("port", &[]), text("/mcp")];
        check(
            Syntax::SingleBraces,
            "http://127.0.0.1:{port}/mcp",
            &expected,
        );
    }

    #[test]
    fn a_template_that_is_one_input_says_so() {
        let path: InputPath = "jira.url".parse().unwrap();
        let parsed = Template::parse("{{jira.url}}", Syntax::DoubleBraces);
        assert_eq!(parsed, Template::input(path.clone()));
        assert_eq!(parsed.whole_input(), Some(&path));
        for text in ["", "x", "x{{a}}", "{{a|into}}", "{{a}}{{b}}"] {
            let template = Template::parse(text, Syntax::DoubleBraces);
            assert_eq!(template.whole_input(), None, "{text:?}");
        }
    }

    #[test]
    fn a_flood_of_braces_is_parsed_in_time() {
        let flood = "{{".repeat(200_000);
        assert_eq!(parts(&flood, Syntax::DoubleBraces), [text(&flood)]);
    }

    /// Text that is likely to be nearly a reference.
    fn nearly() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{{".to_owned()),
            Just("}}".to_owned()),
            Just("${".to_owned()),
            "[{}$|:. a-c\\[\\]]{0,4}",
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn every_text_is_a_template_in_normal_form(source in nearly()) {
            for syntax in SYNTAXES {
                let template = Template::parse(&source, syntax);
                prop_assert_eq!(template.text(), &source);
                let literals: Vec<_> = template.parts().iter().map(|p| matches!(p, Part::Literal(_))).collect();
                prop_assert!(!literals.windows(2).any(|pair| pair[0] && pair[1]));
                prop_assert!(!template.parts().contains(&text("")));
                let is_literal = template.inputs().next().is_none() && template.variables().next().is_none();
                prop_assert_eq!(template.literal(), is_literal.then_some(source.as_str()));
            }
        }

        #[test]
        fn references_between_texts_are_found(
            pieces in prop::collection::vec(("[^{}$]{0,9}", "[a-z][a-z0-9_]{0,9}"), 0..6),
            end in "[^{}$]{1,9}",
        ) {
            for (syntax, open, close) in [
                (Syntax::DoubleBraces, "{{", "}}"),
                (Syntax::DoubleBracesAndDollars, "{{", "}}"),
                (Syntax::Dollars, "${", "}"),
                (Syntax::SingleBraces, "{", "}"),
            ] {
                let mut source = String::new();
                let mut expected = Vec::new();
                for (before, name) in &pieces {
                    source.extend([before, open, name, close]);
                    if !before.is_empty() {
                        expected.push(text(before));
                    }
                    expected.push(if open == "${" { variable(name) } else { input(name, &[]) });
                }
                source += &end;
                expected.push(text(&end));
                prop_assert_eq!(parts(&source, syntax), expected);
            }
        }
    }
}
