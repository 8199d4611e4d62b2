//! What protects a body on its way: Content-MD5, checksums, the digest that was signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc};
use http::Request;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::ErrorDocument;
use crate::dialect::{ErrorKind, Integrity};

static CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
static CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
static CRC64: Crc<u64> = Crc::<u64>::new(&CRC_64_NVME);

/// Names after `x-amz-checksum-`.
const CHECKSUMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];

/// The value of `x-amz-checksum-` and this name; none for a name that there is none of.
pub fn checksum(name: &str, body: &[u8]) -> Option<String> {
    Some(match name {
        "crc32" => STANDARD.encode(CRC32.checksum(body).to_be_bytes()),
        "crc32c" => STANDARD.encode(CRC32C.checksum(body).to_be_bytes()),
        "crc64nvme" => STANDARD.encode(CRC64.checksum(body).to_be_bytes()),
        "sha1" => STANDARD.encode(Sha1::digest(body)),
        "sha256" => STANDARD.encode(Sha256::digest(body)),
        _ => return None,
    })
}

/// `digest.mismatch`, `digest.malformed`: Content-MD5, where it is sent, is the base64 of the body's 16 bytes of MD5. A checksum, where
/// there are checksums, is the body's (`digest.checksum-mismatch`). `digest.required`: one of the two is there, if `needed`.
pub(super) fn check(request: &Request<Bytes>, integrity: Integrity, needed: bool) -> Result<(), ErrorDocument> {
    let (headers, body) = (request.headers(), request.body());
    let md5 = headers.get("content-md5");
    if let Some(sent) = md5 {
        let whole = STANDARD.decode(sent.as_bytes()).is_ok_and(|bytes| bytes.len() == 16);
        if !whole {
            let value = String::from_utf8_lossy(sent.as_bytes()).into_owned();
            return Err(ErrorDocument::new(ErrorKind::MalformedDigest).with("value", value));
        }
        if sent.as_bytes() != STANDARD.encode(Md5::digest(body)).as_bytes() {
            return Err(ErrorDocument::new(ErrorKind::WrongDigest));
        }
    }
    if integrity == Integrity::Optional {
        return Ok(());
    }
    let mut protected = md5.is_some();
    for name in CHECKSUMS {
        if let Some(sent) = headers.get(format!("x-amz-checksum-{name}")) {
            if checksum(name, body).is_none_or(|right| right.as_bytes() != sent.as_bytes()) {
                return Err(ErrorDocument::new(ErrorKind::WrongChecksum).with("name", name.to_ascii_uppercase()));
            }
            protected = true;
        }
    }
    if needed && !protected { Err(ErrorDocument::new(ErrorKind::NoDigest)) } else { Ok(()) }
}

/// Whether the body has the digest that an AWS signature covers; bodies that are signed in pieces are not taken.
pub(super) fn check_payload(request: &Request<Bytes>) -> Result<(), ErrorDocument> {
    let sent = request.headers().get("x-amz-content-sha256");
    match sent.and_then(|value| value.to_str().ok()) {
        None | Some("UNSIGNED-PAYLOAD") => Ok(()),
        Some(digest) if digest.eq_ignore_ascii_case(&crate::sign::sha256(request.body())) => Ok(()),
        Some(_) => Err(ErrorDocument::new(ErrorKind::WrongPayload)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_the_check_input() {
        // The check values of the catalogue of parametrised CRC algorithms, and of FIPS 180 by way of openssl.
        let check = |name: &str, expected: &[u8]| {
            assert_eq!(checksum(name, b"123456789").unwrap(), STANDARD.encode(expected), "{name}");
        };
        check("crc32", &[0xcb, 0xf4, 0x39, 0x26]);
        check("crc32c", &[0xe3, 0x06, 0x92, 0x83]);
        check("crc64nvme", &[0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88]);
        assert_eq!(checksum("sha1", b"123456789").unwrap(), "98O8HYCOBHMq32eZZczDTKeuNEE=");
        assert_eq!(checksum("md4", b""), None);
    }
}
