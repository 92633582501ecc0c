//! Many devices, a few at a time.

use crate::BenchResult;

/// The number of sessions made at a time.
const TOGETHER: u32 = 8;

/// Makes so many of something, a few at a time.
pub(crate) async fn many<T, F>(count: u32, make: impl Fn(u32) -> F) -> BenchResult<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = BenchResult<T>> + Send + 'static,
{
    let mut made = Vec::new();
    for first in (0..count).step_by(TOGETHER as usize) {
        let last = count.min(first + TOGETHER);
        let tasks: Vec<_> = (first..last).map(|n| tokio::spawn(make(n))).collect();
        for task in tasks {
            made.push(task.await??);
        }
    }
    Ok(made)
}
