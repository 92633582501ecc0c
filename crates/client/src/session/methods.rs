//! The calls of the control protocol, one method each.

use fleetlink_proto::control::{
    ActiveDevice, AnnounceEndpoint, Compute, ComputeReply, DeleteFile, DeleteReply, DeviceList,
    Done, FileEntry, FileList, Join, JoinReply, ListDevices, ListFiles, Login, LoginReply,
    OpenTransfer, OpenTransferReply, Pong, Request,
};
use fleetlink_proto::samples::Operation;
use fleetlink_proto::transfer::{Addresses, ReportTransfer, SignedCertificate};
use fleetlink_proto::{DataFile, DeviceName, IdempotencyKey, Password};
use tokio::time::timeout;

use super::Session;
use super::closed::Closed;
use crate::limits::LEAVE_DEADLINE;
use crate::{Error, Result};

impl Session {
    /// Logs in: the session may then issue commands.
    pub async fn login(&self, name: &str, password: &Password) -> Result<LoginReply> {
        self.call(Request::Login(Login::by_password(name, password.clone())))
            .await
    }

    /// Announces the device's presence and the UDP port on which it accepts peers. Somebody else's
    /// sessions under the name end.
    pub async fn join(&self, udp_port: u16) -> Result<JoinReply> {
        self.join_as(Join {
            udp_port,
            ..Join::default()
        })
        .await
    }

    /// Joins as the parameters say.
    pub async fn join_as(&self, join: Join) -> Result<JoinReply> {
        self.call(Request::Join(join)).await
    }

    /// Announces the endpoint of this device and its addresses; after every join.
    pub async fn announce_endpoint(
        &self,
        certificate: SignedCertificate,
        addresses: Addresses,
    ) -> Result<()> {
        let certificate = certificate.into();
        let announce = AnnounceEndpoint {
            certificate,
            addresses,
        };
        let announced = self.call::<Done>(Request::AnnounceEndpoint(announce));
        announced.await.map(|_| ())
    }

    /// Asks the hub for a grant to send files to another device from the announced endpoint.
    pub async fn open_transfer(&self, to: DeviceName) -> Result<OpenTransferReply> {
        let certificate = None;
        let open = OpenTransfer { to, certificate };
        self.call(Request::OpenTransfer(open)).await
    }

    /// The same from the endpoint of this certificate, whether the session has joined or not.
    pub async fn open_transfer_from(
        &self,
        certificate: SignedCertificate,
        to: DeviceName,
    ) -> Result<OpenTransferReply> {
        let certificate = Some(certificate.into());
        let open = OpenTransfer { to, certificate };
        self.call(Request::OpenTransfer(open)).await
    }

    /// Tells the hub how a file is doing that this device sends under a grant. Only a hub that
    /// [hears reports](Session::hears_reports) knows this call. [`Client`](crate::Client) makes it by itself.
    pub async fn report_transfer(&self, report: ReportTransfer) -> Result<()> {
        let told = self.call::<Done>(Request::ReportTransfer(report));
        told.await.map(|_| ())
    }

    /// Tells whether the hub hears of the transfers between its devices.
    pub fn hears_reports(&self) -> bool {
        let agreed = self.inner.agreed.get();
        agreed.is_some_and(|agreed| agreed.hears_reports)
    }

    /// Asks the hub for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        self.call::<Pong>(Request::Ping).await.map(|_| ())
    }

    /// Says goodbye, if the hub still listens, and closes the session.
    pub async fn leave(&self) {
        let goodbye = self.call::<Done>(Request::Leave);
        let _ = timeout(LEAVE_DEADLINE, goodbye).await;
        self.inner.shared.close(Closed::Left);
    }

    /// Has the hub compute on one of the device's data files.
    pub async fn compute(&self, file: DataFile, operation: Operation) -> Result<ComputeReply> {
        self.call(Request::Compute(Compute { file, operation }))
            .await
    }

    /// Removes one of the device's data files; a repeated key has one effect.
    /// [`Client::delete`](crate::Client::delete) tries again by itself.
    pub async fn delete(&self, file: DataFile, key: IdempotencyKey) -> Result<DeleteReply> {
        self.call(Request::DeleteFile(DeleteFile { file, key }))
            .await
    }

    /// All of the device's data files, in the order of their names.
    pub async fn all_files(&self) -> Result<Vec<FileEntry>> {
        self.list_files(false).await
    }

    /// The same where no person asked: the hub's output does not show it.
    pub async fn all_files_in_background(&self) -> Result<Vec<FileEntry>> {
        self.list_files(true).await
    }

    async fn list_files(&self, background: bool) -> Result<Vec<FileEntry>> {
        let (mut files, mut after) = (Vec::new(), None);
        loop {
            let list = ListFiles {
                after: after.clone(),
                background,
            };
            let page: FileList = self.call(Request::ListFiles(list)).await?;
            files.extend(page.files);
            match page.next {
                // A hub that goes backwards would be asked for ever.
                Some(next) if after.is_none_or(|last| next > last) => after = Some(next),
                Some(_) => return Err(backwards()),
                None => return Ok(files),
            }
        }
    }

    /// All other active devices, in the order they joined.
    pub async fn all_devices(&self) -> Result<Vec<ActiveDevice>> {
        self.list_devices(false).await
    }

    /// The same where no person asked: the hub's output does not show it.
    pub async fn all_devices_in_background(&self) -> Result<Vec<ActiveDevice>> {
        self.list_devices(true).await
    }

    async fn list_devices(&self, background: bool) -> Result<Vec<ActiveDevice>> {
        let (mut devices, mut after) = (Vec::new(), None);
        loop {
            let list = ListDevices { after, background };
            let page: DeviceList = self.call(Request::ListDevices(list)).await?;
            devices.extend(page.devices);
            match page.next {
                Some(next) if after.is_none_or(|last| next > last) => after = Some(next),
                Some(_) => return Err(backwards()),
                None => return Ok(devices),
            }
        }
    }
}

fn backwards() -> Error {
    Error::unexpected("the pages of a list go backwards")
}
