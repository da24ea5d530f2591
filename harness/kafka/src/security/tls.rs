//! From PEM to what a connection needs for TLS. The cryptography is `ring`'s.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::Tls;
use crate::error::ClusterError;

/// Checks the settings and makes them ready for use.
pub(crate) fn server_config(tls: &Tls) -> Result<Arc<ServerConfig>, ClusterError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = certificates("certificate_pem", &tls.certificate_pem)?;
    let key = PrivateKeyDer::from_pem_slice(tls.key_pem.as_bytes())
        .map_err(|error| refused("key_pem", &error))?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("tls", &error))?;
    let builder = match &tls.client_ca_pem {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("client_ca_pem", pem)? {
                roots.add(certificate).map_err(|error| refused("client_ca_pem", &error))?;
            }
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(
                verifier.map_err(|error| refused("client_ca_pem", &error))?,
            )
        }
    };
    let config = builder.with_single_cert(chain, key);
    Ok(Arc::new(config.map_err(|error| refused("certificate_pem", &error))?))
}

fn certificates(
    field: &'static str,
    pem: &str,
) -> Result<Vec<CertificateDer<'static>>, ClusterError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|error| refused(field, &error))?;
    match found.is_empty() {
        true => Err(refused(field, &"has no certificate")),
        false => Ok(found),
    }
}

fn refused(field: &'static str, error: &dyn std::fmt::Display) -> ClusterError {
    ClusterError::Config { field, fix: error.to_string() }
}
