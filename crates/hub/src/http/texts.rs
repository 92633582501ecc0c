//! The texts of the API in its description: the length and the pattern of each kind.
//!
//! The types have no values. They stand for the parsers in `proto`, which decide; the description is
//! as narrow as a pattern can say it.

use std::borrow::Cow;

use fleetlink_proto::MAX_DEVICE_NAME_BYTES;
use fleetlink_proto::access::MAX_ACCESS_NAME_BYTES;
use fleetlink_proto::control::limits::MAX_LOGIN_NAME_BYTES;
use fleetlink_proto::ticket::MAX_PREFIX_BYTES;
use fleetlink_proto::{MAX_DATA_FILE_BYTES, MAX_PASSWORD_BYTES};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// A device's name, or the prefix of such names.
const DEVICE: &str = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$";
/// A data file's name: no part between slashes is empty, `.` or `..`.
const DATA_FILE: &str = "^([A-Za-z0-9_-]|\\.[A-Za-z0-9_-]|\\.\\.[A-Za-z0-9._-])[A-Za-z0-9._-]*\
                         (/([A-Za-z0-9_-]|\\.[A-Za-z0-9_-]|\\.\\.[A-Za-z0-9._-])[A-Za-z0-9._-]*)*$";
const ACCESS: &str = "^[A-Za-z0-9._+@-]+$";
const SECRET: &str = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]+$";
const LINK: &str = "^fll_[0-9a-f]{64}$";

macro_rules! text {
    ($(#[$meta:meta])* $name:ident, $title:literal, $max:expr, $pattern:expr) => {
        $(#[$meta])*
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text($max, $pattern).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($title)
            }
        }
    };
}

text!(
    /// The name of a device.
    DeviceText, "DeviceName", MAX_DEVICE_NAME_BYTES, Some(DEVICE));
text!(
    /// The first part of the names of several devices.
    PrefixText, "NamePrefix", MAX_PREFIX_BYTES, Some(DEVICE));
text!(
    /// The name of a data file.
    DataFileText, "DataFileName", MAX_DATA_FILE_BYTES, Some(DATA_FILE));
text!(
    /// The name of a login or a token.
    AccessText, "AccessName", MAX_ACCESS_NAME_BYTES, Some(ACCESS));
text!(
    /// A password that an account or a login may have.
    PasswordText, "Password", MAX_PASSWORD_BYTES, Some(SECRET));
text!(
    /// A name as somebody types it at a login.
    TypedNameText, "TypedName", MAX_LOGIN_NAME_BYTES, None);
text!(
    /// The secret of a one-time link.
    LinkText, "LinkSecret", 68, Some(LINK));
text!(
    /// The rights of a login.
    RoleText, "Role", 13, Some("^(viewer|administrator)$"));
text!(
    /// The rights of a token.
    TokenRoleText, "TokenRole", 13, Some("^(viewer|administrator|device)$"));
text!(
    /// The number of a ticket or a token.
    NumberText, "Number", 20, Some("^[0-9]+$"));
text!(
    /// The kind of a rule about data.
    RuleKindText, "RuleKind", 11, Some("^(quota|quota-files|retain)$"));
text!(
    /// The pattern of a rule about data: a device's name, or a data file's with or without a device's and a
    /// colon before it.
    RulePatternText, "RulePattern", 256, Some("^([A-Za-z0-9._*/-]+:)?[A-Za-z0-9._*/-]+$"));

fn text(max: usize, pattern: Option<&str>) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .min_length(Some(1))
        .max_length(Some(max))
        .pattern(pattern)
        .build()
}
