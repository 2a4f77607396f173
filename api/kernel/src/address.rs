//! The network address that a call came from. What a call says of itself counts only when a trusted proxy passed it on.

use std::net::IpAddr;

use actix_web::http::header::{self, HeaderMap};
use ipnet::IpNet;

use super::fields::{self, Item};

/// Reads networks such as `10.0.0.0/8` or single addresses.
///
/// # Errors
/// With a sentence on the first that is neither.
pub fn networks(texts: &[String]) -> Result<Vec<IpNet>, String> {
    let network = |text: &String| {
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| format!("{text} is neither an address nor a network, such as 10.0.0.0/8"))
    };
    texts.iter().map(network).collect()
}

/// Who called: the peer, or the last address before the trusted proxies that passed the call on.
#[must_use]
pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let trusts = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !trusts(&peer) {
        return peer;
    }
    // From the right, for what stands left of the first stranger is only what the stranger said.
    let first_stranger = |names: Vec<Option<IpAddr>>| -> Option<IpAddr> {
        let mut nearest = None;
        for name in names.into_iter().rev() {
            let Some(address) = name else { break };
            nearest = Some(address);
            if !trusts(&address) {
                break;
            }
        }
        nearest
    };
    let x_forwarded = fields::items(headers, header::X_FORWARDED_FOR).map(|item| address(item.name)).collect();
    let forwarded = fields::items(headers, header::FORWARDED).map(|element| address(&forwarded_for(&element))).collect();
    match (first_stranger(x_forwarded), first_stranger(forwarded)) {
        (Some(one), Some(other)) if one == other => one,
        // A proxy that writes one of them may pass on the other as the caller made it up.
        (Some(_), Some(_)) | (None, None) => peer,
        (Some(one), None) | (None, Some(one)) => one,
    }
}

/// The `for` of one element of `Forwarded` (RFC 7239).
fn forwarded_for(element: &Item<'_>) -> String {
    let first = element.value.as_deref().filter(|_| element.name.eq_ignore_ascii_case("for"));
    first.or_else(|| element.parameter("for")).unwrap_or_default().to_owned()
}

/// An address as it stands in such headers: plain, with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None if text.matches(':').count() == 1 => text.split(':').next().unwrap_or_default(),
        None => text,
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peer: &str, trusted: &[&str], headers: &[(&str, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse().unwrap(), value.parse().unwrap());
        }
        let trusted: Vec<_> = trusted.iter().map(|text| (*text).to_owned()).collect();
        of(peer.parse().unwrap(), &map, &networks(&trusted).unwrap()).to_string()
    }

    #[test]
    fn a_stranger_is_who_it_is_whatever_it_says() {
        let lies = [("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1"), ("X-Real-IP", "192.0.2.1")];
        assert_eq!(told("198.51.100.7", &[], &lies), "198.51.100.7");
        assert_eq!(told("198.51.100.7", &["10.0.0.0/8"], &lies), "198.51.100.7");
    }

    #[test]
    fn a_trusted_proxy_says_who_called_it_and_nothing_further_left_counts() {
        let through = |header: &str, value: &str| told("10.0.0.2", &["10.0.0.0/8", "2001:db8:1::/48"], &[(header, value)]);
        assert_eq!(through("X-Forwarded-For", "192.0.2.1, 203.0.113.9"), "203.0.113.9");
        assert_eq!(through("X-Forwarded-For", "192.0.2.1, 203.0.113.9, 10.1.1.1"), "203.0.113.9");
        assert_eq!(through("X-Forwarded-For", "203.0.113.9:4711"), "203.0.113.9");
        assert_eq!(through("X-Forwarded-For", "::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(through("X-Forwarded-For", "10.9.9.9, 10.1.1.1"), "10.9.9.9");
        assert_eq!(through("X-Forwarded-For", "203.0.113.9, unknown"), "10.0.0.2");
        assert_eq!(through("Forwarded", "for=192.0.2.1, For=\"[2001:db8:2::1]:80\";proto=https, for=10.0.0.9"), "2001:db8:2::1");
        assert_eq!(through("Forwarded", "for=_hidden"), "10.0.0.2");
        assert_eq!(told("::ffff:10.0.0.2", &["10.0.0.0/8"], &[("X-Forwarded-For", "203.0.113.9")]), "203.0.113.9");
    }

    #[test]
    fn two_headers_that_disagree_are_both_passed_over() {
        let both =
            |one: &str, other: &str| told("10.0.0.2", &["10.0.0.0/8"], &[("X-Forwarded-For", one), ("Forwarded", &format!("for={other}"))]);
        assert_eq!(both("203.0.113.9", "203.0.113.9"), "203.0.113.9");
        assert_eq!(both("203.0.113.9", "192.0.2.1"), "10.0.0.2");
    }

    #[test]
    fn what_is_no_network_is_told() {
        assert!(networks(&["proxy.example.se".to_owned()]).unwrap_err().contains("proxy.example.se"));
    }
}
