//! Names of data files in columns: a number as INTEGER, any other name as TEXT. So the order of a
//! column is the order of names.

use fleetlink_proto::DataFile;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Result, Row};

/// A name that is written.
pub(super) struct Column<'a>(pub(super) &'a DataFile);

impl ToSql for Column<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(value(self.0))
    }
}

/// The greatest value that sorts before the names behind this one; without a file, a value before
/// all names.
pub(super) fn before(file: Option<&DataFile>) -> ToSqlOutput<'_> {
    file.map_or((-1).into(), value)
}

/// The value of a name.
pub(super) fn value(file: &DataFile) -> ToSqlOutput<'_> {
    match file.number() {
        Some(number) => i64::from(number).into(),
        None => file.text().unwrap_or_default().into(),
    }
}

/// Reads a name.
pub(super) fn read(row: &Row<'_>, column: usize) -> Result<DataFile> {
    row.get(column).map(|Read(file)| file)
}

struct Read(DataFile);

impl FromSql for Read {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(number) => match u32::try_from(number) {
                Ok(number) => Ok(Read(DataFile::numbered(number))),
                Err(_) => Err(FromSqlError::OutOfRange(number)),
            },
            ValueRef::Text(_) => {
                let file: DataFile = value.as_str()?.parse().map_err(FromSqlError::other)?;
                // Nobody would find it.
                match file.number() {
                    Some(_) => Err(FromSqlError::InvalidType),
                    None => Ok(Read(file)),
                }
            }
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, params};

    use super::*;

    #[test]
    fn a_column_keeps_names_apart_and_in_order_and_refuses_other_values() {
        let database = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE names (file ANY NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID";
        database.execute_batch(table).unwrap();
        let sorted = [
            "0",
            "2",
            "10",
            "4294967295",
            "-1",
            "01",
            "10/a",
            "4294967296",
            "A",
            "a",
            "a/b",
        ];
        let files: Vec<DataFile> = sorted.iter().map(|text| text.parse().unwrap()).collect();
        for file in files.iter().rev() {
            let insert = "INSERT INTO names VALUES (?1)";
            database.execute(insert, params![Column(file)]).unwrap();
        }
        let mut select = database
            .prepare("SELECT file FROM names ORDER BY file")
            .unwrap();
        let found = select.query_map([], |row| read(row, 0)).unwrap();
        assert_eq!(found.collect::<Result<Vec<_>>>().unwrap(), files);
        let count = "SELECT count(*) FROM names WHERE file = ?1";
        for file in &files {
            let same: i64 = database
                .query_row(count, params![Column(file)], |row| row.get(0))
                .unwrap();
            assert_eq!(same, 1, "{file}");
        }
        for damaged in [
            "'1'",
            "-1",
            "4294967296",
            "1.5",
            "x'31'",
            "'a//b'",
            "''",
            "x'61ff'",
        ] {
            let select = format!("SELECT {damaged}");
            let found = database.query_row(&select, [], |row| read(row, 0));
            assert!(found.is_err(), "{damaged}: {found:?}");
        }
    }
}
