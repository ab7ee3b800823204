//! The URL of a Redis server, a cluster, or Sentinels.

use std::fmt;
use std::path::PathBuf;

use ::redis::{ConnectionAddr, IntoConnectionInfo, parse_redis_url};
use percent_encoding::percent_decode_str;

use super::BadUrl;

/// What a URL says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The hosts of the URL: addresses of one server, nodes of one cluster, or Sentinels. There is at least one.
    pub endpoints: Vec<Endpoint>,
    pub is_tls: bool,
    pub login: Login,
    /// The name under which the Sentinels know the servers. `None` when the hosts are not Sentinels.
    pub service: Option<String>,
}

/// The address of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// How to log in.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub user: Option<String>,
    pub password: Option<String>,
    pub db: i64,
}

const SENTINEL_PORT: u16 = 26_379;

impl Address {
    /// Parses `redis://[user[:password]@]host[:port][,host[:port]…][/db]`, or
    /// `redis-sentinel://[user[:password]@]host[:port][,host[:port]…][/db]#name`. `rediss` is for TLS; `valkey` and `valkeys`
    /// mean the same. `redis+unix:///path` is a Unix socket.
    pub fn parse(url: &str) -> Result<Self, BadUrl> {
        // URL parsers do the same.
        let url = url.trim_matches(|char| char <= ' ');
        let (scheme, rest) = url.split_once("://").ok_or(BadUrl)?;
        let scheme = scheme.to_ascii_lowercase();
        let Some(scheme) = scheme.strip_suffix("-sentinel") else { return Self::of_servers(&scheme, rest) };
        let (rest, name) = rest.split_once('#').ok_or(BadUrl)?;
        let name = percent_decode_str(name).decode_utf8().map_err(|_| BadUrl)?;
        if name.is_empty() || !is_for_hosts(scheme) {
            return Err(BadUrl);
        }
        Ok(Self { service: Some(name.into()), ..parse_list(scheme, rest, SENTINEL_PORT)? })
    }

    fn of_servers(scheme: &str, rest: &str) -> Result<Self, BadUrl> {
        // The path of a Unix socket may contain a comma.
        if is_for_hosts(scheme) {
            parse_list(scheme, rest, 6_379)
        } else {
            parse_one(&format!("{scheme}://{rest}"))
        }
    }
}

/// Returns true for the schemes of URLs that name hosts.
fn is_for_hosts(scheme: &str) -> bool {
    matches!(scheme, "redis" | "rediss" | "valkey" | "valkeys")
}

/// Parses a URL with a list of hosts, each as if it were the only one.
fn parse_list(scheme: &str, rest: &str, default_port: u16) -> Result<Address, BadUrl> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (login, hosts) = authority.rfind('@').map_or(("", authority), |at| authority.split_at(at + 1));
    let mut all: Option<Address> = None;
    for host in hosts.split(',') {
        let url = format!("{scheme}://{login}{host}{path}");
        let mut one = parse_one(&url)?;
        let has_port = parse_redis_url(&url).is_some_and(|url| url.port().is_some());
        if let (Endpoint::Tcp { port, .. }, false) = (&mut one.endpoints[0], has_port) {
            *port = default_port;
        }
        match &mut all {
            None => all = Some(one),
            Some(all) => all.endpoints.append(&mut one.endpoints),
        }
    }
    all.ok_or(BadUrl)
}

/// Parses a URL with one host.
fn parse_one(url: &str) -> Result<Address, BadUrl> {
    let info = url.into_connection_info().map_err(|_| BadUrl)?;
    let (endpoint, is_tls) = match info.addr() {
        ConnectionAddr::Tcp(host, port) => (Endpoint::tcp(host, *port), false),
        // Certificates are always checked.
        ConnectionAddr::TcpTls { host, port, insecure: false, .. } => (Endpoint::tcp(host, *port), true),
        ConnectionAddr::Unix(path) => (Endpoint::Unix(path.clone()), false),
        _ => return Err(BadUrl),
    };
    let redis = info.redis_settings();
    if redis.db() < 0 {
        return Err(BadUrl);
    }
    let login = Login {
        user: redis.username().map(str::to_owned),
        password: redis.password().map(str::to_owned),
        db: redis.db(),
    };
    Ok(Address { endpoints: vec![endpoint], is_tls, login, service: None })
}

