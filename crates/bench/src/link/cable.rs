//! Frames in and out of an interface.

use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{MsgFlags, MultiHeaders, bind, recvmmsg, setsockopt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};
use socket2::{Domain, Protocol, Socket, Type};

use crate::BenchResult;

const BATCH: usize = 64;
/// The longest frame of an Ethernet with the usual MTU of 1500.
const MAX_FRAME: usize = 1514;
/// For bursts that come while the link does not look.
const RECEIVE_BUFFER: usize = 64 << 20;
/// The EtherType of IPv4, as the kernel wants it: in network order.
const IPV4: i32 = 0x0800_u16.to_be() as i32;

const ETHERNET_HEADER: usize = 14;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// The frames that come from an interface: the IPv4 ones.
#[derive(Debug)]
pub(super) struct Inlet {
    socket: Socket,
    interface: &'static str,
}

/// The frames that go to an interface.
#[derive(Debug)]
pub(super) struct Outlet {
    socket: Socket,
}

/// The buffers of received frames.
pub(super) struct Buffers {
    headers: MultiHeaders<()>,
    frames: Vec<[u8; MAX_FRAME + 1]>,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Buffers {
            headers: MultiHeaders::preallocate(BATCH, None),
            frames: vec![[0; MAX_FRAME + 1]; BATCH],
        }
    }
}

impl Inlet {
    /// Of an interface of the calling thread's network namespace.
    pub(super) fn open(interface: &'static str) -> BenchResult<Self> {
        let socket = open(interface, Some(Protocol::from(IPV4)))?;
        setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER)?;
        Ok(Inlet { socket, interface })
    }

    /// Waits until a frame comes, or so long.
    pub(super) fn wait(&self, at_most: Duration) -> BenchResult {
        let mut sockets = [PollFd::new(&self.socket, PollFlags::IN)];
        poll(&mut sockets, Some(&Timespec::try_from(at_most)?))?;
        Ok(())
    }

    /// Gives all frames that are there.
    pub(super) fn receive(
        &self,
        buffers: &mut Buffers,
        mut give: impl FnMut(&[u8]),
    ) -> BenchResult {
        loop {
            let mut lengths = [0; BATCH];
            let mut slices: Vec<_> = buffers
                .frames
                .iter_mut()
                .map(|frame| [IoSliceMut::new(frame)])
                .collect();
            let (socket, flags) = (self.socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
            let headers = &mut buffers.headers;
            let received = match recvmmsg(socket, headers, slices.iter_mut(), flags, None) {
                Ok(received) => received.map(|message| message.bytes),
                Err(Errno::EAGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let mut count = 0;
            for (length, bytes) in lengths.iter_mut().zip(received) {
                *length = bytes;
                count += 1;
            }
            for (frame, length) in buffers.frames.iter_mut().zip(&lengths[..count]) {
                let frame = frame.get_mut(..*length).ok_or("a frame of no length")?;
                if frame.len() > MAX_FRAME {
                    return Err("a frame above the MTU: the sender's kernel did not cut it".into());
                }
                write_checksum(frame);
                give(frame);
            }
            if count < BATCH {
                return Ok(());
            }
        }
    }

    /// The number of frames that the interface has received so far.
    pub(super) fn frames(&self) -> BenchResult<u64> {
        let devices = fs::read_to_string("/proc/thread-self/net/dev")?;
        let name = format!("{}:", self.interface);
        let fields = devices
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(&name));
        let packets = fields.and_then(|fields| fields.split_whitespace().nth(1));
        Ok(packets.ok_or("no such interface")?.parse()?)
    }
}

impl Outlet {
    /// Into an interface of the calling thread's network namespace.
    pub(super) fn open(interface: &str) -> BenchResult<Self> {
        // Without a protocol it receives nothing.
        let socket = open(interface, None)?;
        Ok(Outlet { socket })
    }

    pub(super) fn send(&self, frames: impl Iterator<Item = Vec<u8>>) -> BenchResult {
        let frames: Vec<Vec<u8>> = frames.collect();
        for batch in frames.chunks(BATCH) {
            let slices: Vec<_> = batch.iter().map(|frame| [IoSlice::new(frame)]).collect();
            let mut control: Vec<_> = batch
                .iter()
                .map(|_| SendAncillaryBuffer::default())
                .collect();
            let messages = slices.iter().zip(&mut control);
            let mut messages: Vec<_> = messages
                .map(|(slice, control)| MMsgHdr::new(slice, control))
                .collect();
            let mut rest = &mut messages[..];
            while !rest.is_empty() {
                let sent = sendmmsg(&self.socket, rest, SendFlags::empty())?;
                rest = &mut rest[sent..];
            }
        }
        Ok(())
    }
}

fn open(interface: &str, protocol: Option<Protocol>) -> BenchResult<Socket> {
    let mut interfaces = getifaddrs()?.filter(|i| i.interface_name == interface);
    let address = interfaces.find_map(|i| i.address?.as_link_addr().copied());
    let address = address.ok_or("no such interface")?;
    let socket = Socket::new(Domain::PACKET, Type::RAW, protocol)?;
    bind(socket.as_raw_fd(), &address)?;
    Ok(socket)
}

/// Computes the checksum of what an IPv4 frame carries (RFC 1071): a kernel leaves that to its
/// network card, and here this is the card.
fn write_checksum(frame: &mut [u8]) {
    let Some(packet) = frame.get_mut(ETHERNET_HEADER..) else {
        return;
    };
    let (Some(&first), Some(&protocol)) = (packet.first(), packet.get(9)) else {
        return;
    };
    let header = usize::from(first & 0xf) * 4;
    let place = match protocol {
        TCP => 16,
        UDP => 6,
        _ => return,
    };
    // The kernel pads short frames behind the packet.
    let length = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    if length < header + place + 2 || packet.len() < length {
        return;
    }
    let (head, content) = packet[..length].split_at_mut(header);
    content[place..place + 2].fill(0);
    let pseudo_header = sum(&head[12..20]) + u64::from(protocol) + (length - header) as u64;
    let mut total = pseudo_header + sum(content);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    #[expect(clippy::cast_possible_truncation, reason = "it was folded to 16 bits")]
    let checksum = match !(total as u16) {
        // Zero would say that there is none.
        0 => 0xffff,
        checksum => checksum,
    };
    content[place..place + 2].copy_from_slice(&checksum.to_be_bytes());
}

fn sum(bytes: &[u8]) -> u64 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let last = rest.first().map_or(0, |byte| u64::from(*byte) << 8);
    let pairs = pairs
        .iter()
        .map(|pair| u64::from(u16::from_be_bytes(*pair)));
    pairs.sum::<u64>() + last
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A datagram with the content "hi!" from 192.0.2.1:1 to 192.0.2.2:2, padded by a byte.
    #[test]
    fn writes_the_checksum_that_a_receiver_expects() {
        let mut frame = vec![0; ETHERNET_HEADER];
        frame.extend([0x45, 0, 0, 31, 0, 0, 0, 0, 64, UDP, 0, 0]);
        frame.extend([192, 0, 2, 1, 192, 0, 2, 2]);
        frame.extend([0, 1, 0, 2, 0, 11, 0xab, 0xcd]);
        frame.extend(*b"hi!\xff");
        write_checksum(&mut frame);
        // 2 * 0xc000 + 0x0201 + 0x0202 + 17 + 11 + 1 + 2 + 11 + 0x6869 + 0x2100, folded, inverted.
        assert_eq!(frame[ETHERNET_HEADER + 26..][..2], 0xf267_u16.to_be_bytes());
    }
}
