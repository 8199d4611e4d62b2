//! Digests of all files, as `sha256sum` writes and reads them, and the signature of the list.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::{Bundle, LISTED, MANIFEST, Problem, SIGNATURE};

/// Most bytes of a manifest.
const MOST_MANIFEST: usize = 4096;

/// A private key.
pub struct SignKey(SigningKey);

impl fmt::Debug for SignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignKey(***)")
    }
}

impl SignKey {
    /// From PKCS #8 in PEM, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    ///
    /// Why it is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        if pem.contains("ENCRYPTED PRIVATE KEY") {
            return Err("the key is encrypted; take one that is not".to_owned());
        }
        SigningKey::from_pkcs8_pem(pem)
            .map(Self)
            .map_err(|error| format!("no Ed25519 private key in PKCS #8 PEM: {error}"))
    }

    /// The key that its signatures are checked with.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a text: base64 and a line end.
    pub(super) fn sign(&self, text: &str) -> String {
        format!("{}\n", STANDARD.encode(self.0.sign(text.as_bytes()).to_bytes()))
    }
}

/// A public key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    ///
    /// Why it is no such key.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        if pem.contains("PRIVATE KEY") {
            return Err("a private key; `openssl pkey -in FILE -pubout` gives the public one".to_owned());
        }
        VerifyingKey::from_public_key_pem(pem)
            .map(Self)
            .map_err(|error| format!("no Ed25519 public key in PEM: {error}"))
    }

    fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        signature_of(signature).is_some_and(|signature| self.0.verify_strict(text, &signature).is_ok())
    }
}

fn signature_of(text: &[u8]) -> Option<Signature> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('\n')?;
    Signature::from_slice(&STANDARD.decode(text).ok()?).ok()
}

/// SHA-256 in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The manifest of these files.
pub(super) fn sums(bundle: &Bundle) -> String {
    bundle.iter().map(|(name, content)| line(&digest(content), name)).collect()
}

fn line(sum: &str, name: &str) -> String {
    format!("{sum}  {name}\n")
}

/// Whether the files are those of the manifest, no more, no less, each as it was.
pub(super) fn check(bundle: &Bundle) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(manifest) = bundle.get(MANIFEST) else {
        return vec![Problem::of(MANIFEST, "missing")];
    };
    if manifest.len() > MOST_MANIFEST {
        return vec![Problem::of(MANIFEST, format!("{} bytes, and at most {MOST_MANIFEST} are read", manifest.len()))];
    }
    let text = String::from_utf8_lossy(manifest);
    let mut listed: BTreeMap<&str, &str> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        match line.split_once("  ") {
            Some((sum, name)) if LISTED.contains(&name) && listed.insert(name, sum).is_none() => {}
            Some((_, name)) if LISTED.contains(&name) => {
                problems.push(Problem::of(MANIFEST, format!("line {}: `{name}` a second time", number + 1)));
            }
            _ => problems.push(Problem::of(MANIFEST, format!("line {} names no file of a certificate", number + 1))),
        }
    }
    for name in LISTED {
        match (listed.get(name), bundle.get(name)) {
            (_, None) => problems.push(Problem::of(name, "missing")),
            (None, Some(_)) => problems.push(Problem::of(MANIFEST, format!("no digest of {name}"))),
            (Some(sum), Some(content)) => {
                let found = digest(content);
                if found != **sum {
                    let message =
                        format!("its digest is {found}, and the manifest says {}", crate::report::cut(sum, 64));
                    problems.push(Problem::of(name, message));
                }
            }
        }
    }
    let canonical: String = listed.iter().map(|(name, sum)| line(sum, name)).collect();
    if problems.is_empty() && manifest != canonical.as_bytes() {
        problems.push(Problem::of(MANIFEST, "not written as `sha256sum` does"));
    }
    problems
}

/// Whether the manifest is signed by a key; without a key, whether what is there is a signature.
pub(super) fn check_signature(bundle: &Bundle, key: Option<&PublicKey>) -> Vec<Problem> {
    let Some(key) = key else {
        let broken = bundle.get(SIGNATURE).is_some_and(|text| signature_of(text).is_none());
        return if broken { vec![Problem::of(SIGNATURE, "no Ed25519 signature in base64")] } else { Vec::new() };
    };
    match (bundle.get(MANIFEST), bundle.get(SIGNATURE)) {
        (_, None) => vec![Problem::of(SIGNATURE, "missing, and a public key is given")],
        (Some(text), Some(signature)) if key.signed(text, signature) => Vec::new(),
        _ => vec![Problem::of(SIGNATURE, "not a signature of this manifest by the given key")],
    }
}
