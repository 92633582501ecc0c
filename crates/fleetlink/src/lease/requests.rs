//! The lines of `fleetlink hello serve` about requests.

use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use fleetlink_check::shown;
use fleetlink_hub::{Asked, ShownRequest, ShownRequests};
use fleetlink_proto::EscapedBytes;
use fleetlink_proto::lease::Transport;
use fleetlink_proto::lease::limits::MAX_SHOWN_BYTES;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::output::Output;

/// Lines that are printed at once at most.
const MAX_BATCH: usize = 64;
/// The time between two lines that count the requests not shown.
const LEFT_OUT_EVERY: Duration = Duration::from_secs(1);
/// The time for the last lines.
const LAST_LINES_WITHIN: Duration = Duration::from_secs(1);

/// Prints requests until the service is gone, on a thread of its own: a terminal may be slow.
pub(super) fn show(requests: ShownRequests, output: Output) -> JoinHandle<()> {
    tokio::task::spawn_blocking(move || {
        let mut told = Instant::now();
        loop {
            let next = requests.requests.recv_timeout(LEFT_OUT_EVERY);
            let mut lines: Vec<String> = next.iter().map(line).collect();
            let more = requests.requests.try_iter().take(MAX_BATCH);
            lines.extend(more.map(|request| line(&request)));
            let ended = matches!(next, Err(RecvTimeoutError::Disconnected));
            if ended || told.elapsed() >= LEFT_OUT_EVERY {
                told = Instant::now();
                lines.extend(left_out(&requests));
            }
            if !lines.is_empty() {
                output.line(&lines.join("\n"));
            }
            if ended {
                return;
            }
        }
    })
}

/// Waits for the last lines; a terminal that takes none must not keep the server.
pub(super) async fn finish(showing: JoinHandle<()>) {
    // A panic in it has been printed.
    let _ = timeout(LAST_LINES_WITHIN, showing).await;
}

fn left_out(requests: &ShownRequests) -> Option<String> {
    let count = requests.take_left_out();
    (count > 0).then(|| format!("{count} more requests were not shown"))
}

/// The line of a request: its client, its bytes and the reply.
fn line(request: &ShownRequest) -> String {
    let ShownRequest {
        transport,
        client,
        asked,
        reply,
    } = request;
    let asked = match asked {
        Asked::Id(id) => format!("HELLO {id}"),
        Asked::Malformed(bytes) => format!("malformed: {}", cut(bytes)),
        Asked::Nothing => "nothing".to_owned(),
    };
    let answer = match (reply, transport) {
        (Some(reply), _) => shown(reply.as_bytes().trim_ascii_end()),
        (None, Transport::Udp) => "no answer".to_owned(),
        (None, Transport::Tcp) => "closed".to_owned(),
    };
    format!("{transport} {client}: {asked} -> {answer}")
}

/// The bytes, escaped; nothing at all has a word for it.
fn cut(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return shown(bytes);
    }
    EscapedBytes(bytes).cut(MAX_SHOWN_BYTES)
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::lease::Reply;

    use super::*;

    fn shown_request(transport: Transport, asked: Asked, reply: Option<Reply>) -> String {
        line(&ShownRequest {
            transport,
            client: ([192, 0, 2, 7], 5000).into(),
            asked,
            reply,
        })
    }

    #[test]
    fn a_line_says_who_asked_what_and_what_was_answered() {
        let id = "8877".parse().unwrap();
        let granted = Reply::granted(id, ([192, 0, 2, 7], 5000).into(), true);
        assert_eq!(
            shown_request(Transport::Udp, Asked::Id(id), Some(granted)),
            "UDP 192.0.2.7:5000: HELLO 8877 -> OK 8877 192.0.2.7 5000"
        );
        assert_eq!(
            shown_request(Transport::Tcp, Asked::Nothing, None),
            "TCP 192.0.2.7:5000: nothing -> closed"
        );
        let malformed = Asked::Malformed(b"HELLO\x1b[2J\xff\n".to_vec());
        assert_eq!(
            shown_request(Transport::Udp, malformed, None),
            "UDP 192.0.2.7:5000: malformed: HELLO\\u{1b}[2J\\xff\\n -> no answer"
        );
    }

    #[test]
    fn malformed_input_is_cut() {
        for bytes in [vec![b'9'; 81], vec![0; 80], vec![0xff; 81]] {
            let text = cut(&bytes);
            assert!(text.ends_with('…') && text.chars().count() <= 81, "{text}");
        }
        assert_eq!(cut(&[b'9'; 80]), "9".repeat(80));
    }
}
