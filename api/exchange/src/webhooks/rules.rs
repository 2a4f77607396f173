//! Rules for the addresses that messages may be sent to, and for when a failed message is tried again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;

use crate::kernel::{Fault, Problem, Result, hash::sha256_hex, say};

/// IPv4 networks that are not on the public Internet (the IANA registries of special-purpose addresses): four bytes and the
/// prefix length.
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

/// Networks within `2000::/3` that are not global, or whose addresses contain another address: Teredo and its neighbours,
/// documentation, 6to4. All addresses outside `2000::/3` count as not global too, which includes NAT64. IPv4-mapped
/// addresses are converted to IPv4 first.
const NOT_GLOBAL_6: [(u16, u16, u8); 4] = [(0x2001, 0, 23), (0x2001, 0x0db8, 32), (0x2002, 0, 16), (0x3fff, 0, 20)];

/// Ports from 1024 on that other services than web servers are known by: databases, caches, queues, brokers, remote control
/// of machines and clusters.
const TAKEN_PORTS: [u16; 44] = [
    1080, 1433, 1434, 1521, 1723, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3128, 3306, 3389, 4369, 5432, 5433, 5601, 5672, 5900, 5984,
    5985, 5986, 6000, 6379, 6380, 6443, 6667, 7000, 7001, 8086, 8500, 9042, 9092, 9200, 9300, 10250, 10255, 11211, 15672, 26379, 27017,
    27018,
];

/// Last parts of host names that are only valid in a private network.
const INNER_NAMES: [&str; 9] =
    ["localhost", "local", "internal", "localdomain", "lan", "intranet", "home.arpa", "in-addr.arpa", "ip6.arpa"];

/// The seconds to wait after each failed attempt: about 28 hours in all.
const WAITS: [i64; 10] = [5, 60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 43_200];
/// The maximum number of attempts to send a message.
pub const TRIES: i32 = 11;
/// The longest wait that a receiver can ask for with `Retry-After`.
const MAX_RETRY_AFTER: TimeDelta = TimeDelta::hours(12);

/// The addresses that this installation may send messages to.
#[derive(Clone, Debug)]
pub struct AllowedReceivers {
    /// Networks of the operator that may be called, also without TLS.
    networks: Vec<IpNet>,
    /// The host and port of the installation itself. Messages are never sent there.
    own: Option<(String, Option<u16>)>,
}

impl AllowedReceivers {
    /// Returns the rules for an installation with the address `public_url`, whose operator allows `networks`.
    #[must_use]
    pub fn new(networks: Vec<IpNet>, public_url: &str) -> Self {
        let own = Url::parse(public_url).ok().and_then(|url| Some((host_name(&url)?, url.port_or_known_default())));
        Self { networks, own }
    }

    /// Returns whether an IP address may be called. Over TLS: any global address and those in the operator's networks.
    /// Without TLS (`plain`): only those in the operator's networks.
    #[must_use]
    pub fn allows_address(&self, address: IpAddr, plain: bool) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address)) || (!plain && is_global(address))
    }

    /// Parses and checks the address of a receiver. Returns it in the normalised form that is called.
    ///
    /// # Errors
    /// When the address is malformed or may not be called (a fault at `/url`).
    pub fn parse_receiver(&self, text: &str) -> Result<Url> {
        let url = Url::parse(text).map_err(|_| {
            invalid_url(
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
                return Err(invalid_url(
                    "not-https",
                    say!(
                        "Adressen ska börja med https://, så att ingen kan läsa eller ändra på vägen.",
                        "The address must begin with https://, so that nobody can read or change on the way."
                    ),
                ));
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid_url(
                "has-user",
                say!(
                    "Ta bort användarnamn och lösenord ur adressen; meddelandena är signerade och behöver inga.",
                    "Remove user name and password from the address; messages are signed and need none."
                ),
            ));
        }
        if url.fragment().is_some() {
            return Err(invalid_url(
                "has-fragment",
                say!("Ta bort # och det som följer; det skickas aldrig.", "Remove # and what follows; it is never sent."),
            ));
        }
        Self::check_port(&url)?;
        self.check_host(&url)?;
        Ok(url)
    }

    fn check_port(url: &Url) -> Result<()> {
        let port = url.port_or_known_default().unwrap_or_default();
        if port == 443 || (port == 80 && url.scheme() == "http") || (port >= 1024 && !TAKEN_PORTS.contains(&port)) {
            return Ok(());
        }
        Err(invalid_url(
            "port-not-allowed",
            say!(
                "Port {port} används av annat än webbtjänster. Använd 443, 8443 eller en annan ledig port från 1024.",
                "Port {port} is used by other things than web services. Use 443, 8443 or another free port from 1024."
            ),
        ))
    }

    fn check_host(&self, url: &Url) -> Result<()> {
        let host = host_name(url).unwrap_or_default();
        let ip = parse_ip(&host);
        let inner = || {
            invalid_url(
                "address-not-allowed",
                say!(
                    "Adressen leder till ett inre nät eller till den egna datorn och kan inte anropas. Ange en adress som nås från Internet.",
                    "The address leads to an inner network or to the machine itself and cannot be called. Give one that is reached from the Internet."
                ),
            )
        };
        let listed = ip.is_some_and(|address| self.networks.iter().any(|network| network.contains(&address)));
        let own = self.own.as_ref().is_some_and(|(name, port)| *name == host && (!listed || *port == url.port_or_known_default()));
        if own {
            return Err(invalid_url(
                "own-address",
                say!("Det är tjänstens egen adress. Ange mottagarens.", "It is the service's own address. Give the receiver's."),
            ));
        }
        match ip {
            Some(address) if self.allows_address(address, url.scheme() == "http") => Ok(()),
            Some(_) => Err(inner()),
            // When the operator allows own networks, internal names are not refused here: their addresses are checked when
            // they are looked up, as the addresses of all names are.
            None if self.networks.is_empty() && is_inner_name(&host) => Err(inner()),
            None => Ok(()),
        }
    }
}

