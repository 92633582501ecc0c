//! The audit records that are too old or too many, and their removal in small steps: a change waits for one step
//! alone.

use fleetlink_proto::WallTime;
use rusqlite::Connection;

use super::error::OpError;
use super::limits::AUDIT_STEP;

/// The limits of the records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Records before this time go.
    pub(super) since: Option<WallTime>,
    /// Of more records than this, the oldest go. Half of them are for those that strangers caused. What strangers
    /// and devices caused pushes out nothing of people, of the operator and of the hub's own.
    pub(super) most: Option<u64>,
}

/// The records that go in one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    which: Which,
    count: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Before(i64),
    OfStrangers,
    Surplus,
}

/// Counts the records that are beyond the bounds, and returns the steps that remove them.
pub(super) fn steps(connection: &Connection, bounds: &Bounds) -> Result<Vec<Step>, OpError> {
    let count = |sql: &str, since: i64| -> rusqlite::Result<i64> {
        connection
            .prepare_cached(sql)?
            .query_row([since], |row| row.get(0))
    };
    let since = bounds.since.map_or(i64::MIN, WallTime::unix_millis);
    let before = "SELECT count(*) FROM audit_events WHERE at_ms < ?1";
    let mut steps = Vec::new();
    add(&mut steps, Which::Before(since), count(before, since)?);
    let Some(most) = bounds.most.and_then(|most| i64::try_from(most).ok()) else {
        return Ok(steps);
    };
    let strangers = "SELECT count(*) FROM audit_events INDEXED BY audit_by_kind \
                     WHERE by_kind = 'nobody' AND at_ms >= ?1";
    let of_strangers = (count(strangers, since)? - most / 2).max(0);
    add(&mut steps, Which::OfStrangers, of_strangers);
    let all = "SELECT count(*) FROM audit_events WHERE at_ms >= ?1";
    let surplus = count(all, since)? - of_strangers - most;
    add(&mut steps, Which::Surplus, surplus);
    Ok(steps)
}

fn add(steps: &mut Vec<Step>, which: Which, mut count: i64) {
    while count > 0 {
        let step = count.min(AUDIT_STEP);
        steps.push(Step { which, count: step });
        count -= step;
    }
}

/// Removes the records of a step.
pub(super) fn prune(connection: &Connection, step: &Step) -> Result<(), OpError> {
    let delete = |of: &str, before: i64, count: i64| {
        let sql = format!("DELETE FROM audit_events WHERE id IN ({of})");
        connection.prepare_cached(&sql)?.execute([before, count])
    };
    match step.which {
        Which::Before(since) => delete(BEFORE, since, step.count)?,
        Which::OfStrangers => delete(OF_STRANGERS, i64::MAX, step.count)?,
        Which::Surplus => {
            let gone = delete(OF_DEVICES, i64::MAX, step.count)?;
            let left = step.count - i64::try_from(gone).unwrap_or(step.count);
            match left {
                0 => gone,
                // Nothing else is left: the others alone are too many.
                left => delete(BEFORE, i64::MAX, left)?,
            }
        }
    };
    Ok(())
}

const BEFORE: &str = "SELECT id FROM audit_events INDEXED BY audit_by_time \
                      WHERE at_ms < ?1 ORDER BY at_ms, id LIMIT ?2";

const OF_STRANGERS: &str = "SELECT id FROM audit_events INDEXED BY audit_by_kind \
                            WHERE by_kind = 'nobody' AND at_ms < ?1 ORDER BY at_ms, id LIMIT ?2";

/// The records that strangers and devices caused, also by the hub's hand: it removes what a device has
/// uploaded, and counts what was too much.
const OF_DEVICES: &str = "SELECT id FROM (
    SELECT * FROM (SELECT at_ms, id FROM audit_events INDEXED BY audit_by_kind
        WHERE by_kind = 'device' AND at_ms < ?1 ORDER BY at_ms, id LIMIT ?2)
    UNION ALL
    SELECT * FROM (SELECT at_ms, id FROM audit_events INDEXED BY audit_by_kind
        WHERE by_kind = 'nobody' AND at_ms < ?1 ORDER BY at_ms, id LIMIT ?2)
    UNION ALL
    SELECT * FROM (SELECT at_ms, id FROM audit_events INDEXED BY audit_of_upkeep
        WHERE by_kind = 'hub' AND action IN ('data.deleted', 'left', 'audit.left_out') AND at_ms < ?1
        ORDER BY at_ms, id LIMIT ?2)
    ) ORDER BY at_ms, id LIMIT ?2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_small_and_all_of_them_are_what_goes() {
        for count in [-1, 0, 1, 500, 501, 25_000] {
            let mut steps = Vec::new();
            add(&mut steps, Which::Surplus, count);
            assert!(steps.iter().all(|step| (1..=500).contains(&step.count)));
            let all: i64 = steps.iter().map(|step| step.count).sum();
            assert_eq!(all, count.max(0));
        }
    }
}
