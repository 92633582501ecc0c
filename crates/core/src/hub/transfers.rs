//! The senders' reports of their transfers, and the list of these.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{Done, ErrorCode, Reply, RpcError};
use fleetlink_proto::transfer::{ReportTransfer, TransferId};

use crate::call::Call;
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::hub::routing::Context;
use crate::time::Now;
use crate::transfers::status::{TransferStatus, TransferTotals};
use crate::transfers::table::NotReported;

impl Hub {
    /// The numbers of transfers since the hub's start.
    pub fn transfer_totals(&self) -> TransferTotals {
        self.transfers.totals()
    }

    /// A grant is signed: its sender may report the files that it sends under it.
    pub(super) fn granted_to(&mut self, grant: TransferId, from: DeviceName, to: DeviceName) {
        self.transfers.granted(grant, from, to);
    }

    /// A sender tells how one of its files is doing.
    pub(super) fn report_transfer(
        &mut self,
        call: Call<ReportTransfer>,
        Context { now, .. }: Context,
    ) {
        let (report, call) = call.split();
        let (Some(session), Some(name)) = (call.session(), call.device()) else {
            let error = errors::out_of_order("files are reported in a session");
            return call.refuse(error, &mut self.out);
        };
        match self.transfers.report((session, name), &report, now) {
            Ok(told) => {
                self.tell_transfer(told);
                call.ok(Reply::Done(Done {}), &mut self.out);
            }
            Err(why) => call.refuse(not_reported(why), &mut self.out),
        }
    }

    /// Gives up the transfers whose senders are gone for long enough.
    pub(super) fn give_up_transfers(&mut self, now: Now) {
        while let Some(given_up) = self.transfers.give_up_due(now) {
            self.tell_transfer(Some(given_up));
        }
    }

    fn tell_transfer(&mut self, told: Option<TransferStatus>) {
        if let Some(status) = told {
            self.out.push(Effect::Transfer(Box::new(status)));
        }
    }
}

fn not_reported(why: NotReported) -> RpcError {
    match why {
        NotReported::NoGrant => RpcError::new(
            ErrorCode::NoSuchTransfer,
            "the hub has given this device no such grant, or has forgotten it",
        ),
        NotReported::TooMany => {
            errors::busy("the hub hears of no further file before others are over")
        }
        NotReported::TooFast(wait) => {
            errors::busy("this device begins more files than the hub hears of").retry_after(wait)
        }
    }
}
