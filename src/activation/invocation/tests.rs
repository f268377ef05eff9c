//! The forms of templates that catalogs use, worked out as formats say.

mod arguments;
mod mounts;

use proptest::prelude::*;

use super::*;
use crate::catalog::{
    Arg, Artifact, EnvVar, Input, InputKind, InputPath, InputValue, LaunchOption, Network, Pattern,
    Run, Syntax, Transport, Trust,
};

/// A launch option in the making.
#[derive(Debug, Clone, Default)]
struct Made {
    inputs: Vec<Input>,
    args: Vec<Arg>,
    env: Vec<EnvVar>,
    mounts: Vec<Mount>,
    choices: Choices,
}

fn input(path: &str) -> Input {
    Input {
        path: path.parse().unwrap(),
        kind: InputKind::Text,
        many: false,
        secret: false,
        required: false,
        default: None,
        example: None,
        choices: Vec::new(),
        pattern: None,
        title: None,
        description: None,
    }
}

impl Made {
    fn input(mut self, path: &str, change: impl FnOnce(&mut Input)) -> Self {
        let mut made = input(path);
        change(&mut made);
        self.inputs.push(made);
        self
    }

    fn arg(mut self, text: &str) -> Self {
        let template = Template::parse(text, Syntax::DoubleBracesAndDollars);
        self.args.push(Arg::Positional(template));
        self
    }

    fn named(mut self, name: &str, text: &str) -> Self {
        self.args.push(Arg::Named {
            name: name.to_owned(),
            value: Template::parse(text, Syntax::SingleBraces),
        });
        self
    }

    fn env(mut self, name: &str, text: &str) -> Self {
        let syntax = if text.contains("{{") {
            Syntax::DoubleBraces
        } else {
            Syntax::Dollars
        };
        self.env.push(EnvVar {
            name: name.to_owned(),
            value: Template::parse(text, syntax),
        });
        self
    }

    fn mount(mut self, text: &str) -> Self {
        self.mounts.push(Mount::parse(text).unwrap());
        self
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.choices.inputs.push(Assignment::new(name, value));
        self
    }

    fn secret(mut self, name: &str, value: &str) -> Self {
        let value = Some(value.into());
        self.choices.secrets.insert(name.to_owned(), value);
        self
    }

    fn work_out(self) -> Result<Invocation, PlanError> {
        let Self {
            inputs,
            args,
            env,
            mounts,
            choices,
        } = self;
        let option = LaunchOption {
            trust: Trust::Declared,
            inputs,
            run: Run::Local(Box::new(Local {
                artifact: Artifact::Image("x".parse().unwrap()),
                transport: Transport::Stdio,
                args,
                env,
                mounts,
                user: None,
                network: Network::None,
            })),
        };
        let Run::Local(local) = &option.run else {
            panic!("it is local");
        };
        let secrets = with_values(&choices.secrets);
        let inputs = Inputs::new("test:x", &option, &choices.inputs, &secrets)?;
        inputs.require("test:x")?;
        Invocation::new("test:x", &"x".parse().unwrap(), local, &inputs, &choices)
    }

    #[track_caller]
    fn ok(self) -> Invocation {
        self.work_out().unwrap()
    }
}

fn paths(input: &mut Input) {
    (input.kind, input.many) = (InputKind::Path, true);
}

fn secret(input: &mut Input) {
    input.secret = true;
}

fn env(invocation: &Invocation) -> Vec<(&str, &str)> {
    invocation
        .environment
        .iter()
        .map(|variable| (variable.name.as_str(), variable.value.as_str()))
        .collect()
}

#[test]
fn variables_refer_to_earlier_ones_and_never_to_the_host() {
    let made = Made::default()
        .input("a", |_| {})
        .input("b", |input| {
            input.default = Some(InputValue::One("dflt".to_owned()));
        })
        .env("A", "{{a}}")
        .env("B", "{{b}}")
        .env("C", "$B and ${LATER} and $HOME")
        .env("LATER", "x");
    let expected = [("B", "dflt"), ("C", "dflt and  and "), ("LATER", "x")];
    assert_eq!(env(&made.clone().ok()), expected);
    // An empty value takes the place of a default only as nothing does.
    assert_eq!(env(&made.set("b", "").ok()), expected);
}

