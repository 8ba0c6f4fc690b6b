//! Where is an IP address?

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Detector, Span};

pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    let mut at = 0;
    for part in text.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, ':' | '.'))) {
        let start = at + (part.len() - part.trim_start_matches('.').len());
        let address = part.trim_matches('.');
        at += part.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
        if let Some(length) = address_in(address) {
            spans.push(Span { bytes: start..start + length, detector: Detector::Ip });
        }
    }
}

/// How long the address is that a text begins with: with a port after it, or a colon.
fn address_in(text: &str) -> Option<usize> {
    if text.parse::<Ipv6Addr>().is_ok() || text.parse::<Ipv4Addr>().is_ok() {
        return Some(text.len());
    }
    let (address, _) = text.split_once(':')?;
    let v6 = text.trim_end_matches(':');
    if v6.parse::<Ipv6Addr>().is_ok() {
        return Some(v6.len());
    }
    address.parse::<Ipv4Addr>().ok().map(|_| address.len())
}
