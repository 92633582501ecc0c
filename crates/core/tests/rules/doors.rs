//! Every method of the protocol, called by everybody, at the hub itself: what comes of it is what
//! the table of the authorisation says.

use fleetlink_core::Possession::Proven;
use fleetlink_core::authorisation::{Action, Caller, Decision, Door, Means, decide};
use fleetlink_proto::control::{
    AbortUpload, CancelDownload, CommitUpload, Compute, DeleteFile, EnrolKey, ErrorCode, Hello,
    Join, ListDevices, ListFiles, Login, OpenDownload, OpenTransfer, RedeemTicket, ReplaceKey,
    Request,
};
use fleetlink_proto::samples::Operation;
use fleetlink_proto::ticket::TicketSecret;
use fleetlink_proto::transfer::ReportedState;
use fleetlink_proto::{DataFile, DeviceKey, DeviceName, IdempotencyKey, Signature};

use crate::authorisation::device_caller;
use crate::direct::announcement;
use crate::fixture::{Fixture, name, open};
use crate::transfers::report;

/// A call of this method, for `device` where it names one, and what it is a case of.
fn call<'a>(method: &str, device: &'a DeviceName, own: &'a DeviceName) -> (Request, Action<'a>) {
    let file = DataFile::numbered(1);
    let key = DeviceKey::from_bytes([9; 32]);
    let signature = Signature::from_bytes([0; 64]);
    let idempotency = IdempotencyKey::from_bits(1);
    let request = match method {
        "hello" => Request::Hello(Hello {
            versions: vec![1],
            ..Hello::default()
        }),
        "login" => Request::Login(Login::by_password(own.as_str(), "right")),
        "login.nonce" => Request::LoginNonce,
        "ping" => Request::Ping,
        "leave" => Request::Leave,
        "join" => Request::Join(Join {
            udp_port: 5000,
            rejoin: None,
            ..Join::default()
        }),
        "upload.open" => open(1),
        "upload.commit" => Request::CommitUpload(CommitUpload {
            upload: 1.into(),
            bytes: 0,
            hash: None,
        }),
        "upload.abort" => Request::AbortUpload(AbortUpload { upload: 1.into() }),
        "file.compute" => Request::Compute(Compute {
            file,
            operation: Operation::Sum,
        }),
        "file.delete" => Request::DeleteFile(DeleteFile {
            file,
            key: idempotency,
        }),
        "file.list" => Request::ListFiles(ListFiles::default()),
        "download.open" => Request::OpenDownload(OpenDownload {
            file,
            download: None,
        }),
        "download.cancel" => Request::CancelDownload(CancelDownload { download: 1.into() }),
        "device.list" => Request::ListDevices(ListDevices::default()),
        "key.list" => Request::ListKeys,
        "key.revoke" => Request::RevokeKey,
        "key.enrol" => Request::EnrolKey(EnrolKey {
            name: device.clone(),
            key,
            signature,
        }),
        "key.replace" => Request::ReplaceKey(ReplaceKey {
            name: device.clone(),
            key,
            signature,
        }),
        "transfer.announce" => announcement(own.as_str(), 9),
        "ticket.redeem" => Request::RedeemTicket(RedeemTicket {
            ticket: TicketSecret::from_bytes([7; 16]),
            name: Some(own.clone()),
            key,
            signature,
        }),
        "transfer.open" => Request::OpenTransfer(OpenTransfer {
            to: name("nobody"),
            certificate: None,
        }),
        "transfer.report" => Request::ReportTransfer(report(7, 1, ReportedState::Running)),
        other => panic!("{other} is a new method: who may call it?"),
    };
    let action = match method {
        "hello" | "login.nonce" | "login" | "ping" | "leave" => Action::Converse,
        "ticket.redeem" => Action::RedeemTicket,
        "join" => Action::Join(own),
        "device.list" => Action::ListDevices,
        "upload.open" | "upload.commit" | "upload.abort" => Action::WriteData(own),
        "file.delete" => Action::DeleteData(own),
        "transfer.announce" | "transfer.open" | "transfer.report" => Action::Transfer(own),
        "key.list" => Action::ListKeys(own),
        "key.revoke" => Action::ChangeKey(own),
        "key.enrol" | "key.replace" => Action::ChangeKey(device),
        _ => Action::ReadData(own),
    };
    (request, action)
}

/// The session 1 of somebody; `None` is a stranger.
fn session_of(means: Option<Means>) -> Fixture {
    let mut f = Fixture::enrolled();
    match means {
        None => f.greeted(2),
        Some(Means::Password) => f.attached(2, "cam"),
        Some(Means::Token) => panic!("no session is opened by a token"),
        Some(Means::Key) => {
            f.greeted(2);
            f.key_login(2, "cam", 1, Proven).unwrap();
        }
    }
    f
}

#[test]
fn every_method_is_open_to_whom_the_table_says_and_to_nobody_else() {
    let (own, other) = (name("cam"), name("uav"));
    let everybody = [None, Some(Means::Password), Some(Means::Key)];
    for method in Request::METHODS {
        for means in everybody {
            for device in [&own, &other] {
                let mut f = session_of(means);
                let (request, action) = call(method, device, &own);
                let caller = means.map_or(Caller::Nobody, |means| device_caller(&own, means));
                let id = f.call_with(2, request, Proven);
                let code = match f.answer(&id) {
                    Some(Err(error)) => Some(error.code),
                    _ => None,
                };
                let case = format!("{method} for {device} by {caller:?}: {code:?}");
                match decide(&caller, Door::Session, action) {
                    // Whatever comes of it then, it is not for want of permission.
                    Decision::Permitted => assert_ne!(code, Some(ErrorCode::NotAllowed), "{case}"),
                    Decision::LoginNeeded => {
                        assert_eq!(code, Some(ErrorCode::OutOfOrder), "{case}");
                    }
                    Decision::PasswordNeeded | Decision::Forbidden => {
                        assert_eq!(code, Some(ErrorCode::NotAllowed), "{case}");
                        assert!(f.store_call().is_none(), "{case}, and yet it is done");
                    }
                }
            }
        }
    }
}
