//! Which servers does a URL name, and how are they to be used?

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the store is, as an operator writes it:
///
/// ```text
/// redis://[user[:password]@]host[:6379][/db]
/// redis+sentinel://[user[:password]@]host[:26379],…[/service]      service `mymaster` if not named
/// redis+cluster://[user[:password]@]host[:6379],…
/// ```
///
/// `rediss`, `rediss+sentinel` and `rediss+cluster` are the same over TLS. User, password and the values of options are
/// percent-decoded. Options, after `?`, joined by `&`:
///
/// | option | meaning |
/// |---|---|
/// | `ca=FILE` | PEM file of certificates to trust instead of the system's; TLS only |
/// | `sentinel_user=…`, `sentinel_password=…` | for the Sentinels themselves; none if not named |
/// | `prefix=…` | first part of every key, 1 to 64 of `A-Z a-z 0-9 _ . -`; `tokka` if not named |
/// | `min_replicas=N` | replicas that confirm a write before it is answered; 0 if not named, at most 16 |
/// | `fsync=true` | a write is answered once it is in the primary's synced append-only file; Redis 7.2 or newer |
/// | `unchecked=config` | accept settings that a managed server keeps to itself |
///
/// Neither `Debug` nor `Display` prints a password.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl {
    pub(crate) kind: Kind,
    pub(crate) tls: bool,
    pub(crate) credentials: Credentials,
    /// At least one; exactly one for [`Kind::Single`].
    pub(crate) hosts: Vec<Address>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) prefix: String,
    pub(crate) min_replicas: u32,
    pub(crate) fsync: bool,
    pub(crate) unchecked_config: bool,
}

/// How the primary is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Single { db: i64 },
    Sentinel { service: String, credentials: Credentials },
    Cluster,
}

/// What a server asks for at the door.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

/// One server. An IPv6 address is kept without brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// What is wrong with a URL of a store. The text never repeats what stands before the host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("store URL: {0}")]
pub struct UrlError(String);

const SCHEMES: &str = "redis, rediss, redis+sentinel, rediss+sentinel, redis+cluster, rediss+cluster";
const OPTIONS: &str = "ca, sentinel_user, sentinel_password, prefix, min_replicas, fsync, unchecked";
const REPLICAS_MAX: u32 = 16;

impl StoreUrl {
    /// The first part of every key.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Replicas that confirm a write before it is answered.
    pub fn min_replicas(&self) -> u32 {
        self.min_replicas
    }

    /// Reads a URL whose password is kept elsewhere, so that it stands in no list of processes. The URL itself has none, and a
    /// user or not.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn with_password(text: &str, password: String) -> Result<Self, UrlError> {
        Self::read(text, Some(password))
    }

    /// Is a write answered only once it is in the primary's synced append-only file?
    pub fn fsync(&self) -> bool {
        self.fsync
    }
}

impl FromStr for StoreUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::read(text, None)
    }
}

impl StoreUrl {
    fn read(text: &str, password: Option<String>) -> Result<Self, UrlError> {
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| error(format!("no scheme: it begins with one of {SCHEMES}, then `://`")))?;
        let (name, way) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match name {
            "redis" => false,
            "rediss" => true,
            _ => return Err(error(format!("scheme `{scheme}` is not one of {SCHEMES}"))),
        };
        let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(authority_end).unwrap_or((rest, ""));
        if rest.contains('@') {
            // Perhaps the middle of a password: nothing of it may be repeated.
            return Err(error("an `@` stands after the hosts: write `/`, `?` and `@` in a password as %2F, %3F and %40"));
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.strip_prefix('/').unwrap_or(path);
        let (credentials, hosts) = match authority.rsplit_once('@') {
            Some((credentials, hosts)) => (read_credentials(credentials, password)?, hosts),
            None => (Credentials { user: None, password }, authority),
        };

        let options = Options::read(query, tls, way == "sentinel")?;
        let (kind, port) = match way {
            "" => (Kind::Single { db: read_db(path)? }, 6379),
            "sentinel" => (Kind::Sentinel { service: read_service(path)?, credentials: options.sentinel }, 26379),
            "cluster" if path.is_empty() => (Kind::Cluster, 6379),
            "cluster" => return Err(error(format!("path `/{path}`: a cluster has neither databases nor services"))),
            _ => return Err(error(format!("scheme `{scheme}` is not one of {SCHEMES}"))),
        };
        let hosts = read_hosts(hosts, port)?;
        if matches!(kind, Kind::Single { .. }) && hosts.len() > 1 {
            let hint = format!("`{name}+sentinel` or `{name}+cluster`");
            return Err(error(format!("{} hosts: `{name}` takes one, several are of {hint}", hosts.len())));
        }
        Ok(StoreUrl {
            kind,
            tls,
            credentials,
            hosts,
            ca: options.ca,
            prefix: options.prefix,
            min_replicas: options.min_replicas,
            fsync: options.fsync,
            unchecked_config: options.unchecked_config,
        })
    }
}

fn error(what: impl Into<String>) -> UrlError {
    UrlError(what.into())
}

fn read_credentials(text: &str, elsewhere: Option<String>) -> Result<Credentials, UrlError> {
    let (user, password) = match text.split_once(':') {
        Some(_) if elsewhere.is_some() => return Err(error("a password stands in it and elsewhere: one of them is enough")),
        Some((user, password)) => (decode("user", user)?, Some(decode("password", password)?)),
        None => (decode("user", text)?, elsewhere),
    };
    if password.is_none() {
        return Err(error("user without a password: write `user:password@`, or `:password@` for the default user"));
    }
    Ok(Credentials { user: Some(user).filter(|user| !user.is_empty()), password })
}