#[test]
fn whatever_refers_to_a_secret_is_one() {
    let made = || {
        Made::default()
            .input("token", secret)
            .env("TOKEN", "{{token}}")
            .env("HEADERS", r#"{"a": "Bearer $TOKEN"}"#)
            .env("PLAIN", "x")
            .secret("token", "hunter2")
    };
    let invocation = made().ok();
    assert_eq!(env(&invocation), [("PLAIN", "x")]);
    let stored: Vec<(&str, &str)> = invocation
        .secrets
        .iter()
        .map(|secret| (secret.name.as_str(), secret.value.expose()))
        .collect();
    let rendered = r#"{"a": "Bearer hunter2"}"#;
    assert_eq!(
        stored,
        [("mcpod-x_token", "hunter2"), ("mcpod-x_.HEADERS", rendered)]
    );
    let variables: Vec<(&str, &str)> = invocation
        .secret_variables
        .iter()
        .map(|secret| (secret.variable.as_str(), secret.secret.as_str()))
        .collect();
    assert_eq!(
        variables,
        [("TOKEN", "mcpod-x_token"), ("HEADERS", "mcpod-x_.HEADERS")]
    );
    assert!(!format!("{invocation:?}").contains("hunter2"));

    // In arguments everybody could read it: left out where the variable has it as well, refused elsewhere.
    let left_out = made()
        .arg("run")
        .arg("--auth-token")
        .arg("$TOKEN")
        .arg("--t=$TOKEN")
        .ok();
    assert_eq!(left_out.args, ["run"]);
    for made in [
        made().arg("Bearer $TOKEN"),
        made().named("--token", "{token}"),
        made().arg("{{token}}"),
        made().mount("{{token}}:/x"),
    ] {
        assert!(matches!(
            made.work_out(),
            Err(PlanError::SecretExposed { .. })
        ));
    }
    // In clear it is refused, under each of its names.
    for made in [
        Made::default().input("token", secret).set("token", "x"),
        Made {
            choices: Choices {
                environment: vec![Assignment::new("TOKEN", "x")],
                ..made().choices
            },
            ..made()
        },
    ] {
        assert!(matches!(
            made.work_out(),
            Err(PlanError::Input(InputError::SecretInClear { .. }))
        ));
    }
}

#[test]
fn a_secret_can_be_given_to_any_variable_or_input() {
    let invocation = Made::default()
        .input("dsn", |_| {})
        .env("DSN", "{{dsn}}")
        .secret("dsn", "postgres://u:p@h/")
        .secret("MY_TOKEN", "t")
        .ok();
    assert_eq!(env(&invocation), []);
    assert_eq!(invocation.secret_variables.len(), 2);
    let mut choices = Choices::default();
    choices.secrets.insert("MY_TOKEN".to_owned(), None);
    let without = Made {
        choices,
        ..Made::default()
    };
    assert!(matches!(
        without.work_out(),
        Err(PlanError::Input(InputError::Missing { .. }))
    ));
}

#[test]
fn values_are_checked_and_what_is_missing_is_named_with_its_kind() {
    let made = Made::default()
        .input("n", |input| {
            (input.kind, input.required) = (InputKind::Integer, true);
        })
        .input("on", |input| input.kind = InputKind::Boolean)
        .input("x", |input| input.kind = InputKind::Number)
        .input("paths", |input| {
            paths(input);
            input.required = true;
        })
        .input("which", |input| {
            input.choices = vec!["a".to_owned(), "b".to_owned()];
        })
        .input("url", |input| {
            input.pattern = Some(Pattern::new("^https?://").unwrap());
        })
        .input("key", |input| {
            (input.secret, input.required) = (true, true);
            input.pattern = Some(Pattern::new("^k").unwrap());
        });
    let missing = made.clone().work_out().unwrap_err();
    assert_eq!(
        missing.to_string(),
        "test:x needs n (a whole number), paths (one or more, each an absolute path without a colon), key (a secret)"
    );
    assert_eq!(
        missing.hint().unwrap(),
        "give them with --set n=VALUE --set paths=VALUE --secret key=@FILE"
    );
    let full = made.set("n", "1").set("paths", "/a").secret("key", "k");
    for (name, good, bad) in [
        ("n", "-7", "1.5"),
        ("on", "true", "yes"),
        ("x", "1.5", "inf"),
        ("paths", "/x y", "x"),
        ("paths", "/x", "/x:/y"),
        ("which", "b", "c"),
        ("which", "a", "a\n"),
        ("paths", "/x", "/\u{202e}"),
        ("url", "http://x", "x"),
    ] {
        full.clone().set(name, good).ok();
        let refused = full.clone().set(name, bad).work_out();
        assert!(
            matches!(refused, Err(PlanError::Input(_))),
            "{name}={bad}: {refused:?}"
        );
    }
    let other = full.clone().secret("key", "sesame").work_out().unwrap_err();
    assert_eq!(other.to_string(), "key takes what matches ^k");
    let unknown = full.set("nope", "1").work_out();
    assert!(matches!(
        unknown,
        Err(PlanError::Input(InputError::Unknown { .. }))
    ));
}

/// Text that is likely to be nearly a template, or nearly an option.
fn nearly() -> impl Strategy<Value = String> {
    let filter =
        "(\\|(volume|volume-target|into|or:x|or:\\[a,b\\]|first|last|mount_as:/m:ro|odd)){0,3}";
    let piece = prop_oneof![
        filter.prop_map(|filters: String| format!("{{{{a{filters}}}}}")),
        Just("{{b}}".to_owned()),
        Just("$HOME".to_owned()),
        Just("${SECRET}".to_owned()),
        Just(":/x".to_owned()),
        "[-/a:]{0,4}",
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_template_and_no_value_panics_leaks_or_becomes_an_option(
        texts in prop::collection::vec(nearly(), 1..4),
        mounts in prop::collection::vec(nearly(), 0..3),
        values in prop::collection::vec(prop_oneof!["-{0,2}[a-z:/]{0,5}", any::<String>()], 0..3),
        // Of a form that no entry here writes, so that it is known whose a word is.
        option in prop::option::of("-{1,2}7[a-z]{0,3}"),
    ) {
        let mut made = Made::default()
            .input("a", |input| input.many = true)
            .input("b", |_| {})
            .input("s", secret)
            .env("SECRET", "{{s}}")
            .secret("s", "hunter2");
        for (at, text) in texts.iter().enumerate() {
            made = made.arg(text).env(&format!("V{at}"), text);
        }
        made.mounts = mounts.iter().filter_map(|text| Mount::parse(text).ok()).collect();
        for value in values.iter().chain(&option) {
            made = made.set("a", value);
        }
        if let Ok(invocation) = made.work_out() {
            let shown = format!("{invocation:?}");
            prop_assert!(!shown.contains("hunter2"));
            for word in &invocation.args {
                prop_assert!(!option.as_ref().is_some_and(|option| word.starts_with(option)), "{word}");
            }
            if let Ok(home) = std::env::var("HOME") {
                let given = |text: &str| texts.iter().chain(&values).any(|t| t.contains(text));
                for variable in &invocation.environment {
                    prop_assert!(home.len() < 3 || given(&home) || !variable.value.contains(&home));
                }
            }
            for bind in &invocation.binds {
                prop_assert!(bind.source.starts_with('/') && bind.target.starts_with('/'));
                prop_assert!(values.iter().any(|value| bind.source.starts_with(value.as_str())));
            }
        }
    }
}

#[test]
fn every_input_path_makes_another_secret() {
    let name: ServerName = "x".parse().unwrap();
    let path: InputPath = "VAR".parse().unwrap();
    assert_ne!(name.secret(path.as_str()), name.secret(".VAR"));
    assert!(".VAR".parse::<InputPath>().is_err());
}

#[test]
fn a_value_that_means_the_container_itself_is_known() {
    for (value, is) in [
        ("localhost", true),
        ("http://LocalHost:3000/x", true),
        ("postgres://u@127.0.0.1/db", true),
        ("redis://host.docker.internal", true),
        ("localhosts", false),
        ("my.localhost.example", false),
        ("1127.0.0.1", false),
        ("", false),
    ] {
        assert_eq!(
            crate::activation::inputs::names_localhost(value),
            is,
            "{value}"
        );
    }
}
