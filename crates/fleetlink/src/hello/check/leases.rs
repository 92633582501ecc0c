//! Who gets which id.

use fleetlink_proto::lease::{Reply, ServerReply, Transport};

use super::Outcome;
use super::asking::Target;
use crate::check::Finding;

/// A free id is granted.
pub(super) async fn grant(target: Target) -> Outcome {
    let (_, asked) = target.granted().await?;
    Ok(asked.pass())
}

/// The reply is, to the byte, what the client knows about itself.
pub(super) async fn address(target: Target) -> Outcome {
    let (id, asked) = target.granted().await?;
    let expected = Reply::granted(id, asked.client, false);
    let why = "OK tells the client its address (canonical, RFC 5952) and port, without a line end; \
               behind a NAT they may differ";
    Ok(asked.expect(expected.as_bytes(), why)?.pass())
}

/// A second client asks for an id that a first one holds, and then again.
pub(super) async fn in_use(target: Target) -> Outcome {
    let (id, _) = target.granted().await?;
    let why = "an id that was granted a moment ago is in use";
    target.expect_in_use(id, why).await?;
    Ok(target.expect_in_use(id, why).await?.pass())
}

/// Two clients get two ids, and one of them may hold both.
pub(super) async fn sources(target: Target) -> Outcome {
    target.granted().await?;
    let (first, _) = target.granted().await?;
    let (second, asked) = target.granted().await?;
    target
        .expect_in_use(first, "the first id stays in use")
        .await?;
    target
        .expect_in_use(second, "the second id stays in use")
        .await?;
    Ok(asked.pass())
}

/// What is granted over one transport is in use over the other.
pub(super) async fn one_table(target: Target) -> Outcome {
    let transport = match target.transport {
        Transport::Udp => Transport::Tcp,
        Transport::Tcp => Transport::Udp,
    };
    let other = target.over(transport);
    let Ok((theirs, _)) = other.granted().await else {
        let why = format!("the server grants nothing over {transport} on this port");
        return Ok(Finding::skipped(why));
    };
    let why = format!("the id was granted over {transport}");
    target.expect_in_use(theirs, &why).await?;
    let (ours, _) = target.granted().await?;
    let why = format!("the id was granted over {}", target.transport);
    Ok(other.expect_in_use(ours, &why).await?.pass())
}

/// Replies end as their requests do.
pub(super) async fn line_end(target: Target) -> Outcome {
    let mut last = None;
    for end in ["\n", "\r\n"] {
        let asked = target
            .ask(format!("HELLO {}{end}", target.new_id()).as_bytes())
            .await?;
        if ServerReply::parse(&asked.reply).is_err() || !asked.reply.ends_with(b"\n") {
            let why = "a request may end with a newline, and then its reply does";
            return Err(asked.fail(why));
        }
        last = Some(asked);
    }
    Ok(last.map_or_else(Finding::pass, |asked| asked.pass()))
}