fn read_hosts(text: &str, port: u16) -> Result<Vec<Address>, UrlError> {
    text.split(',').map(|host| read_host(host, port)).collect()
}

fn read_host(text: &str, default_port: u16) -> Result<Address, UrlError> {
    let bad = |why: &str| error(format!("host `{text}`: {why}"));
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(|| bad("`[` without `]`"))?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(bad("not an IPv6 address between the brackets"));
            }
            let port = match after {
                "" => None,
                after => Some(after.strip_prefix(':').ok_or_else(|| bad("only a port may follow `]`"))?),
            };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err(bad("an IPv6 address stands in brackets")),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err(if text.is_empty() { error("host is missing") } else { bad("no name before the port") });
    }
    if host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(bad("a name has no spaces"));
    }
    let port = match port {
        None => default_port,
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| bad("the port is a number from 1 to 65535"))?,
    };
    Ok(Address { host: host.to_owned(), port })
}

fn read_db(path: &str) -> Result<i64, UrlError> {
    if path.is_empty() {
        return Ok(0);
    }
    match path.parse::<u16>() {
        Ok(db) => Ok(i64::from(db)),
        Err(_) => Err(error(format!("database `{path}` is not a number from 0 to 65535"))),
    }
}

fn read_service(path: &str) -> Result<String, UrlError> {
    let service = decode("service", path)?;
    if service.is_empty() {
        return Ok("mymaster".to_owned());
    }
    // What Sentinel itself accepts as a name.
    if service.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
        return Ok(service);
    }
    Err(error(format!("service `{service}`: a name is of A-Z a-z 0-9 . - _")))
}

struct Options {
    ca: Option<PathBuf>,
    sentinel: Credentials,
    prefix: String,
    min_replicas: u32,
    fsync: bool,
    unchecked_config: bool,
}

impl Options {
    fn read(query: &str, tls: bool, sentinel: bool) -> Result<Self, UrlError> {
        let mut options = Options {
            ca: None,
            sentinel: Credentials::default(),
            prefix: "tokka".to_owned(),
            min_replicas: 0,
            fsync: false,
            unchecked_config: false,
        };
        let mut seen = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| error(format!("option `{part}` has no value")))?;
            let value = decode(name, value)?;
            if seen.contains(&name) {
                return Err(error(format!("option `{name}` stands there twice")));
            }
            seen.push(name);
            match name {
                "ca" if !tls => return Err(error("option `ca` is of TLS: the scheme begins with `rediss`")),
                "ca" if value.is_empty() => return Err(error("option `ca` names no file")),
                "ca" => options.ca = Some(PathBuf::from(value)),
                "sentinel_user" | "sentinel_password" if !sentinel => {
                    return Err(error(format!("option `{name}` is of Sentinel: the scheme ends with `+sentinel`")));
                }
                "sentinel_user" => options.sentinel.user = Some(value),
                "sentinel_password" => options.sentinel.password = Some(value),
                "prefix" => options.prefix = read_prefix(value)?,
                "min_replicas" => match value.parse::<u32>() {
                    Ok(count) if count <= REPLICAS_MAX => options.min_replicas = count,
                    _ => return Err(error(format!("option `min_replicas`: `{value}` is not a number from 0 to {REPLICAS_MAX}"))),
                },
                "fsync" => match value.as_str() {
                    "true" => options.fsync = true,
                    "false" => options.fsync = false,
                    _ => return Err(error(format!("option `fsync`: `{value}` is neither `true` nor `false`"))),
                },
                "unchecked" if value == "config" => options.unchecked_config = true,
                "unchecked" => return Err(error(format!("option `unchecked`: `{value}` is not `config`"))),
                _ => return Err(error(format!("option `{name}` is not one of {OPTIONS}"))),
            }
        }
        if options.sentinel.user.is_some() && options.sentinel.password.is_none() {
            return Err(error("option `sentinel_user` needs `sentinel_password`"));
        }
        Ok(options)
    }
}

fn read_prefix(value: String) -> Result<String, UrlError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if value.is_empty() || value.len() > 64 || !value.chars().all(plain) {
        return Err(error(format!("option `prefix`: `{value}` is not 1 to 64 of A-Z a-z 0-9 _ . -")));
    }
    Ok(value)
}

/// Percent-decoding; `part` names what is read, whose text may be a secret.
fn decode(part: &str, text: &str) -> Result<String, UrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = (rest.next().and_then(hex), rest.next().and_then(hex));
        let (Some(high), Some(low)) = digits else {
            return Err(error(format!("{part}: `%` is not followed by two hexadecimal digits; write it as %25")));
        };
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|_| error(format!("{part}: not UTF-8 once decoded")))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.kind {
            Kind::Single { .. } => "",
            Kind::Sentinel { .. } => "+sentinel",
            Kind::Cluster => "+cluster",
        };
        write!(f, "{}{way}://", if self.tls { "rediss" } else { "redis" })?;
        if let Credentials { user, password: Some(_) } = &self.credentials {
            write!(f, "{}:***@", user.as_deref().unwrap_or_default())?;
        }
        for (index, host) in self.hosts.iter().enumerate() {
            write!(f, "{}{host}", if index == 0 { "" } else { "," })?;
        }
        match &self.kind {
            Kind::Single { db: 0 } | Kind::Cluster => Ok(()),
            Kind::Single { db } => write!(f, "/{db}"),
            Kind::Sentinel { service, .. } => write!(f, "/{service}"),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map(|_| "***");
        f.debug_struct("Credentials").field("user", &self.user).field("password", &password).finish()
    }
}

#[cfg(test)]
mod tests;
