//! Protection: by what secrets on this host are kept from whoever gets hold of its disk.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use super::{CredentialError, Credentials};

/// By what the key is kept that secrets are encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// The host's key and its TPM2: the disk alone opens nothing.
    Tpm2,
    /// The host's key, a file that only root can read.
    HostKey,
    /// Nothing: secrets lie in files that only their user can read.
    None,
}

/// What begins a credential that the host's key alone opens (systemd, `CRED_AES256_GCM_BY_HOST` and `..._SCOPED`).
const BY_HOST: [u128; 2] = [
    0x5a1c_6a86_df9d_4096_b1d5_a65e_0862_f19a,
    0x55b9_ed1d_3859_4d43_a831_9d2e_bb33_2ac6,
];

/// What begins one that anybody can open (`CRED_AES256_GCM_BY_NULL`).
const BY_NULL: u128 = 0x0584_69da_f6f5_4324_8005_49da_0f8e_a2fb;

/// The name under which something is encrypted to see how; it is kept nowhere.
const PROBE: &str = "mcpod-protection";

impl Protection {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tpm2 => "the host's key and its TPM2",
            Self::HostKey => "the host's key",
            Self::None => "nothing but the mode of their files",
        }
    }

    /// Reads which key opens a credential. All the ways that systemd knows, but for those above, need the TPM2.
    fn of(blob: &str) -> Option<Self> {
        // Lines may be broken.
        let digits: String = blob.split_whitespace().collect();
        let bytes = BASE64_STANDARD.decode(digits).ok()?;
        let id: [u8; 16] = bytes.get(..16)?.try_into().ok()?;
        Some(match u128::from_be_bytes(id) {
            BY_NULL => Self::None,
            id if BY_HOST.contains(&id) => Self::HostKey,
            _ => Self::Tpm2,
        })
    }
}

impl Credentials {
    /// By what secrets that are stored now are protected: found out by encrypting something.
    pub fn protection(&self) -> Result<Protection, CredentialError> {
        if !self.is_there() {
            return Ok(Protection::None);
        }
        let blob = self.encrypt(PROBE, &"nothing".into())?;
        Protection::of(&blob).ok_or(CredentialError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_tells_by_what_key_it_is_opened() {
        let blob = |id: u128| {
            let bytes = [&id.to_be_bytes()[..], b"the rest"].concat();
            BASE64_STANDARD.encode(bytes)
        };
        // CRED_AES256_GCM_BY_HOST_AND_TPM2_HMAC_SCOPED.
        let tpm2 = 0xef4a_c136_79a9_480e_a7db_6889_7f9f_165d;
        for (id, protection) in [
            (BY_HOST[1], Protection::HostKey),
            (BY_NULL, Protection::None),
            (tpm2, Protection::Tpm2),
        ] {
            assert_eq!(Protection::of(&blob(id)), Some(protection));
        }
        let broken = blob(tpm2).replacen('7', "7\n", 1);
        assert_eq!(Protection::of(&broken), Some(Protection::Tpm2));
        assert_eq!(Protection::of("c2hvcnQ="), None);
        assert_eq!(Protection::of("!"), None);
        let nowhere = Credentials::at("/nowhere");
        assert_eq!(nowhere.protection().unwrap(), Protection::None);
    }
}
