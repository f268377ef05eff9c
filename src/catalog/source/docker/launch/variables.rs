//! What a server is told in its environment, and a remote one in its headers: secrets, variables, and the inputs they take
//! their values from.

use super::Builder;
use crate::catalog::input::InputValue;
use crate::catalog::launch::EnvVar;
use crate::catalog::source::docker::yaml::{Env, Secret};
use crate::catalog::source::{is_secret_name, is_variable_name};
use crate::catalog::template::{Part, Syntax, Template};

impl Builder<'_> {
    /// Declares a secret, and the variable that it is given in.
    pub(super) fn secret(&mut self, secret: &Secret) {
        let Secret {
            name,
            env,
            example,
            description,
            required,
        } = secret;
        let alternatives = self
            .config
            .parameters
            .as_ref()
            .is_some_and(|schema| schema.any_of.is_some());
        let path = self.path(name, env.as_deref().unwrap_or(name));
        let Some(path) = path else {
            return self.warn(&format!("config.secrets: {name:?} names no input"));
        };
        let input = self.inputs.of(&path);
        input.secret = true;
        input.required = required.unwrap_or(!alternatives);
        input.default = None;
        input.example.clone_from(example);
        input.description = input.description.take().or_else(|| description.clone());
        match env {
            Some(env) => self.set(env, Template::input(path)),
            None => self.warn(&format!(
                "config.secrets: {name:?} is handed over in no variable"
            )),
        }
    }

    /// Sets a variable. One without a value is what the user supplies.
    pub(super) fn variable(&mut self, variable: &Env) {
        let Env {
            name,
            real_name,
            value,
            example,
            description,
            default,
            required,
        } = variable;
        let real = real_name.as_deref().unwrap_or(name);
        let value = match value {
            Some(value) => self.value(value),
            None => match self.path(&real.to_lowercase(), name) {
                Some(path) => {
                    let declared = self.inputs.has(&path);
                    let input = self.inputs.of(&path);
                    input.required = required.unwrap_or(input.required || !declared);
                    Template::input(path)
                }
                None => return self.warn(&format!("config.env: {name:?} names no input")),
            },
        };
        if let Some(path) = value.whole_input() {
            let input = self.inputs.of(path);
            input.secret |= is_secret_name(real);
            input.example = input.example.take().or_else(|| example.clone());
            input.description = input.description.take().or_else(|| description.clone());
            let default = default.clone().map(InputValue::One);
            input.default = input.default.take().or(default);
        }
        self.set(real, value);
    }

    pub(super) fn set(&mut self, name: &str, value: Template) {
        if !is_variable_name(name) {
            self.warn(&format!("{name:?} is no name of a variable"));
        } else if self.env.iter().any(|variable| variable.name == name) {
            self.warn(&format!(
                "variable {name} is set twice, the first value counts"
            ));
        } else {
            let name = name.to_owned();
            self.env.push(EnvVar { name, value });
        }
    }

    /// A variable's value: with braces a template, without them it may refer to other variables.
    pub(super) fn value(&self, text: &str) -> Template {
        if text.contains("{{") {
            self.template(text, Syntax::DoubleBraces)
        } else {
            self.template(text, Syntax::Dollars)
        }
    }

    /// A header's value. It refers to secrets by the variables that a local server would get them in.
    pub(super) fn header(&mut self, text: &str) -> Template {
        let mut rewritten = String::new();
        for part in Template::parse(text, Syntax::Dollars).parts() {
            let Part::Variable(name) = part else {
                if let Part::Literal(literal) = part {
                    rewritten.push_str(literal);
                }
                continue;
            };
            let known = self.env.iter().find(|variable| variable.name == *name);
            let path = match known.and_then(|variable| variable.value.whole_input()) {
                Some(path) => Some(path.clone()),
                None => self.path(&name.to_lowercase(), name).inspect(|path| {
                    self.inputs.of(path).secret = true;
                    self.inputs.of(path).required = true;
                }),
            };
            if let Some(path) = path {
                rewritten.push_str(Template::input(path).text());
            }
        }
        Template::parse(&rewritten, Syntax::DoubleBraces)
    }
}
