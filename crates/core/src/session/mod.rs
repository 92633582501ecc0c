//! Sessions: how they begin and end, their deadlines, and how many there may be.

pub(crate) mod census;
pub(crate) mod deadlines;
pub(crate) mod endings;
pub(crate) mod lifecycle;
pub(crate) mod state;
pub(crate) mod without_login;
