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
    assigned(assignment, command_line)
}

/// A variable of a service: systemd reads it alone, and knows no variables in it.
pub(in crate::quadlet) fn service_variable(assignment: &Assignment) -> Result<String, Reason> {
    named(
        &assignment.name,
        |c| c.is_ascii_alphabetic() || c == '_',
        |c| c.is_ascii_alphanumeric() || c == '_',
    )?;
    assigned(assignment, specifiers)
}

/// A label or an annotation.
pub(in crate::quadlet) fn label(assignment: &Assignment) -> Result<String, Reason> {
    named(
        &assignment.name,
        |c| c.is_ascii_alphanumeric(),
        |c| c.is_ascii_alphanumeric() || "._/-".contains(c),
    )?;
    assigned(assignment, command_line)
}

/// Both sides as one word, in which a reader expands what is to be escaped.
fn assigned(assignment: &Assignment, escape: fn(&str) -> String) -> Result<String, Reason> {
    let word = format!("{}={}", assignment.name, assignment.value);
    check_word(&word).map_err(|reason| Reason::Assigned {
        name: assignment.name.clone(),
        reason: Box::new(reason),
    })?;
    Ok(quote(&escape(&word)))
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

/// A mount of the host, as an option of podman that Quadlet passes on: `RequiresMountsFor=` is not written, so that the path can be any
/// but one with a colon.
pub(in crate::quadlet) fn volume_option(mount: &VolumeMount) -> Result<String, Reason> {
    let VolumeSource::Host(path) = &mount.source else {
        return Err(Reason::NotAbsolute);
    };
    absolute(path)?;
    refuse(path, |c| c == ':')?;
    container_word(&format!(
        "--volume={}",
        joined(&[path], &mount.target, &mount.options)?
    ))
}

/// A folder in memory. Podman splits at colons.
pub(in crate::quadlet) fn memory(mount: &MemoryMount) -> Result<String, Reason> {
    mounted(&[], &mount.target, &mount.options)
}

/// A mount that Quadlet takes up to the end of the line.
fn mounted(source: &[&str], target: &str, options: &[String]) -> Result<String, Reason> {
    let line = joined(source, target, options)?;
    check_line(&line)?;
    Ok(command_line(&line))
}

/// `SOURCE:TARGET:OPTIONS`, as podman splits it.
fn joined(source: &[&str], target: &str, options: &[String]) -> Result<String, Reason> {
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
    Ok(parts.join(":"))
}
