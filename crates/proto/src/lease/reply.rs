//! A server's replies, made without allocating.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::id::LeaseId;
use super::limits::MAX_REPLY_BYTES;

/// The bytes of one reply.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    bytes: [u8; MAX_REPLY_BYTES],
    length: usize,
}

impl Default for Reply {
    fn default() -> Self {
        Reply {
            bytes: [0; MAX_REPLY_BYTES],
            length: 0,
        }
    }
}

impl Reply {
    /// `OK <id> <ip> <port>`. IPv6 in its canonical text form (RFC 5952, section 4), an
    /// IPv4-mapped address as IPv4.
    pub fn granted(id: LeaseId, client: SocketAddr, newline: bool) -> Self {
        let mut reply = Reply::default();
        reply.push(b"OK ");
        reply.push(&id.digits());
        reply.push(b" ");
        match client.ip().to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                reply.push_number(a.into());
                for octet in [b, c, d] {
                    reply.push(b".");
                    reply.push_number(octet.into());
                }
            }
            // Writing to a buffer with room for the longest address cannot fail.
            IpAddr::V6(address) => write!(reply, "{address}").unwrap_or_default(),
        }
        reply.push(b" ");
        reply.push_number(client.port());
        reply.end(newline)
    }

    /// `RESET <id>`.
    pub fn in_use(id: LeaseId, newline: bool) -> Self {
        let mut reply = Reply::default();
        reply.push(b"RESET ");
        reply.push(&id.digits());
        reply.end(newline)
    }

    /// The bytes to send.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn end(mut self, newline: bool) -> Self {
        if newline {
            self.push(b"\n");
        }
        self
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// In decimal. Not through `fmt`, which costs more than all the rest of a request.
    fn push_number(&mut self, number: u16) {
        let mut digits = [0; 5];
        let mut begin = digits.len();
        let mut left = number;
        loop {
            begin -= 1;
            digits[begin] = b'0' + u8::try_from(left % 10).unwrap_or(0);
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.push(&digits[begin..]);
    }
}

impl std::fmt::Write for Reply {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if text.len() > MAX_REPLY_BYTES - self.length {
            return Err(std::fmt::Error);
        }
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(client: &str) -> String {
        let reply = Reply::granted("0042".parse().unwrap(), client.parse().unwrap(), false);
        String::from_utf8(reply.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn shows_the_client_as_the_server_sees_it() {
        assert_eq!(granted("0.0.0.0:0"), "OK 0042 0.0.0.0 0");
        assert_eq!(granted("192.0.2.100:65535"), "OK 0042 192.0.2.100 65535");
        assert_eq!(granted("[::1]:10"), "OK 0042 ::1 10");
        assert_eq!(granted("[::ffff:192.0.2.1]:9"), "OK 0042 192.0.2.1 9");
        // RFC 5952, sections 4.1 to 4.3: no leading zeros, the longest run of zeros, lower case.
        assert_eq!(
            granted("[2001:0DB8:0000:0000:0001:0000:0000:00AB]:1"),
            "OK 0042 2001:db8::1:0:0:ab 1"
        );
        assert_eq!(granted("[fe80::1%3]:1"), "OK 0042 fe80::1 1");
    }

    #[test]
    fn no_reply_is_larger_than_its_bound() {
        let longest = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
            .parse()
            .unwrap();
        let id = "9999".parse().unwrap();
        let reply = Reply::granted(id, longest, true);
        assert_eq!(reply.as_bytes().len(), MAX_REPLY_BYTES);
        assert_eq!(Reply::in_use(id, true).as_bytes(), b"RESET 9999\n");
        // RFC 8085 asks not to amplify: headers of IP and UDP included.
        let v6 = (40 + 8 + reply.as_bytes().len()) as f64 / (40 + 8 + 11) as f64;
        assert!(v6 <= 1.8, "{v6}");
        let longest = "255.255.255.255:65535".parse().unwrap();
        for (newline, request) in [(false, 10), (true, 11)] {
            let reply = Reply::granted(id, longest, newline);
            let v4 = (20 + 8 + reply.as_bytes().len()) as f64 / (20 + 8 + request) as f64;
            assert!(v4 <= 1.5, "{v4}");
            assert!(Reply::in_use(id, newline).as_bytes().len() <= request);
        }
    }
}
