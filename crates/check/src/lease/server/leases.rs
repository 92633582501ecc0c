//! The checks of grants: to which client, for which id.

use std::sync::{Arc, OnceLock};

use fleetlink_proto::lease::{Reply, Transport};

use super::asking::{Held, REPLY_WITHIN, Target};
use super::exchange::Asked;
use crate::{CheckResult, Finding, shown};

/// Tries of what a slow network can leave undecided.
const TRIES: u32 = 3;

/// The first grant of a run, which a later check judges.
pub(super) type First = Arc<OnceLock<Asked>>;

/// A free id is granted.
pub(super) async fn grant(target: Target, first: First) -> CheckResult {
    let (_, asked) = target.granted().await?;
    let finding = asked.pass();
    // This is the only check that sets it.
    let _ = first.set(asked);
    Ok(finding)
}

/// The reply is what the client knows about itself.
pub(super) async fn address(first: First) -> CheckResult {
    let asked = first.get().cloned();
    let asked = asked.ok_or_else(|| Finding::skipped("needs: grant"))?;
    let id = asked.parsed().map(|reply| reply.id());
    let id = id.ok_or_else(|| Finding::skipped("needs: grant"))?;
    let expected = Reply::granted(id, asked.client, false);
    let why = "OK tells the client its address (canonical, RFC 5952) and port; behind a NAT they \
               may differ";
    Ok(asked.expect(&expected, why)?.pass())
}

/// Clients get ids while others are held.
pub(super) async fn sources(target: Target) -> CheckResult {
    let mut last = None;
    for held in 0..3 {
        let (_, asked) = target.granted().await.map_err(|finding| {
            if held == 0 || !finding.failed() {
                return finding;
            }
            finding.but(format!("with {held} ids in use, another one is granted"))
        })?;
        last = Some(asked);
    }
    Ok(last.map_or_else(Finding::pass, |asked| asked.pass()))
}

/// A granted id is in use for everybody, also after another grant.
pub(super) async fn in_use(target: Target) -> CheckResult {
    let why = "an id that was granted a moment ago is in use";
    for _ in 0..TRIES {
        let (first, of_first) = target.granted().await?;
        let (second, of_second) = target.granted().await?;
        let asks = [(first, &of_first), (second, &of_second), (first, &of_first)];
        let mut last = None;
        for (id, grant) in asks {
            match target.expect_held(id, grant, why).await? {
                Held::Yes(asked) => last = Some(asked),
                Held::TooLate => break,
            }
        }
        if let Some(asked) = last {
            return Ok(asked.pass());
        }
    }
    Ok(Finding::skipped(TOO_SLOW))
}

const TOO_SLOW: &str = "the replies come too late to tell; check over a faster network";

/// An id that is granted over one transport is in use over the other.
pub(super) async fn one_table(target: Target) -> CheckResult {
    let transport = match target.transport {
        Transport::Udp => Transport::Tcp,
        Transport::Tcp => Transport::Udp,
    };
    let other = target.over(transport);
    if !serves(&other).await {
        let why = format!("the server grants nothing over {transport} on this port");
        return Ok(Finding::skipped(why));
    }
    for _ in 0..TRIES {
        let (theirs, grant) = other.granted().await?;
        let why = format!("the id was granted over {transport}");
        let Held::Yes(_) = target.expect_held(theirs, &grant, &why).await? else {
            continue;
        };
        let (ours, grant) = target.granted().await?;
        let why = format!("the id was granted over {}", target.transport);
        if let Held::Yes(asked) = other.expect_held(ours, &grant, &why).await? {
            return Ok(asked.pass());
        }
    }
    Ok(Finding::skipped(TOO_SLOW))
}

/// Whether a transport is served at all, at the second try where a datagram was lost.
async fn serves(target: &Target) -> bool {
    for _ in 0..2 {
        let request = fleetlink_proto::lease::Request::encode(target.new_id());
        match target.exchange(&request, REPLY_WITHIN).await {
            Ok(asked) if asked.parsed().is_some() => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    false
}

/// Advice: replies end as their requests do.
pub(super) async fn line_end(target: Target) -> CheckResult {
    let mut advice = None;
    let mut finding = Finding::pass();
    for end in ["", "\n", "\r\n"] {
        let request = format!("HELLO {}{end}", target.new_id());
        let mut asked = target.try_input(request.as_bytes()).await?;
        if asked.reply.is_empty() {
            asked = target.try_input(request.as_bytes()).await?;
        }
        let what = match (end, asked.parsed(), asked.reply.ends_with(b"\n")) {
            (_, None, _) => Some("should be answered; some clients end it so"),
            ("", _, true) => Some("should have a reply without a line end: clients compare it"),
            ("\n" | "\r\n", _, false) => Some("should have a reply that ends with a newline"),
            _ => None,
        };
        finding = asked.pass();
        if let Some(what) = what {
            advice = Some(finding.remark(format!("{} {what}", shown(request.as_bytes()))));
            finding = Finding::pass();
        }
    }
    Ok(advice.unwrap_or(finding))
}