/// Returns the host of a URL in lower case, without the brackets of an IPv6 address and the final dot that a name may have.
fn host_name(url: &Url) -> Option<String> {
    Some(url.host_str()?.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase())
}

/// Returns the IP address when the host is one and not a name. The URL parser has already normalised all spellings of an
/// address.
fn parse_ip(host: &str) -> Option<IpAddr> {
    host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn is_inner_name(host: &str) -> bool {
    !host.contains('.') || INNER_NAMES.iter().any(|end| host.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

fn invalid_url(code: &'static str, detail: crate::kernel::Text) -> Problem {
    Problem::invalid(vec![Fault::at_pointer("/url", code, detail)])
}

/// Returns whether an IP address is on the public Internet.
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

/// Returns the time of the next attempt after `tries` attempts, or `None` when that was the last. `asked` is the wait that
/// the receiver asked for. Each wait is up to a fifth longer than in [`WAITS`], by a digest of the message id, so that
/// messages which failed together are not all tried again at the same moment.
#[must_use]
pub fn next_try(tries: i32, message: &str, asked: Option<TimeDelta>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let wait = WAITS.get(usize::try_from(tries).ok()?.checked_sub(1)?)?;
    let digest = sha256_hex(format!("{message} {tries}").as_bytes());
    let spread = i64::from_str_radix(&digest[..4], 16).unwrap_or_default();
    let wait = TimeDelta::milliseconds(wait * 1000 + wait * 200 * spread / 0xffff);
    Some(now + wait.max(asked.unwrap_or_default().min(MAX_RETRY_AFTER)))
}

/// Parses the value of `Retry-After`, which is a number of seconds or a date. Returns the time to wait.
#[must_use]
pub fn parse_retry_after(retry_after: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    if let Ok(seconds) = retry_after.trim().parse::<u32>() {
        return Some(TimeDelta::seconds(seconds.into()));
    }
    DateTime::parse_from_rfc2822(retry_after.trim()).ok().map(|at| (at.to_utc() - now).max(TimeDelta::zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn internet_only() -> AllowedReceivers {
        AllowedReceivers::new(Vec::new(), "https://samsyn.example.se")
    }

    fn code(allowed: &AllowedReceivers, url: &str) -> &'static str {
        allowed.parse_receiver(url).map_or_else(|problem| problem.faults[0].code, |_| "")
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
            assert_eq!(code(&internet_only(), &format!("https://{host}/x")), "address-not-allowed", "{host}");
        }
        for host in
            ["example.com", "93.184.215.14", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]", "172.32.0.1", "11.0.0.1", "xn--rksmrgs-5wao1o.se"]
        {
            assert_eq!(code(&internet_only(), &format!("https://{host}/x")), "", "{host}");
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
            assert_eq!(code(&internet_only(), url), wanted, "{url}");
        }
    }

    #[test]
    fn an_operator_may_open_networks_of_its_own() {
        let allowed = AllowedReceivers::new(vec!["10.0.0.0/8".parse().unwrap()], "http://10.1.1.1:8080");
        assert_eq!(code(&allowed, "http://10.2.3.4/x"), "");
        assert_eq!(code(&allowed, "https://10.2.3.4/x"), "");
        assert_eq!(code(&allowed, "http://erp.internal/x"), "", "its name is judged when it is looked up");
        assert_eq!(code(&allowed, "http://127.0.0.1/x"), "address-not-allowed");
        assert_eq!(code(&allowed, "http://93.184.215.14/x"), "address-not-allowed", "in plain HTTP only what is one's own");
        assert_eq!(code(&allowed, "http://10.1.1.1:8080/x"), "own-address");
        assert!(allowed.allows_address("10.9.9.9".parse().unwrap(), true) && !allowed.allows_address("127.0.0.1".parse().unwrap(), false));
        assert!(allowed.allows_address("1.1.1.1".parse().unwrap(), false) && !allowed.allows_address("1.1.1.1".parse().unwrap(), true));
    }

    #[test]
    fn a_message_is_tried_for_a_day_and_a_wish_is_heeded() {
        let now = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap();
        let waits: Vec<_> = (1..=TRIES).map_while(|tries| next_try(tries, "m", None, now)).map(|at| at - now).collect();
        assert_eq!(waits.len(), 10);
        assert!(waits.is_sorted() && waits[0] >= TimeDelta::seconds(5) && waits[0] <= TimeDelta::seconds(6));
        assert!(waits.iter().sum::<TimeDelta>() >= TimeDelta::hours(24));
        assert_eq!(next_try(TRIES, "m", None, now), None);
        assert_eq!(next_try(1, "m", parse_retry_after("120", now), now), Some(now + TimeDelta::seconds(120)));
        assert_eq!(next_try(1, "m", parse_retry_after("99999999", now), now), Some(now + MAX_RETRY_AFTER));
        assert_eq!(parse_retry_after(&(now + TimeDelta::minutes(3)).to_rfc2822(), now), Some(TimeDelta::minutes(3)));
        assert_eq!((parse_retry_after("soon", now), parse_retry_after("-1", now)), (None, None));
    }
}
