//! The points of each check.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fleetlink_proto::Escaped;

use crate::error::Error;

/// The points of each check, from a file: `check = n` a line, `#` begins a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Points {
    of: BTreeMap<String, u32>,
}

impl Points {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|error| Error::UnreadablePoints {
            path: path.to_owned(),
            error,
        })?;
        let place = path.display();
        Self::parse(&text).map_err(|error| Error::BadPoints(format!("{place}, {error}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut of = BTreeMap::new();
        for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let line = line.split('#').next().unwrap_or("").trim();
            if line.is_empty() {
                continue;
            }
            let at = |what: String| format!("line {number}: {what}");
            let (check, points) = line
                .split_once('=')
                .ok_or_else(|| at(format!("expected check = points, found {}", Escaped(line))))?;
            let (check, points) = (check.trim(), points.trim());
            let points: u32 = points.parse().map_err(|_| {
                let found = Escaped(points);
                at(format!(
                    "expected a whole number of points, found \"{found}\""
                ))
            })?;
            if of.insert(check.to_owned(), points).is_some() {
                return Err(at(format!("{} comes twice", Escaped(check))));
            }
        }
        if of.is_empty() {
            return Err("no line says check = points".to_owned());
        }
        Ok(Points { of })
    }

    /// The points of a check: by its id, else by what stands behind the first dot, so that `reply`
    /// weighs `text.reply` and `json.reply` alike.
    pub(super) fn of(&self, id: &str) -> u32 {
        let behind = || self.of.get(id.split_once('.')?.1);
        self.of.get(id).or_else(behind).copied().unwrap_or(0)
    }

    /// Whether every name is a check's.
    pub(super) fn verify(&self, ids: &[&str], known: impl Fn(&str) -> bool) -> Result<(), Error> {
        let is_id = |name: &str| {
            let behind = |id: &&str| id.split_once('.').is_some_and(|(_, check)| check == name);
            ids.contains(&name) || ids.iter().any(behind) || known(name)
        };
        match self.of.keys().find(|name| !is_id(name)) {
            None => Ok(()),
            Some(name) => Err(Error::BadPoints(format!(
                "the points name a check that there is not: {}; the checks are {}",
                Escaped(name),
                ids.join(", ")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_lines_of_checks_and_comments() {
        let text = "\u{feff}# marks\ntext.reply = 3\r\n\nsum=2 # both forms\njson.sum = 0\n";
        let points = Points::parse(text).unwrap();
        assert_eq!(points.of("text.reply"), 3);
        assert_eq!(points.of("json.reply"), 0, "no line is no point");
        assert_eq!((points.of("comma.sum"), points.of("json.sum")), (2, 0));
        for (bad, why) in [
            ("reply 3", "line 1: expected check = points"),
            ("\nreply = -1", "line 2: expected a whole number"),
            ("reply = 1.5", "expected a whole number"),
            ("reply = ", "expected a whole number"),
            ("a = 1\na = 2", "line 2: a comes twice"),
            ("# nothing", "no line says"),
        ] {
            let error = Points::parse(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }

    #[test]
    fn a_name_that_is_no_check_is_an_error() {
        let points = Points::parse("reply = 1\nlater.stop = 2").unwrap();
        let ids = ["text.reply", "text.stop"];
        let error = points.verify(&ids, |_| false).unwrap_err();
        assert!(error.to_string().contains("later.stop"), "{error}");
        assert!(points.verify(&ids, |name| name == "later.stop").is_ok());
        let typo = Points::parse("repyl = 1").unwrap();
        let error = typo.verify(&ids, |_| false).unwrap_err();
        assert!(matches!(error, Error::BadPoints(_)));
        assert!(error.to_string().contains("text.reply, text.stop"));
    }
}
