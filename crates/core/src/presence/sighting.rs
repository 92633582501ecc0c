//! The traces that a device leaves: when it was seen first and last, and in which half hours it was
//! present.

use std::time::Duration;

use fleetlink_proto::{DeviceName, WallTime};

use crate::presence::half_hours::{HalfHours, half_hour};

/// Half hours of a heartbeat.
const SHOWN: i64 = 48;

/// The times at which a device was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The first authenticated call of the device.
    pub first: WallTime,
    /// The last one, or the end of its last session.
    pub last: WallTime,
    /// Whether it has a session now.
    pub is_seen: bool,
    /// Its presence.
    pub course: Course,
}

/// A device's presence over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Whether it is present now.
    pub is_present: bool,
    /// Since when it is present or absent.
    pub since: WallTime,
    /// The half hours in which it was present before.
    pub present: HalfHours,
    /// The half hours in which it was absent before.
    pub absent: HalfHours,
}

/// Changes of a device since its sighting was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SightingNote {
    /// The first time that is noted.
    pub first: WallTime,
    /// The last one.
    pub last: WallTime,
    /// Whether it has a session, if that has changed.
    pub is_seen: Option<bool>,
    /// The time at which its presence changed first, and its course from then on.
    pub change: Option<(WallTime, Course)>,
}

/// All that a store has to write down about sightings at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SightingNotes {
    /// The present time.
    pub at: WallTime,
    /// The begin of this run of the hub, if nothing has been written of it: what the run before has left
    /// open ends.
    pub begun: Option<WallTime>,
    /// Half hours in which the hub ran.
    pub ran: HalfHours,
    /// The changes of these devices.
    pub devices: Vec<(DeviceName, SightingNote)>,
}

impl Course {
    fn beginning(is_present: bool, since: WallTime) -> Self {
        Course {
            is_present,
            since,
            present: HalfHours::default(),
            absent: HalfHours::default(),
        }
    }

    /// Ends the present state at this time, and marks its half hours.
    fn end_state(&mut self, at: WallTime) {
        // Before its beginning where this is noted a second time, or where the clock was set back.
        if at > self.since {
            match self.is_present {
                true => self.present.mark(self.since, at),
                false => self.absent.mark(self.since, at),
            }
        }
    }

    fn change(&mut self, is_present: bool, at: WallTime) {
        self.end_state(at);
        (self.is_present, self.since) = (is_present, at);
    }

    /// Goes on with a later course, which begins at this time.
    fn go_on(&mut self, at: WallTime, later: &Course) {
        self.end_state(at);
        self.present.add(later.present);
        self.absent.add(later.absent);
        (self.is_present, self.since) = (later.is_present, later.since);
    }

    fn forget_after(&mut self, now: WallTime) {
        self.since = self.since.min(now);
        self.present.forget_after(now);
        self.absent.forget_after(now);
    }
}

impl SightingNote {
    /// A device is seen.
    pub fn seen(at: WallTime) -> Self {
        SightingNote {
            first: at,
            last: at,
            is_seen: None,
            change: None,
        }
    }

    /// The presence of the device changes.
    pub(super) fn change(&mut self, is_present: bool, at: WallTime) {
        self.last = at;
        match &mut self.change {
            Some((_, course)) => course.change(is_present, at),
            None => self.change = Some((at, Course::beginning(is_present, at))),
        }
    }

    /// Adds what has happened later.
    pub fn add(&mut self, later: SightingNote) {
        self.last = later.last;
        self.is_seen = later.is_seen.or(self.is_seen);
        match (&mut self.change, later.change) {
            (Some((_, own)), Some((at, course))) => own.go_on(at, &course),
            (own @ None, change) => *own = change,
            (Some(_), None) => {}
        }
    }
}

impl Sighting {
    /// The sighting of a device of which nothing was known.
    pub fn begin(note: &SightingNote) -> Self {
        let course = note.change.as_ref().map(|(_, course)| course.clone());
        Sighting {
            first: note.first,
            last: note.last,
            is_seen: note.is_seen.unwrap_or(false),
            course: course.unwrap_or_else(|| Course::beginning(false, note.first)),
        }
    }

