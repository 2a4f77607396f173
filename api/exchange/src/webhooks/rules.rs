//! Where a message may be sent, and when it is tried again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;

use crate::kernel::{Fault, Problem, Result, hash::sha256_hex, say};

/// Networks that lie behind no address of the Internet (the IANA registries of special-purpose addresses).
const NOT_GLOBAL: [(u8, u8, u8, u8, u8); 15] = [
    (0, 0, 0, 0, 8),
    (10, 0, 0, 0, 8),
    (100, 64, 0, 0, 10),
    (127, 0, 0, 0, 8),
    (169, 254, 0, 0, 16),
    (172, 16, 0, 0, 12),
    (192, 0, 0, 0, 24),
    (192, 0, 2, 0, 24),
    (192, 88, 99, 0, 24),
    (192, 168, 0, 0, 16),
    (198, 18, 0, 0, 15),
    (198, 51, 100, 0, 24),
    (203, 0, 113, 0, 24),
    (224, 0, 0, 0, 4),
    (240, 0, 0, 0, 4),
];

/// Networks within `2000::/3` that are not global, or that another address hides in: Teredo and its neighbours, documentation,
/// 6to4. All outside `2000::/3` is not global either, the forms that NAT64 and mapped addresses take among it.
const NOT_GLOBAL_6: [(u16, u16, u8); 4] = [(0x2001, 0, 23), (0x2001, 0x0db8, 32), (0x2002, 0, 16), (0x3fff, 0, 20)];

/// Ports from 1024 on at which something answers that is no receiver of webhooks: databases, caches, queues, brokers, remote
/// control of machines and clusters.
const TAKEN_PORTS: [u16; 44] = [
    1080, 1433, 1434, 1521, 1723, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3128, 3306, 3389, 4369, 5432, 5433, 5601, 5672, 5900, 5984,
    5985, 5986, 6000, 6379, 6380, 6443, 6667, 7000, 7001, 8086, 8500, 9042, 9092, 9200, 9300, 10250, 10255, 11211, 15672, 26379, 27017,
    27018,
];

/// Ends of names that only a network of its own knows.
const INNER_NAMES: [&str; 9] =
    ["localhost", "local", "internal", "localdomain", "lan", "intranet", "home.arpa", "in-addr.arpa", "ip6.arpa"];

/// How long after each failed try the next one is made: a day and some hours in all.
const WAITS: [i64; 10] = [5, 60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 43_200];
/// How often a message is tried.
pub const TRIES: i32 = 11;
/// The longest that a receiver's wish to be left alone is heeded.
const LONGEST_WISH: TimeDelta = TimeDelta::hours(12);

/// Where this installation sends messages.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// Networks of the installation's own that may be called, also in plain HTTP.
    networks: Vec<IpNet>,
    /// The installation's own host and port.
    own: Option<(String, Option<u16>)>,
}

impl Allowed {
    /// What may be called by an installation at `public_url` with these networks of its own.
    #[must_use]
    pub fn new(networks: Vec<IpNet>, public_url: &str) -> Self {
        let own = Url::parse(public_url).ok().and_then(|url| Some((name_of(&url)?, url.port_or_known_default())));
        Self { networks, own }
    }

