//! Who asks, and what the bucket lets them do.

use bytes::Bytes;
use http::{Method, Request};
use jiff::Timestamp;

use super::address::Address;
use super::{Acl, Bucket, ErrorDocument, Reference, Scope, form, integrity};
use crate::dialect::{BucketAcl, ErrorKind, Signature};
use crate::sign::{self, Credentials, Signer};

impl Reference {
    /// The name of the account that signed a request; none for an anonymous one.
    pub(super) fn authenticate(
        &self,
        request: &Request<Bytes>,
        address: &Address,
        now: Timestamp,
    ) -> Result<Option<String>, ErrorDocument> {
        let (parts, ()) = request.clone().map(|_| ()).into_parts();
        let signer = match self.options.behaviours.signature {
            Signature::Oss => sign::verify(&parts, &address.resource(), now, |id| self.key(id)),
            Signature::Aws => sign::verify_aws(&parts, now, |id| self.key(id)),
        };
        let account = self.account(signer, now)?;
        if account.is_some() && self.options.behaviours.signature == Signature::Aws {
            integrity::check_payload(request)?;
        }
        Ok(account)
    }

    /// The key of an id.
    pub(super) fn key(&self, id: &str) -> Option<&Credentials> {
        self.options.accounts.iter().flat_map(|account| &account.keys).find(|key| key.access_key_id == id)
    }

    /// The account of a signer.
    pub(super) fn account(
        &self,
        signer: Result<Signer, sign::VerifyError>,
        now: Timestamp,
    ) -> Result<Option<String>, ErrorDocument> {
        match signer {
            Ok(Signer::Anonymous) => Ok(None),
            Ok(Signer::Key { access_key_id }) => {
                let holds =
                    |account: &&super::Account| account.keys.iter().any(|key| key.access_key_id == access_key_id);
                Ok(self.options.accounts.iter().find(holds).map(|account| account.name.clone()))
            }
            Err(error) => Err(ErrorDocument::signature(&error, now)),
        }
    }
}

/// The owner may do all; others may read what is public (`auth.anonymous`, `auth.other-owner`). A browser form carries
/// its own signature, which is checked when the form is read.
pub(super) fn authorize(
    bucket: &Bucket,
    request: &Request<Bytes>,
    address: &Address,
    signer: Option<&str>,
    acls: BucketAcl,
) -> Result<(), ErrorDocument> {
    if signer == Some(bucket.owner.as_str()) || form::is_form(request, address) {
        return Ok(());
    }
    let scope = address.scope(request);
    let public = match acls {
        BucketAcl::Objects => bucket.acl == Acl::PublicRead,
        BucketAcl::Listing => bucket.acl == Acl::PublicRead && address.object.is_none(),
        BucketAcl::Disabled => false,
    };
    let reads = scope == Scope::Objects && matches!(*request.method(), Method::GET | Method::HEAD);
    match (signer, scope) {
        _ if reads && public => Ok(()),
        (_, Scope::Objects) => Err(ErrorDocument::new(ErrorKind::Denied)),
        (None, _) => Err(ErrorDocument::new(ErrorKind::Anonymous)),
        (Some(_), _) => Err(ErrorDocument::new(ErrorKind::NotOwner)),
    }
}
