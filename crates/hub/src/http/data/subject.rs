//! The data file that a path names.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use fleetlink_proto::{DataFile, DeviceName};

use super::super::Http;
use super::super::extract::Segments;
use super::super::problem::Problem;

/// The data file of a path. Its name is one segment: a slash in it is written as `%2F`.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(super) device: DeviceName,
    pub(super) file: DataFile,
}

impl Subject {
    /// The tag of this version.
    pub(super) fn tag(version: fleetlink_proto::Version) -> String {
        format!("\"v{version}\"")
    }
}

/// The device of a path.
#[derive(Debug, Clone)]
pub(crate) struct OfDevice(pub(crate) DeviceName);

impl FromRequestParts<Arc<Http>> for Subject {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Self, Problem> {
        let named = Segments::<(String, String)>::from_request_parts(parts, http).await?;
        let Segments((device, file)) = named;
        let device = parse_device(&device)?;
        let file = file
            .parse()
            .map_err(|error: fleetlink_proto::DataFileError| {
                Problem::bad_request(error.to_string())
            })?;
        Ok(Subject { device, file })
    }
}

impl FromRequestParts<Arc<Http>> for OfDevice {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Self, Problem> {
        let Segments(device) = Segments::<String>::from_request_parts(parts, http).await?;
        parse_device(&device).map(OfDevice)
    }
}

pub(crate) fn parse_device(text: &str) -> Result<DeviceName, Problem> {
    text.parse()
        .map_err(|error: fleetlink_proto::DeviceNameError| Problem::bad_request(error.to_string()))
}
