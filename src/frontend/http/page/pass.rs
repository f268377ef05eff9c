//! Passes: what lets a browser in. All are signed with the token, so that a renewed token takes all of them back.
//!
//! | pass | who has it | how long it counts |
//! | --- | --- | --- |
//! | ticket | the link that `mcpod ui` prints | [`TICKET_LIFE`], and once |
//! | visit | a cookie of the browser | [`VISIT_LIFE`] |
//! | form key | every form of a visit, against forms on pages of others | as long as the visit |
//!
//! A cookie goes to every port of its host (RFC 6265, 8.5), also to a page that another user of this host serves. So the link
//! leads to a name of this host that nobody else knows, `mcpod-….localhost`, made of the token as well.

use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::frontend::parking;

/// How long the link may be opened, in seconds.
pub(super) const TICKET_LIFE: i64 = 5 * 60;

/// How long a browser stays signed in, in seconds.
pub(super) const VISIT_LIFE: i64 = 30 * 24 * 3600;

/// How much of a signature is in the name of the host: a label has 63 characters at most (RFC 1035, 2.3.4).
const NAME_LENGTH: usize = 24;

/// What a pass is for; one never counts as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Ticket,
    Visit,
    Form,
    Name,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Visit => "visit",
            Self::Form => "form",
            Self::Name => "name",
        }
    }
}

/// The signature of a text for a purpose (HMAC-SHA256, RFC 2104), in hexadecimal.
pub(super) fn sign(key: &str, purpose: Purpose, text: &str) -> Option<String> {
    // A key of any length will do, so this does not fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(purpose.as_str().as_bytes());
    mac.update(&[0]);
    mac.update(text.as_bytes());
    let bytes = mac.finalize().into_bytes();
    Some(bytes.iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        write!(hex, "{byte:02x}").ok();
        hex
    }))
}

/// Whether a text has this signature. It takes as long whatever is wrong.
pub(super) fn is_signed(key: &str, purpose: Purpose, text: &str, signature: &str) -> bool {
    sign(key, purpose, text)
        .is_some_and(|right| right.as_bytes().ct_eq(signature.as_bytes()).into())
}

/// Makes a pass that counts for so many seconds: `EXPIRY.NUMBER.SIGNATURE`.
pub(super) fn issue(key: &str, purpose: Purpose, life: i64) -> Option<String> {
    let expiry = Timestamp::now().as_second().saturating_add(life);
    let text = format!("{expiry}.{}", parking::handle().ok()?);
    let signature = sign(key, purpose, &text)?;
    Some(format!("{text}.{signature}"))
}

/// Until when a pass counts, in seconds since 1970, if it does.
pub(super) fn expiry(key: &str, purpose: Purpose, pass: &str) -> Option<i64> {
    let (text, signature) = pass.rsplit_once('.')?;
    if !is_signed(key, purpose, text, signature) {
        return None;
    }
    let expiry: i64 = text.split('.').next()?.parse().ok()?;
    (expiry > Timestamp::now().as_second()).then_some(expiry)
}

/// The name under which the page is opened on this host.
pub(super) fn host_name(key: &str) -> Option<String> {
    let signature = sign(key, Purpose::Name, "")?;
    let label = signature.get(..NAME_LENGTH)?;
    Some(format!("mcpod-{label}.localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_counts_for_its_purpose_and_its_key_until_it_expires() {
        let pass = issue("key", Purpose::Ticket, 60).unwrap();
        assert!(expiry("key", Purpose::Ticket, &pass).is_some());
        assert_eq!(expiry("key", Purpose::Visit, &pass), None);
        assert_eq!(expiry("another", Purpose::Ticket, &pass), None);
        let old = issue("key", Purpose::Ticket, 0).unwrap();
        assert_eq!(expiry("key", Purpose::Ticket, &old), None);
        let (text, signature) = pass.rsplit_once('.').unwrap();
        let longer = format!("9{text}.{signature}");
        for forged in ["", ".", "..", "x", &longer, text, &format!("{pass}0")] {
            assert_eq!(expiry("key", Purpose::Ticket, forged), None, "{forged}");
        }
        assert_ne!(issue("key", Purpose::Ticket, 60).unwrap(), pass);
    }

    #[test]
    fn the_name_is_a_label_of_this_host_and_the_keys_own() {
        let name = host_name("key").unwrap();
        let label = name.strip_suffix(".localhost").unwrap();
        assert!(label.len() <= 63 && label.starts_with("mcpod-"), "{name}");
        assert_ne!(host_name("another").unwrap(), name);
    }
}
