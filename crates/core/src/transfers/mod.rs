//! The files that go from device to device, as their senders report them: the hub carries none of them.

pub(crate) mod budget;
pub(crate) mod grants;
pub(crate) mod status;
pub(crate) mod table;

#[cfg(test)]
mod tests;