    /// Whether an address may be called: over TLS any global one and those of the operator's networks, otherwise these only.
    #[must_use]
    pub fn address(&self, address: IpAddr, plain: bool) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address)) || (!plain && is_global(address))
    }

    /// The address of a receiver, in the one form that it is then called by.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn receiver(&self, text: &str) -> Result<Url> {
        let url = Url::parse(text).map_err(|_| {
            wrong(
                "wrong-form",
                say!(
                    "Det är ingen webbadress. Ange mottagarens hela adress, till exempel https://exempel.se/samsyn.",
                    "It is no web address. Give the receiver's whole address, for example https://example.se/samsyn."
                ),
            )
        })?;
        match url.scheme() {
            "https" => {}
            "http" if !self.networks.is_empty() => {}
            _ => {
                return Err(wrong(
                    "not-https",
                    say!(
                        "Adressen ska börja med https://, så att ingen kan läsa eller ändra på vägen.",
                        "The address must begin with https://, so that nobody can read or change on the way."
                    ),
                ));
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "has-user",
                say!(
                    "Ta bort användarnamn och lösenord ur adressen; meddelandena är signerade och behöver inga.",
                    "Remove user name and password from the address; messages are signed and need none."
                ),
            ));
        }
        if url.fragment().is_some() {
            return Err(wrong(
                "has-fragment",
                say!("Ta bort # och det som följer; det skickas aldrig.", "Remove # and what follows; it is never sent."),
            ));
        }
        Self::port(&url)?;
        self.host(&url)?;
        Ok(url)
    }

    fn port(url: &Url) -> Result<()> {
        let port = url.port_or_known_default().unwrap_or_default();
        if port == 443 || (port == 80 && url.scheme() == "http") || (port >= 1024 && !TAKEN_PORTS.contains(&port)) {
            return Ok(());
        }
        Err(wrong(
            "port-not-allowed",
            say!(
                "Port {port} används av annat än webbtjänster. Använd 443, 8443 eller en annan ledig port från 1024.",
                "Port {port} is used by other things than web services. Use 443, 8443 or another free port from 1024."
            ),
        ))
    }

    fn host(&self, url: &Url) -> Result<()> {
        let host = name_of(url).unwrap_or_default();
        let literal = literal(&host);
        let inner = || {
            wrong(
                "address-not-allowed",
                say!(
                    "Adressen leder till ett inre nät eller till den egna datorn och kan inte anropas. Ange en adress som nås från Internet.",
                    "The address leads to an inner network or to the machine itself and cannot be called. Give one that is reached from the Internet."
                ),
            )
        };
        let listed = literal.is_some_and(|address| self.networks.iter().any(|network| network.contains(&address)));
        let own = self.own.as_ref().is_some_and(|(name, port)| *name == host && (!listed || *port == url.port_or_known_default()));
        if own {
            return Err(wrong(
                "own-address",
                say!("Det är tjänstens egen adress. Ange mottagarens.", "It is the service's own address. Give the receiver's."),
            ));
        }
        match literal {
            Some(address) if self.address(address, url.scheme() == "http") => Ok(()),
            Some(_) => Err(inner()),
            // Where the operator has networks of its own their names are judged when they are looked up, as all others are.
            None if self.networks.is_empty() && is_inner_name(&host) => Err(inner()),
            None => Ok(()),
        }
    }
}

/// A host in small letters, without the brackets of an address and the dot that may end a name.
fn name_of(url: &Url) -> Option<String> {
    Some(url.host_str()?.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase())
}

/// The address that a host is, if it is no name. Reading the URL has made all ways to write one the same.
fn literal(host: &str) -> Option<IpAddr> {
    host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn is_inner_name(host: &str) -> bool {
    !host.contains('.') || INNER_NAMES.iter().any(|end| host.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

fn wrong(code: &'static str, detail: crate::kernel::Text) -> Problem {
    Problem::invalid(vec![Fault::at("/url", code, detail)])
}

/// Whether an address is one of the Internet's.
#[must_use]
pub fn is_global(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let within = |(a, b, c, d, length)| Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length).contains(&address);
            !NOT_GLOBAL.into_iter().any(within)
        }
        IpAddr::V6(address) => {
            let within = |(a, b, length)| Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length).contains(&address);
            within((0x2000, 0, 3)) && !NOT_GLOBAL_6.into_iter().any(within)
        }
    }
}

/// When to try again after the given number of tries, or nothing when that was the last. Receivers that fail together do not
/// come back together: each message waits up to a fifth more than the next, by what its id says.
#[must_use]
pub fn next_try(tries: i32, message: &str, wish: Option<TimeDelta>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let wait = WAITS.get(usize::try_from(tries).ok()?.checked_sub(1)?)?;
    let digest = sha256_hex(format!("{message} {tries}").as_bytes());
    let spread = i64::from_str_radix(&digest[..4], 16).unwrap_or_default();
    let wait = TimeDelta::milliseconds(wait * 1000 + wait * 200 * spread / 0xffff);
    Some(now + wait.max(wish.unwrap_or_default().min(LONGEST_WISH)))
}

