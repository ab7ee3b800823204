//! TLS: which certificates are trusted, and which certificate the client presents.

use std::env;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use rustls_native_certs::CertificateResult;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::replies::io_error;
use crate::backplane::bus::BusError;

/// The variable with the path of further certificates that Node.js trusts.
const EXTRA_CA: &str = "NODE_EXTRA_CA_CERTS";

/// What a manager sets for TLS. All texts are PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// The certificates of the authorities that are trusted, in place of the default ones.
    pub ca: Option<Box<[u8]>>,
    /// The certificate of the client and its chain.
    pub cert: Option<Box<[u8]>>,
    /// The private key of the client.
    pub key: Option<Box<[u8]>>,
    /// The name that the certificate of the server must have, in place of the host of the URL.
    pub server_name: Option<Box<str>>,
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is a secret.
        f.debug_struct("TlsOptions").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

/// The option of [`TlsOptions`] that cannot be used, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct BadTls {
    /// The name of the option in JavaScript.
    pub option: &'static str,
    /// Completes the sentence "option … must be".
    pub expected: &'static str,
}

const CA: BadTls = BadTls { option: "ca", expected: "one or more certificates in PEM format" };
const CERT: BadTls = BadTls { option: "cert", expected: "one or more certificates in PEM format" };
const KEY: BadTls = BadTls { option: "key", expected: "a private key in PEM format without a passphrase" };
const KEY_OF_CERT: BadTls =
    BadTls { option: "key", expected: "the private key of the certificate in \"cert\"" };
const SERVER_NAME: BadTls = BadTls { option: "servername", expected: "a host name or an IP address" };

impl TlsOptions {
    /// Returns the first option that cannot be used.
    ///
    /// # Errors
    /// Returns it, and what it must be.
    pub fn check(&self) -> Result<(), BadTls> {
        if let Some(ca) = &self.ca {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca).ok_or(CA)? {
                roots.add(certificate).map_err(|_| CA)?;
            }
        }
        if let Some(name) = &self.server_name {
            ServerName::try_from(&**name).map_err(|_| SERVER_NAME)?;
        }
        self.client_config(RootCertStore::empty()).map(drop)
    }

    /// Returns true when each option that `other` sets has the same value here.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let Self { ca, cert, key, server_name } = other;
        (ca.is_none() || *ca == self.ca)
            && (cert.is_none() || *cert == self.cert)
            && (key.is_none() || *key == self.key)
            && (server_name.is_none() || *server_name == self.server_name)
    }

    fn client_config(&self, roots: RootCertStore) -> Result<ClientConfig, BadTls> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            // Cannot happen: `ring` has all ciphers of these versions.
            .map_err(|_| CERT)?
            .with_root_certificates(roots);
        let (Some(cert), Some(key)) = (&self.cert, &self.key) else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = certificates(cert).ok_or(CERT)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| KEY)?;
        builder.with_client_auth_cert(chain, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => KEY_OF_CERT,
            rustls::Error::InvalidCertificate(_) => CERT,
            _ => KEY,
        })
    }
}

/// The TLS configuration of one attempt to connect.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    /// The name that the certificate must have, in place of the host.
    server_name: Option<Box<str>>,
    /// Files with certificates that could not be read.
    unread: Arc<[String]>,
}

