//! stub
use serde::{Deserialize, Serialize};
/// x
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Decimal(i128);
/// x
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// x
    Sum,
    /// x
    Average,
    /// x
    Max,
    /// x
    Min,
}
/// x
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// x
    pub count: u64,
}
impl Summary {
    /// x
    pub fn compute(&self, _o: Operation) -> Result<Decimal, String> {
        Err(String::new())
    }
}
