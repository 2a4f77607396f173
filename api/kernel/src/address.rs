//! The network address of the caller. Forwarding headers count only when a trusted proxy sent the request.

use std::net::IpAddr;

use actix_web::http::header::{self, HeaderMap};
use ipnet::IpNet;

use super::fields::{self, Item};

/// Parses networks such as `10.0.0.0/8`, and single addresses as networks of one.
///
/// # Errors
/// A sentence that names the first text which is neither.
pub fn parse_networks(texts: &[String]) -> Result<Vec<IpNet>, String> {
    let network = |text: &String| {
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| format!("{text} is neither an address nor a network, such as 10.0.0.0/8"))
    };
    texts.iter().map(network).collect()
}

/// Returns the caller's address: the peer, or, behind trusted proxies, the nearest address that is not one of them.
/// When `X-Forwarded-For` and `Forwarded` disagree, neither counts and the result is the peer.
#[must_use]
pub fn caller_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    let trusts = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !trusts(&peer) {
        return peer;
    }
    // Read from the right: everything to the left of the first untrusted address was written by that address.
    let first_untrusted = |addresses: Vec<Option<IpAddr>>| -> Option<IpAddr> {
        let mut nearest = None;
        for address in addresses.into_iter().rev() {
            let Some(address) = address else { break };
            nearest = Some(address);
            if !trusts(&address) {
                break;
            }
        }
        nearest
    };
    let x_forwarded = fields::items(headers, header::X_FORWARDED_FOR).map(|item| parse_address(item.name)).collect();
    let forwarded = fields::items(headers, header::FORWARDED).map(|element| parse_address(&forwarded_for(&element))).collect();
    match (first_untrusted(x_forwarded), first_untrusted(forwarded)) {
        (Some(one), Some(other)) if one == other => one,
        // A proxy that sets one of the two headers may pass on the other unchanged, as the caller forged it.
        (Some(_), Some(_)) | (None, None) => peer,
        (Some(one), None) | (None, Some(one)) => one,
    }
}

/// Returns the value of `for` in one element of `Forwarded` (RFC 7239); empty when it has none.
fn forwarded_for(element: &Item<'_>) -> String {
    let first = element.value.as_deref().filter(|_| element.name.eq_ignore_ascii_case("for"));
    first.or_else(|| element.parameter("for")).unwrap_or_default().to_owned()
}

/// Parses an address in the forms that these headers use: plain, with a port, or in brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
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

    fn caller(peer: &str, trusted: &[&str], headers: &[(&str, &str)]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse().unwrap(), value.parse().unwrap());
        }
        let trusted: Vec<_> = trusted.iter().map(|text| (*text).to_owned()).collect();
        caller_address(peer.parse().unwrap(), &map, &parse_networks(&trusted).unwrap()).to_string()
    }

    #[test]
    fn headers_of_an_untrusted_peer_are_ignored() {
        let lies = [("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1"), ("X-Real-IP", "192.0.2.1")];
        assert_eq!(caller("198.51.100.7", &[], &lies), "198.51.100.7");
        assert_eq!(caller("198.51.100.7", &["10.0.0.0/8"], &lies), "198.51.100.7");
    }

    #[test]
    fn a_trusted_proxy_names_its_caller_and_addresses_further_left_are_ignored() {
        let through = |header: &str, value: &str| caller("10.0.0.2", &["10.0.0.0/8", "2001:db8:1::/48"], &[(header, value)]);
        assert_eq!(through("X-Forwarded-For", "192.0.2.1, 203.0.113.9"), "203.0.113.9");
        assert_eq!(through("X-Forwarded-For", "192.0.2.1, 203.0.113.9, 10.1.1.1"), "203.0.113.9");
        assert_eq!(through("X-Forwarded-For", "203.0.113.9:4711"), "203.0.113.9");
        assert_eq!(through("X-Forwarded-For", "::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(through("X-Forwarded-For", "10.9.9.9, 10.1.1.1"), "10.9.9.9");
        assert_eq!(through("X-Forwarded-For", "203.0.113.9, unknown"), "10.0.0.2");
        assert_eq!(through("Forwarded", "for=192.0.2.1, For=\"[2001:db8:2::1]:80\";proto=https, for=10.0.0.9"), "2001:db8:2::1");
        assert_eq!(through("Forwarded", "for=_hidden"), "10.0.0.2");
        assert_eq!(caller("::ffff:10.0.0.2", &["10.0.0.0/8"], &[("X-Forwarded-For", "203.0.113.9")]), "203.0.113.9");
    }

    #[test]
    fn two_headers_that_disagree_are_both_ignored() {
        let both = |one: &str, other: &str| {
            caller("10.0.0.2", &["10.0.0.0/8"], &[("X-Forwarded-For", one), ("Forwarded", &format!("for={other}"))])
        };
        assert_eq!(both("203.0.113.9", "203.0.113.9"), "203.0.113.9");
        assert_eq!(both("203.0.113.9", "192.0.2.1"), "10.0.0.2");
    }

    #[test]
    fn an_invalid_network_is_named_in_the_error() {
        assert!(parse_networks(&["proxy.example.se".to_owned()]).unwrap_err().contains("proxy.example.se"));
    }
}
