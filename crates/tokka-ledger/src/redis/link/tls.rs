//! Whose certificates does a connection to a store trust?

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::url::StoreUrl;

/// TLS as the URL wants it; `None` if it wants none. Errors are one sentence each.
pub(crate) fn connector(url: &StoreUrl) -> Result<Option<TlsConnector>, String> {
    if !url.tls {
        return Ok(None);
    }
    let roots = match &url.ca {
        Some(file) => roots_of_file(file)?,
        None => roots_of_system()?,
    };
    // The provider is named: a process-wide default may be another, or missing.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(TlsConnector::from(Arc::new(config))))
}

/// Shakes hands; the certificate must be of `host`.
pub(crate) async fn shake_hands(tls: &TlsConnector, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("TLS: `{host}` is no name of a server"))?;
    tls.connect(name, stream).await.map_err(|error| format!("TLS: {error}"))
}

fn roots_of_file(file: &std::path::Path) -> Result<RootCertStore, String> {
    let name = file.display();
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|error| format!("certificates of `{name}` cannot be read: {error}"))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| format!("certificates of `{name}` cannot be read: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate of `{name}` is no authority: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("`{name}` holds no certificate"));
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    // A system's store may hold a certificate that is too old to be understood; the others are as good as before.
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    let why = if errors.is_empty() { String::new() } else { format!(" ({})", errors.join("; ")) };
    Err(format!("this system has no certificates to trust{why}: name a file with the option `ca`"))
}
