//! Where is listened, and who may speak?

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use subtle::ConstantTimeEq;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::{Error, Result};

/// The least number of characters of a token.
const SHORTEST: usize = 16;

/// A listener. One that other machines can reach must have TLS and a token.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// How connections are encrypted.
    pub tls: Option<Tls>,
    /// What every call must show, as `authorization: Bearer <token>`.
    pub token: Option<Secret>,
}

impl Listen {
    /// Listens on this machine alone, without TLS and token.
    pub fn locally(port: u16) -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], port)), tls: None, token: None }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let missing = match (&self.tls, &self.token) {
            _ if self.address.ip().to_canonical().is_loopback() => return Ok(()),
            (Some(_), Some(_)) => return Ok(()),
            (None, None) => "TLS and no token",
            (None, _) => "TLS",
            (_, None) => "token",
        };
        Err(Error::Unprotected { address: self.address, missing })
    }
}

/// A token. It is never shown.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes a token; white space around it is left out.
    ///
    /// # Errors
    /// [`Error::WeakToken`] when it is short, or no header could carry it.
    pub fn new(token: &str) -> Result<Self> {
        let token = token.trim();
        let fits = token.len() >= SHORTEST && token.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(token.into())) } else { Err(Error::WeakToken { shortest: SHORTEST }) }
    }

    /// Whether the value of an `authorization` header shows this token. How long this takes does not tell where they differ.
    pub(crate) fn is_shown_by(&self, authorization: Option<&[u8]>) -> bool {
        let Some((scheme, token)) = authorization.and_then(|value| value.split_at_checked(7)) else { return false };
        scheme.eq_ignore_ascii_case(b"bearer ") && self.0.as_bytes().ct_eq(token).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The files of TLS, as PEM.
#[derive(Clone)]
pub struct Tls {
    /// The certificate of this server, and those between it and the authority.
    pub certificate: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
    /// Who signs the certificates that clients must have; without it they need none.
    pub client_authority: Option<Vec<u8>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("mutual", &self.client_authority.is_some()).finish_non_exhaustive()
    }
}

impl Tls {
    /// Offers these protocols over TLS.
    pub(crate) fn acceptor(&self, protocols: &[&[u8]]) -> Result<TlsAcceptor> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| problem("protocol versions", e))?;
        let builder = match &self.client_authority {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates("authority of clients", authority)? {
                    roots.add(certificate).map_err(|e| problem("authority of clients", e))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|e| problem("authority of clients", e))?)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|e| problem("key", e))?;
        let chain = certificates("certificate", &self.certificate)?;
        let mut config = builder.with_single_cert(chain, key).map_err(|e| problem("certificate with its key", e))?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|e| problem(what, e))?;
    if found.is_empty() { Err(problem(what, "it holds no certificate")) } else { Ok(found) }
}

fn problem(what: &'static str, problem: impl fmt::Display) -> Error {
    Error::Tls { what, problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn listen(address: &str, tls: bool, token: bool) -> Result<()> {
        let tls = tls.then(|| Tls { certificate: Vec::new(), key: Vec::new(), client_authority: None });
        let token = token.then(|| Secret::new(TOKEN).unwrap());
        Listen { address: address.parse().unwrap(), tls, token }.check()
    }

    #[test]
    fn what_others_can_reach_needs_tls_and_a_token() {
        for address in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(listen(address, false, false).is_ok(), "{address}");
        }
        for address in ["0.0.0.0:1", "192.168.0.1:1", "[::]:1", "8.8.8.8:1", "[::ffff:10.0.0.1]:1"] {
            for (tls, token) in [(false, false), (true, false), (false, true)] {
                let refused = listen(address, tls, token).unwrap_err();
                assert_eq!(refused.code(), "TG770", "{address}");
            }
            assert!(listen(address, true, true).is_ok(), "{address}");
        }
    }

    #[test]
    fn a_token_must_be_shown_whole() {
        let secret = Secret::new(&format!(" {TOKEN}\n")).unwrap();
        let shown = |value: &str| secret.is_shown_by(Some(value.as_bytes()));
        assert!(shown("Bearer 0123456789abcdef") && shown("bearer 0123456789abcdef"));
        for wrong in
            ["", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Basic 0123456789abcdef", TOKEN]
        {
            assert!(!shown(wrong), "{wrong}");
        }
        assert!(!secret.is_shown_by(None));
    }

    #[test]
    fn weak_tokens_are_refused_and_none_is_shown() {
        for weak in ["", "short", "0123456789abcde", "0123456789abcde f", "0123456789abcdé"] {
            assert!(Secret::new(weak).is_err(), "{weak}");
        }
        assert!(!format!("{:?}", Secret::new(TOKEN).unwrap()).contains(TOKEN));
    }
}