    /// Writes down what has happened since. To do so again changes nothing.
    pub fn add(&mut self, note: &SightingNote) {
        self.last = note.last;
        self.is_seen = note.is_seen.unwrap_or(self.is_seen);
        if let Some((at, course)) = &note.change {
            self.course.go_on(*at, course);
        }
    }

    /// Ends what a hub left open that was last heard of at `alive`; another hub has begun to run.
    pub fn end_run(&mut self, alive: WallTime, begun: WallTime) {
        if self.is_seen {
            self.last = self.last.max(alive);
        }
        self.is_seen = false;
        if self.course.is_present {
            // A join is no shorter than nothing, though the hub ended before it said that it ran.
            let end = alive.max(self.course.since.later(Duration::from_millis(1)));
            self.course.change(false, end);
            self.course.since = begun;
        }
    }

    /// Forgets what lies ahead of the clock, which was set back.
    pub fn forget_after(&mut self, now: WallTime) {
        (self.first, self.last) = (self.first.min(now), self.last.min(now));
        self.course.forget_after(now);
    }

    /// A sign for each of the last 48 half hours, the oldest first: `2` where the device was present
    /// for as long as the hub ran, `1` for a part of it, `0` where it was absent, and `-` where the hub
    /// did not run, or had not seen the device yet.
    pub fn heartbeat(&self, ran: &HalfHours, now: WallTime) -> String {
        let mut course = self.course.clone();
        course.change(course.is_present, now.later(Duration::from_millis(1)));
        let (first, last) = (half_hour(self.first), half_hour(now));
        let sign = |number: i64| {
            let known = number >= first && ran.has(number);
            match (known, course.present.has(number), course.absent.has(number)) {
                (false, ..) => '-',
                (true, true, false) => '2',
                (true, true, true) => '1',
                (true, false, _) => '0',
            }
        };
        (last.saturating_sub(SHOWN - 1)..=last).map(sign).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many minutes after a half hour began.
    fn at(minutes: i64) -> WallTime {
        WallTime::from_unix_millis((1_000_000 * 30 + minutes) * 60_000)
    }

    fn ran(stretches: &[(i64, i64)]) -> HalfHours {
        let mut hours = HalfHours::default();
        stretches
            .iter()
            .for_each(|(from, to)| hours.mark(at(*from), at(*to)));
        hours
    }

    fn change(is_present: bool, minutes: i64) -> SightingNote {
        let mut note = SightingNote::seen(at(minutes));
        note.change(is_present, at(minutes));
        note
    }

    /// The last so many signs.
    fn tail(sighting: &Sighting, ran: &HalfHours, now: i64, signs: usize) -> String {
        let all = sighting.heartbeat(ran, at(now));
        assert_eq!(all.len(), 48);
        all[48 - signs..].to_owned()
    }

    #[test]
    fn a_heartbeat_tells_presence_absence_a_part_and_what_nobody_knows() {
        let hours = ran(&[(-300, 40), (95, 301)]);
        let mut sighting = Sighting::begin(&change(true, -200));
        assert_eq!(tail(&sighting, &hours, -200, 2), "-2");
        sighting.add(&change(false, -100));
        // The hub ended at minute 40 and began again at 95.
        assert_eq!(tail(&sighting, &hours, 100, 12), "-222100000-0");
        sighting.add(&change(true, 130));
        assert_eq!(tail(&sighting, &hours, 300, 11), "00-01222222");
    }

    #[test]
    fn a_run_that_ended_by_a_crash_leaves_nobody_present_and_loses_what_came_after_its_last_word() {
        let mut sighting = Sighting::begin(&change(true, 0));
        sighting.is_seen = true;
        sighting.end_run(at(65), at(200));
        assert_eq!((sighting.last, sighting.is_seen), (at(65), false));
        let hours = ran(&[(0, 65), (200, 301)]);
        assert_eq!(tail(&sighting, &hours, 300, 11), "222---00000");
        let mut short = Sighting::begin(&change(true, 70));
        short.end_run(at(65), at(200));
        assert_eq!(tail(&short, &hours, 300, 11), "--2---00000");
        let mut absent = Sighting::begin(&change(false, 10));
        absent.end_run(at(65), at(200));
        assert_eq!(absent, Sighting::begin(&change(false, 10)));
    }

    #[test]
    fn notes_that_are_written_together_or_twice_are_as_one_after_the_other() {
        let changes = [
            (true, 10),
            (false, 45),
            (true, 47),
            (true, 60),
            (false, 130),
        ];
        let mut each = Sighting::begin(&SightingNote::seen(at(0)));
        let mut together = each.clone();
        let mut twice = each.clone();
        let mut note = SightingNote::seen(at(5));
        for (is_present, minutes) in changes {
            each.add(&change(is_present, minutes));
            note.add(change(is_present, minutes));
            twice.add(&note);
        }
        together.add(&note);
        assert_eq!(each, together);
        twice.add(&note);
        assert_eq!(each, twice);
        let hours = ran(&[(0, 200)]);
        assert_eq!(tail(&each, &hours, 170, 6), "112210");
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_nothing_ahead_of_it() {
        let mut sighting = Sighting::begin(&change(true, 0));
        sighting.add(&change(false, 95));
        sighting.forget_after(at(50));
        assert_eq!(sighting.last, at(50));
        let hours = ran(&[(0, 301)]);
        assert_eq!(
            tail(&sighting, &hours, 55, 3),
            "-21",
            "absent since the step"
        );
        assert_eq!(tail(&sighting, &hours, 130, 6), "-21000");
        sighting.forget_after(at(-50));
        assert_eq!(sighting.first, at(-50));
    }

    /// Numbers without a pattern.
    fn draw(state: &mut u64, below: u64) -> i64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        i64::try_from(*state % below).unwrap()
    }

    #[test]
    fn a_heartbeat_is_as_minutes_that_are_counted_one_by_one() {
        const MINUTES: i64 = 40 * 60;
        for seed in 1..400 {
            let mut state = seed * 7919;
            let (mut now, mut runs, mut is_present) = (0, Vec::new(), false);
            let (mut hours, mut sighting): (HalfHours, Option<Sighting>) =
                (HalfHours::default(), None);
            // For each minute: whether the hub ran, and whether the device was present.
            let mut minutes = vec![(false, false); usize::try_from(MINUTES).unwrap()];
            let mut first = None;
            while now < MINUTES {
                let end = (now + 1 + draw(&mut state, 500)).min(MINUTES);
                runs.push((now, end));
                if let Some(sighting) = &mut sighting {
                    sighting.end_run(
                        at(runs.len().checked_sub(2).map_or(0, |r| runs[r].1)),
                        at(now),
                    );
                }
                is_present = false;
                hours.mark(at(now), at(end));
                let mut minute = now;
                while minute < end {
                    let until = (minute + 1 + draw(&mut state, 90)).min(end);
                    for counted in minute..until {
                        minutes[usize::try_from(counted).unwrap()] = (true, is_present);
                    }
                    minute = until;
                    if minute < end {
                        is_present = !is_present;
                        first.get_or_insert(minute);
                        let note = change(is_present, minute);
                        match &mut sighting {
                            Some(sighting) => sighting.add(&note),
                            None => sighting = Some(Sighting::begin(&note)),
                        }
                    }
                }
                now = end + draw(&mut state, 200);
            }
            let (Some(sighting), Some(first)) = (sighting, first) else {
                continue;
            };
            // At the end of the last run.
            let now = runs[runs.len() - 1].1 - 1;
            let sign = |half_hour: i64| {
                let of = (half_hour * 30).max(0)..((half_hour + 1) * 30).min(now + 1);
                let known = of.filter(|minute| *minute >= first);
                let known: Vec<_> = known
                    .map(|minute| minutes[usize::try_from(minute).unwrap()])
                    .filter(|(ran, _)| *ran)
                    .collect();
                let present = known.iter().filter(|(_, present)| *present).count();
                match (known.len(), present) {
                    (0, _) => '-',
                    (all, present) if all == present => '2',
                    (_, 0) => '0',
                    _ => '1',
                }
            };
            let last = now / 30;
            let expected: String = (last - 47..=last).map(sign).collect();
            let _ = is_present;
            assert_eq!(sighting.heartbeat(&hours, at(now)), expected, "seed {seed}");
        }
    }
}
