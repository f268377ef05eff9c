//! A text that must be shown nowhere.

use std::fmt;

use zeroize::Zeroizing;

/// The value of a secret. It cannot be printed, and its memory is overwritten when it is dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The value itself, for where it is used: encrypted, or handed to Podman.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These texts behind one another. Made in one piece, since a text that grows leaves copies behind.
    pub fn concat(texts: &[Self]) -> Self {
        let mut whole = Zeroizing::new(String::with_capacity(
            texts.iter().map(|text| text.0.len()).sum(),
        ));
        for text in texts {
            whole.push_str(&text.0);
        }
        Self(whole)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_it() {
        let secret = Secret::concat(&["hunter".into(), Secret::from("2".to_owned())]);
        assert_eq!(secret.expose(), "hunter2");
        assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("hunter"));
    }
}
