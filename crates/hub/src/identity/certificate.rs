//! The certificate for the hub's key. Devices look at its key alone; it has a limited life because
//! other programs that speak TLS look at that, and is renewed under the same key.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::WallTime;
use rcgen::{CertificateParams, PublicKeyData};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::error::IdentityError;
use super::key_file::KeyFile;
use crate::whole_file::{self, Lasting, Readers};

/// The life of a certificate.
pub(super) const LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// With less than this left it is renewed: months in which a hub may be switched off.
const RENEWED_AT: Duration = Duration::from_secs(LIFE.as_secs() / 3);
/// It is valid from so long before it is made: others' clocks may be behind.
const EARLIER: Duration = Duration::from_secs(24 * 3600);
/// A clock that shows more than this, 1 January 9990, is taken to show this: a certificate has no
/// five-digit years.
const LAST_MADE: Duration = Duration::from_secs(253_086_768_000);
/// The name in it, which devices do not look at.
const NAME: &str = "fleetlink-hub";

/// The kept certificate if it is for this key and will last, else a new one, which is kept.
pub(super) fn load_or_make(
    path: &Path,
    key: &KeyFile,
    now: WallTime,
) -> Result<CertificateDer<'static>, IdentityError> {
    let kept = fs::read(path).map(CertificateDer::from).ok();
    let kept = kept.filter(|der| is_of(der, key));
    if let Some(der) = kept.as_ref().filter(|der| will_last(der, now)) {
        return Ok(der.clone());
    }
    let made = make(key, now)?;
    match keep(path, &made) {
        // A full disk is no reason not to start: this one will do until the next.
        Err(error) if kept.is_some() => {
            tracing::warn!(%error, "the renewed certificate is not kept");
        }
        result => result?,
    }
    Ok(made)
}

/// A new certificate for this key.
pub(super) fn make(key: &KeyFile, now: WallTime) -> Result<CertificateDer<'static>, IdentityError> {
    let failed = |e: rcgen::Error| IdentityError::Certificate(e.to_string());
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).map_err(failed)?;
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "fleetlink hub");
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = since_epoch(now);
    params.not_before = epoch + now.saturating_sub(EARLIER);
    params.not_after = epoch + (now + LIFE);
    let made = params.self_signed(key.pair()).map_err(failed)?;
    Ok(made.into())
}

/// Puts it in its file.
pub(super) fn keep(path: &Path, certificate: &CertificateDer<'_>) -> Result<(), IdentityError> {
    whole_file::replace(path, certificate, Readers::Hub, Lasting::Always).map_err(|source| {
        IdentityError::Io {
            path: path.display().to_string(),
            source,
        }
    })
}

fn is_of(der: &CertificateDer<'_>, key: &KeyFile) -> bool {
    ParsedCertificate::try_from(der).is_ok_and(|certificate| {
        certificate.subject_public_key_info().as_ref() == key.pair().subject_public_key_info()
    })
}

/// Whether it is valid now and until the time at which it would be renewed: a program that looks at
/// dates, given this certificate to trust, says so.
fn will_last(der: &CertificateDer<'_>, now: WallTime) -> bool {
    let now = since_epoch(now);
    let accepted = || {
        let mut trusted = RootCertStore::empty();
        trusted.add(der.clone().into_owned()).ok()?;
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), provider).build();
        let (verifier, name) = (verifier.ok()?, ServerName::try_from(NAME).ok()?);
        let at = |time| {
            let time = UnixTime::since_unix_epoch(time);
            verifier
                .verify_server_cert(der, &[], &name, &[], time)
                .is_ok()
        };
        Some(at(now) && at(now.saturating_add(RENEWED_AT)))
    };
    accepted() == Some(true)
}

fn since_epoch(time: WallTime) -> Duration {
    Duration::from_millis(u64::try_from(time.unix_millis()).unwrap_or(0)).min(LAST_MADE)
}