impl Tls {
    /// Reads the trusted certificates, so that a new connection trusts those that were added to the files.
    pub fn new(options: &TlsOptions) -> Result<Self, BusError> {
        let CertificateResult { certs, errors, .. } = trusted(options);
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certs);
        let bad_option = |BadTls { option, expected }| {
            BusError::new("ERR_INVALID_ARG_VALUE", format!("tls.{option} must be {expected}"))
        };
        let config = options.client_config(roots).map_err(bad_option)?;
        let unread = errors.iter().map(ToString::to_string).collect();
        Ok(Self { config: Arc::new(config), server_name: options.server_name.clone(), unread })
    }

    /// Makes a connection to a host secure within `limit`, and checks that the server accepts the client.
    pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
        limit: Duration,
    ) -> Result<TlsStream<S>, BusError> {
        let name = self.server_name.as_deref().unwrap_or(host);
        let bad_name =
            |_| BusError::new("ERR_INVALID_ARG_VALUE", format!("{name} is not the name of a host"));
        let server_name = ServerName::try_from(name).map_err(bad_name)?.to_owned();
        let shaking_hands = async {
            let connector = TlsConnector::from(Arc::clone(&self.config));
            let mut stream = connector.connect(server_name, stream).await?;
            // In TLS 1.3, a server refuses the certificate of a client after the handshake. The `redis` crate would lose the
            // reason, so the first command is sent without it. Each user may run `RESET`, and its reply is one line.
            stream.write_all(b"RESET\r\n").await?;
            while stream.read_u8().await? != b'\n' {}
            Ok(stream)
        };
        match timeout(limit, shaking_hands).await {
            Ok(secured) => secured.map_err(|error: io::Error| self.explain(io_error(&error))),
            Err(_) => Err(BusError::new(
                "ETIMEDOUT",
                format!(
                    "TLS: the server did not finish the handshake within {} ms; it may not use TLS",
                    limit.as_millis()
                ),
            )),
        }
    }

    /// Adds the files that could not be read to an error, if they may be the reason for it.
    fn explain(&self, error: BusError) -> BusError {
        if self.unread.is_empty() || &*error.code != UNKNOWN_CA {
            return error;
        }
        BusError::new(error.code, format!("{} ({})", error.message, self.unread.join("; ")))
    }
}

/// Returns the trusted certificates: those of the option, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR` or else of the
/// operating system, and those of `NODE_EXTRA_CA_CERTS`.
fn trusted(options: &TlsOptions) -> CertificateResult {
    if let Some(ca) = &options.ca {
        let mut result = CertificateResult::default();
        result.certs = certificates(ca).unwrap_or_default();
        return result;
    }
    let mut result = rustls_native_certs::load_native_certs();
    if let Some(file) = env::var_os(EXTRA_CA).filter(|file| !file.is_empty()) {
        let mut extra = rustls_native_certs::load_certs_from_paths(Some(Path::new(&file)), None);
        result.certs.append(&mut extra.certs);
        result.errors.append(&mut extra.errors);
    }
    result
}

/// Returns the certificates of a PEM text. `None` when there are none, or one has a wrong format.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().ok()?;
    (!certificates.is_empty()).then_some(certificates)
}

const UNKNOWN_CA: &str = "UNABLE_TO_VERIFY_LEAF_SIGNATURE";

/// Returns an error of TLS, with the code that Node.js uses for it.
pub(super) fn tls_error(error: &rustls::Error) -> BusError {
    let code = match error {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => UNKNOWN_CA,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "CERT_HAS_EXPIRED",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "CERT_NOT_YET_VALID"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "ERR_TLS_CERT_ALTNAME_INVALID"
            }
            CertificateError::Revoked => "CERT_REVOKED",
            CertificateError::BadSignature => "CERT_SIGNATURE_FAILURE",
            // The type of the inner error is not public.
            CertificateError::Other(_) if format!("{why:?}").contains("CaUsedAsEndEntity") => {
                return BusError::new(
                    "DEPTH_ZERO_SELF_SIGNED_CERT",
                    "TLS: the server presents the certificate of an authority (CA:TRUE), probably a self-signed one; it needs \
                     a certificate of its own",
                );
            }
            _ => "CERT_REJECTED",
        },
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired => "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
            AlertDescription::UnknownCA => "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
            AlertDescription::HandshakeFailure => "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
            _ => "EPROTO",
        },
        _ => "EPROTO",
    };
    BusError::new(code, format!("TLS: {error}"))
}