impl Endpoint {
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp { host: host.into(), port }
    }

    /// Parses `host:port`, as Redis writes it. An empty host is that of `asked`.
    pub fn parse(text: &str, asked: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() { asked.with_port(port) } else { Some(Self::tcp(host, port)) }
    }

    /// Returns the address of another port of the same host.
    pub fn with_port(&self, port: u16) -> Option<Self> {
        match self {
            Self::Tcp { host, .. } => Some(Self::tcp(host, port)),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            // The path is left out: a URL with a mistake has the password in it.
            Self::Unix(_) => f.write_str("the Unix socket of the URL"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn endpoints(url: &str) -> Option<Vec<String>> {
        let address = Address::parse(url).ok()?;
        Some(address.endpoints.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_url_has_one_host_or_several() {
        for (url, expected) in [
            ("redis://a", vec!["a:6379"]),
            ("  redis://a\n", vec!["a:6379"]),
            ("REDIS://A.example:1", vec!["A.example:1"]),
            ("valkey://a:7000,b", vec!["a:7000", "b:6379"]),
            ("rediss://u:p@a,[::1]:1,10.0.0.1/3", vec!["a:6379", "[::1]:1", "10.0.0.1:6379"]),
            ("redis://u,v:p,q@a,b:2", vec!["a:6379", "b:2"]),
            ("redis-sentinel://a,b:1#m", vec!["a:26379", "b:1"]),
            ("redis-sentinel://a:6379#m", vec!["a:6379"]),
            ("valkeys-sentinel://[::1]/2#m", vec!["[::1]:26379"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(String::from).collect();
            assert_eq!(endpoints(url), Some(expected), "{url}");
        }
    }

    #[test]
    fn a_url_has_a_login_a_database_and_the_name_of_a_service() {
        let address = Address::parse("rediss-sentinel://us%40er:p%2Fw@a,b/7#my%20primary").unwrap();
        assert_eq!(address.login.user.as_deref(), Some("us@er"));
        assert_eq!(address.login.password.as_deref(), Some("p/w"));
        assert_eq!(address.login.db, 7);
        assert_eq!(address.service.as_deref(), Some("my primary"));
        assert!(address.is_tls);

        let address = Address::parse("valkey://:p@a").unwrap();
        assert_eq!(address.login.user, None);
        assert_eq!(address.login.password.as_deref(), Some("p"));
        assert_eq!(address.login.db, 0);
        assert_eq!(address.service, None);
        assert!(!address.is_tls);
    }

    #[test]
    fn a_sentinel_may_have_the_name_insecure_because_certificates_are_checked_in_any_case() {
        let address = Address::parse("rediss-sentinel://a#insecure").unwrap();
        assert_eq!(address.service.as_deref(), Some("insecure"));
        assert!(address.is_tls);
    }

    #[test]
    #[cfg(unix)]
    fn the_path_of_a_unix_socket_is_not_a_list_of_hosts() {
        let address = Address::parse("redis+unix:///run/a,b.sock?db=3&user=u&pass=p").unwrap();
        assert_eq!(address.endpoints, [Endpoint::Unix("/run/a,b.sock".into())]);
        // `Login` has no `Debug`, because the password is a secret.
        assert!(address.login == Login { user: Some("u".into()), password: Some("p".into()), db: 3 });
    }

    #[test]
    fn other_texts_are_refused() {
        for url in [
            "",
            "a",
            "a:1",
            "redis:",
            "redis://",
            "redis:a",
            "redis:///0",
            "http://a",
            "redis://a,",
            "redis://,a",
            "redis://a,,b",
            "redis://a:x,b",
            "redis://a,b:70000",
            "redis://a/-1",
            "redis://a,b/x",
            "redis://0.0.0.0,b",
            "redis://a b",
            "rediss://a#insecure",
            "rediss://a,b/0#insecure",
            "rediss://a#other",
            "redis-sentinel://a",
            "redis-sentinel://a#",
            "redis-sentinel://a#%ff",
            "redis-sentinel:///0#m",
            "redis-sentinel://a,#m",
            "redis-sentinel-sentinel://a#m",
            "unix-sentinel:///a#m",
            "http-sentinel://a#m",
            "-sentinel://a#m",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_address_in_an_error_of_redis_is_parsed() {
        let asked = Endpoint::tcp("asked", 1);
        let parse = |text| Endpoint::parse(text, &asked);
        assert_eq!(parse("10.0.0.1:7001"), Some(Endpoint::tcp("10.0.0.1", 7_001)));
        assert_eq!(parse("::1:7001"), Some(Endpoint::tcp("::1", 7_001)));
        assert_eq!(parse("[::1]:7001"), Some(Endpoint::tcp("::1", 7_001)));
        assert_eq!(parse(":7001"), Some(Endpoint::tcp("asked", 7_001)));
        assert_eq!(Endpoint::parse(":7001", &Endpoint::Unix("/a".into())), None);
        for bad in ["", "a", "a:", "a:b", "a:70000"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(url in "(redis|rediss-sentinel|valkey|unix)://\\PC*") {
            let _ = Address::parse(&url);
        }

        #[test]
        fn each_host_of_a_list_is_what_it_is_alone(
            hosts in prop::collection::vec("[a-z]{1,5}(\\.[a-z]{2})?(:[1-9][0-9]{0,3})?|\\[::[1-9a-f]\\](:[1-9])?", 1..5),
            // No hexadecimal digits: an escaped byte that is not UTF-8 is refused.
            password in "[g-z,:%@]{0,6}",
        ) {
            let login = if password.is_empty() { String::new() } else { format!("u:{password}@") };
            let list = endpoints(&format!("redis://{login}{}/1", hosts.join(",")));
            let alone: Option<Vec<_>> = hosts.iter().map(|host| endpoints(&format!("redis://{login}{host}/1"))?.pop()).collect();
            prop_assert!(list.is_some());
            prop_assert_eq!(list, alone);
        }
    }
}
