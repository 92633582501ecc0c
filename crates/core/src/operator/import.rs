//! A line of a credentials file on its way to the store.

use fleetlink_proto::{DeviceName, WallTime};

use crate::operator::requests::ImportOrder;
use crate::store::calls::{Change, GivenLogin, StoreCall};

/// A line of a credentials file whose turn has come or will come.
#[derive(Debug)]
pub(crate) struct ImportLine {
    pub(crate) order: ImportOrder,
    /// Whether the account follows the line; decided when its turn has come.
    pub(crate) applies: bool,
    /// Whether the account's login is the one that the line gives; decided at the same time.
    pub(crate) gives: bool,
}

impl ImportLine {
    pub(crate) fn new(order: ImportOrder) -> Self {
        ImportLine {
            order,
            applies: false,
            gives: false,
        }
    }

    pub(crate) fn store_call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        let ImportOrder {
            origin,
            password_hash,
            ..
        } = &self.order;
        let given = GivenLogin {
            origin: origin.clone(),
            name: name.clone(),
            password_hash: password_hash.clone(),
            gives: self.gives,
        };
        StoreCall::Change(Change::ImportLogin {
            given,
            at,
            applies: self.applies,
        })
    }
}
