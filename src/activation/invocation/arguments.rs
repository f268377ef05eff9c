//! Arguments: what stands behind the image's entry point.

use super::{Inputs, PlanError, Variables, evaluate};
use crate::catalog::{Arg, Part, Template};

/// The arguments behind the image's entry point.
pub(super) fn arguments(
    id: &str,
    args: &[Arg],
    inputs: &Inputs<'_>,
    variables: &Variables,
) -> Result<Vec<String>, PlanError> {
    let mut words: Vec<String> = Vec::new();
    let option = |value: &str| PlanError::ReadsAsOption {
        value: value.to_owned(),
    };
    for arg in args {
        match arg {
            Arg::Positional(template) => {
                let value = evaluate(template, inputs, variables);
                if value.is_empty() {
                    continue;
                }
                if value.secret {
                    left_out(id, template, &mut words)?;
                    continue;
                }
                for item in value.present() {
                    if value.begins_open && item.expose().starts_with('-') {
                        return Err(option(item.expose()));
                    }
                    words.push(item.expose().to_owned());
                }
            }
            Arg::Named {
                name,
                value: template,
            } => {
                let value = evaluate(template, inputs, variables);
                if value.is_empty() {
                    continue;
                }
                if value.secret {
                    words.push(name.clone());
                    left_out(id, template, &mut words)?;
                    continue;
                }
                let text = value.joined();
                match (text.expose().starts_with('-'), name.starts_with("--")) {
                    (false, _) => words.extend([name.clone(), text.expose().to_owned()]),
                    (true, true) => words.push(format!("{name}={}", text.expose())),
                    (true, false) => return Err(option(text.expose())),
                }
            }
        }
    }
    Ok(words)
}

/// Leaves an argument with a secret out, where the secret is in the environment as well: any user of a host can read the
/// arguments of all its processes. An option that stands before it alone goes with it.
fn left_out(id: &str, template: &Template, words: &mut Vec<String>) -> Result<(), PlanError> {
    match template.parts() {
        [Part::Variable(_)] => {
            words.pop_if(|before| before.starts_with('-') && !before.contains('='));
            Ok(())
        }
        [Part::Literal(option), Part::Variable(_)]
            if option.starts_with('-') && option.ends_with('=') =>
        {
            Ok(())
        }
        _ => Err(PlanError::SecretExposed {
            id: id.to_owned(),
            place: "its arguments, which every user of this host can read",
        }),
    }
}