/// What `Retry-After` asks for: seconds, or a point in time.
#[must_use]
pub fn wish(retry_after: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    if let Ok(seconds) = retry_after.trim().parse::<u32>() {
        return Some(TimeDelta::seconds(seconds.into()));
    }
    DateTime::parse_from_rfc2822(retry_after.trim()).ok().map(|at| (at.to_utc() - now).max(TimeDelta::zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Allowed {
        Allowed::new(Vec::new(), "https://samsyn.example.se")
    }

    fn code(allowed: &Allowed, url: &str) -> &'static str {
        allowed.receiver(url).map_or_else(|problem| problem.faults[0].code, |_| "")
    }

    #[test]
    fn no_spelling_of_an_inner_address_is_called() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "１２７.0.0.1",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::a00:1]",
            "[2002:7f00:1::]",
            "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[2001:db8::1]",
            "169.254.169.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "192.0.2.1",
            "localhost",
            "localhost.",
            "LOCALHOST",
            "a.localhost",
            "printer.local",
            "erp.internal",
            "router.lan",
            "nas.home.arpa",
            "intranet",
            "db",
        ] {
            assert_eq!(code(&plain(), &format!("https://{host}/x")), "address-not-allowed", "{host}");
        }
        for host in
            ["example.com", "93.184.215.14", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]", "172.32.0.1", "11.0.0.1", "xn--rksmrgs-5wao1o.se"]
        {
            assert_eq!(code(&plain(), &format!("https://{host}/x")), "", "{host}");
        }
    }

    #[test]
    fn only_web_services_are_called_and_never_oneself() {
        for (url, wanted) in [
            ("http://example.com/", "not-https"),
            ("file:///etc/passwd", "not-https"),
            ("gopher://example.com/", "not-https"),
            ("javascript:alert(1)", "not-https"),
            ("example.com", "wrong-form"),
            ("https://", "wrong-form"),
            ("https://a:b@example.com/", "has-user"),
            ("https://a@example.com/", "has-user"),
            ("https://example.com/#x", "has-fragment"),
            ("https://example.com:25/", "port-not-allowed"),
            ("https://example.com:80/", "port-not-allowed"),
            ("https://example.com:22/", "port-not-allowed"),
            ("https://example.com:5432/", "port-not-allowed"),
            ("https://example.com:6379/", "port-not-allowed"),
            ("https://example.com:0/", "port-not-allowed"),
            ("https://samsyn.example.se/x", "own-address"),
            ("https://SAMSYN.example.se.:8443/x", "own-address"),
            ("https://example.com:8443/x?y=z", ""),
            ("https://example.com:3000/", ""),
        ] {
            assert_eq!(code(&plain(), url), wanted, "{url}");
        }
    }

    #[test]
    fn an_operator_may_open_networks_of_its_own() {
        let allowed = Allowed::new(vec!["10.0.0.0/8".parse().unwrap()], "http://10.1.1.1:8080");
        assert_eq!(code(&allowed, "http://10.2.3.4/x"), "");
        assert_eq!(code(&allowed, "https://10.2.3.4/x"), "");
        assert_eq!(code(&allowed, "http://erp.internal/x"), "", "its name is judged when it is looked up");
        assert_eq!(code(&allowed, "http://127.0.0.1/x"), "address-not-allowed");
        assert_eq!(code(&allowed, "http://93.184.215.14/x"), "address-not-allowed", "in plain HTTP only what is one's own");
        assert_eq!(code(&allowed, "http://10.1.1.1:8080/x"), "own-address");
        assert!(allowed.address("10.9.9.9".parse().unwrap(), true) && !allowed.address("127.0.0.1".parse().unwrap(), false));
        assert!(allowed.address("1.1.1.1".parse().unwrap(), false) && !allowed.address("1.1.1.1".parse().unwrap(), true));
    }

    #[test]
    fn a_message_is_tried_for_a_day_and_a_wish_is_heeded() {
        let now = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap();
        let waits: Vec<_> = (1..=TRIES).map_while(|tries| next_try(tries, "m", None, now)).map(|at| at - now).collect();
        assert_eq!(waits.len(), 10);
        assert!(waits.is_sorted() && waits[0] >= TimeDelta::seconds(5) && waits[0] <= TimeDelta::seconds(6));
        assert!(waits.iter().sum::<TimeDelta>() >= TimeDelta::hours(24));
        assert_eq!(next_try(TRIES, "m", None, now), None);
        assert_eq!(next_try(1, "m", wish("120", now), now), Some(now + TimeDelta::seconds(120)));
        assert_eq!(next_try(1, "m", wish("99999999", now), now), Some(now + LONGEST_WISH));
        assert_eq!(wish(&(now + TimeDelta::minutes(3)).to_rfc2822(), now), Some(TimeDelta::minutes(3)));
        assert_eq!((wish("soon", now), wish("-1", now)), (None, None));
    }
}
