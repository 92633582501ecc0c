//! Names of data files in JSON: a whole number, or a text.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::{DataFile, DataFileError, Name};

impl Serialize for DataFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Name::Number(number) => serializer.serialize_u32(*number),
            Name::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for DataFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = DataFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a data file, a text or a whole number from 0 to 4294967295")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<DataFile, E> {
        let out_of_range = |_| E::custom(DataFileError::Number(number.to_string()));
        u32::try_from(number)
            .map(DataFile::numbered)
            .map_err(out_of_range)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<DataFile, E> {
        let out_of_range = |_| E::custom(DataFileError::Number(number.to_string()));
        u32::try_from(number)
            .map(DataFile::numbered)
            .map_err(out_of_range)
    }

    /// `1.0`, `1e0` and `-0` too: one data file has one number.
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<DataFile, E> {
        Err(E::custom(DataFileError::Number(format!("{number:?}"))))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DataFile, E> {
        text.parse().map_err(E::custom)
    }
}
