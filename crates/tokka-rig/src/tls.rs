//! Whom does a TLS client believe? Certificates that are made for one test, by an authority that is made with them.

use std::error::Error;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

use crate::wait::must;

/// How TLS is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// The server shows a certificate.
    Server,
    /// The client has to show one, too.
    Mutual,
}

/// The files of PEM that client and server need.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate of the authority, which both sides trust.
    pub authority: PathBuf,
    /// The server's certificate, for `localhost` and 127.0.0.1.
    pub server_certificate: PathBuf,
    /// Its key.
    pub server_key: PathBuf,
    /// A certificate for a client.
    pub client_certificate: PathBuf,
    /// Its key.
    pub client_key: PathBuf,
}

impl TlsFiles {
    #[track_caller]
    pub(crate) fn make(dir: &Path) -> Self {
        must(Self::try_make(dir), "certificates cannot be made")
    }

    fn try_make(dir: &Path) -> Result<Self, Box<dyn Error>> {
        let files = Self {
            authority: dir.join("authority.pem"),
            server_certificate: dir.join("server.pem"),
            server_key: dir.join("server.key"),
            client_certificate: dir.join("client.pem"),
            client_key: dir.join("client.key"),
        };
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "authority of a test of tokka");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        std::fs::write(&files.authority, authority.pem())?;
        for (certificate, key) in [(&files.server_certificate, &files.server_key), (&files.client_certificate, &files.client_key)]
        {
            let pair = KeyPair::generate()?;
            let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
            std::fs::write(certificate, params.signed_by(&pair, &authority)?.pem())?;
            std::fs::write(key, pair.serialize_pem())?;
        }
        Ok(files)
    }

    pub(crate) fn lines(&self, tls: Tls) -> Vec<String> {
        let clients = match tls {
            Tls::Server => "no",
            Tls::Mutual => "yes",
        };
        vec![
            format!("tls-ca-cert-file {}", self.authority.display()),
            format!("tls-cert-file {}", self.server_certificate.display()),
            format!("tls-key-file {}", self.server_key.display()),
            format!("tls-auth-clients {clients}"),
        ]
    }
}
