//! Sessions: how far each has come, their deadlines, and how many there may be.

pub(crate) mod census;
pub(crate) mod deadlines;
pub(crate) mod nonces;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod without_login;
