//! Values of several parts, of which none may reach into another.

use super::super::error::Reason;
use super::super::escape::{check_line, check_word, command_line, quote, refuse, specifiers};
use super::super::value::{Assignment, MemoryMount, SecretVariable, VolumeMount, VolumeSource};
use super::command::container_word;
use super::text::{absolute, token};

/// A variable of a container. Dots and dashes occur in the names that images ask for.
pub(in crate::quadlet) fn container_variable(assignment: &Assignment) -> Result<String, Reason> {
    named(
        &assignment.name,
        |c| c.is_ascii_alphabetic() || c == '_',
        |c| c.is_ascii_alphanumeric() || "_.-".contains(c),
    )?;
    container_word(&format!("{}={}", assignment.name, assignment.value))
}

/// A variable of a service: systemd reads it alone, and knows no variables in it.
pub(in crate::quadlet) fn service_variable(assignment: &Assignment) -> Result<String, Reason> {
    named(
        &assignment.name,
        |c| c.is_ascii_alphabetic() || c == '_',
        |c| c.is_ascii_alphanumeric() || c == '_',
    )?;
    let word = format!("{}={}", assignment.name, assignment.value);
    check_word(&word)?;
    Ok(quote(&specifiers(&word)))
}

/// A label or an annotation.
pub(in crate::quadlet) fn label(assignment: &Assignment) -> Result<String, Reason> {
    named(
        &assignment.name,
        |c| c.is_ascii_alphanumeric(),
        |c| c.is_ascii_alphanumeric() || "._/-".contains(c),
    )?;
    container_word(&format!("{}={}", assignment.name, assignment.value))
}

/// Lets a name pass whose first character satisfies one test and all others the other.
fn named(
    name: &str,
    first: impl Fn(char) -> bool,
    other: impl Fn(char) -> bool,
) -> Result<(), Reason> {
    let mut characters = name.chars();
    if characters.next().is_some_and(first) && characters.all(other) {
        Ok(())
    } else {
        Err(Reason::Name {
            name: name.to_owned(),
        })
    }
}

/// A secret in a variable. Podman splits at commas and knows no quotes.
pub(in crate::quadlet) fn secret_variable(secret: &SecretVariable) -> Result<String, Reason> {
    named(
        &secret.secret,
        |c| c.is_ascii_alphanumeric(),
        |c| c.is_ascii_alphanumeric() || "_.-".contains(c),
    )?;
    named(
        &secret.variable,
        |c| c.is_ascii_alphabetic() || c == '_',
        |c| c.is_ascii_alphanumeric() || "_.-".contains(c),
    )?;
    container_word(&format!(
        "{},type=env,target={}",
        secret.secret, secret.variable
    ))
}

/// A mount. Podman splits at colons and knows no quotes; Quadlet copies the source into `RequiresMountsFor=`, where systemd splits
/// words at white space and reads quotes, but knows no variables. What only one of the two readers would take is refused.
pub(in crate::quadlet) fn volume(mount: &VolumeMount) -> Result<String, Reason> {
    let source = match &mount.source {
        VolumeSource::Host(path) => {
            absolute(path)?;
            refuse(path, |c| {
                c.is_whitespace() || matches!(c, ':' | '$' | '"' | '\'' | '\\')
            })?;
            path
        }
        VolumeSource::Unit(file) => {
            named(
                file.strip_suffix(".volume").unwrap_or_default(),
                |c| c.is_ascii_alphanumeric(),
                |c| c.is_ascii_alphanumeric() || "_-".contains(c),
            )?;
            file
        }
    };
    mounted(&[source], &mount.target, &mount.options)
}

/// A folder in memory. Podman splits at colons.
pub(in crate::quadlet) fn memory(mount: &MemoryMount) -> Result<String, Reason> {
    mounted(&[], &mount.target, &mount.options)
}

/// `SOURCE:TARGET:OPTIONS`, as one argument of podman that Quadlet takes up to the end of the line.
fn mounted(source: &[&str], target: &str, options: &[String]) -> Result<String, Reason> {
    absolute(target)?;
    refuse(target, |c| c == ':')?;
    for option in options {
        token(option)?;
        refuse(option, |c| matches!(c, ':' | ','))?;
    }
    let options = options.join(",");
    let mut parts = source.to_vec();
    parts.push(target);
    if !options.is_empty() {
        parts.push(&options);
    }
    let line = parts.join(":");
    check_line(&line)?;
    Ok(command_line(&line))
}
