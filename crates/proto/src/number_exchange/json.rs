//! Messages in JSON.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::form::JsonKeys;
use super::integer::Integer;

/// The sender of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The reason why bytes are no such message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadJson {
    /// A number is no integer.
    Number,
    /// Anything else.
    Form(String),
}

/// The parts of an object.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) keys: JsonKeys,
    pub(super) name: String,
    pub(super) number: Integer,
    pub(super) sum: Option<Integer>,
}

const PLAIN: (&str, &str) = ("name", "number");

fn keys(keys: JsonKeys, side: Side) -> (&'static str, &'static str) {
    match (keys, side) {
        (JsonKeys::Plain, _) => PLAIN,
        (JsonKeys::Sided, Side::Client) => ("client_name", "client_number"),
        (JsonKeys::Sided, Side::Server) => ("server_name", "server_number"),
    }
}

/// Reads one object; members that are not known are passed over.
pub(super) fn parse(side: Side, text: &str) -> Result<Parts, BadJson> {
    let form = |error: &dyn fmt::Display| BadJson::Form(error.to_string());
    let object: Object<'_> = serde_json::from_str(text).map_err(|error| form(&error))?;
    let pair = |k| {
        let (name, number) = keys(k, side);
        object.get(name).zip(object.get(number))
    };
    let (keys, (name, number)) = match (pair(JsonKeys::Sided), pair(JsonKeys::Plain)) {
        (Some(pair), None) => (JsonKeys::Sided, pair),
        (None, Some(pair)) => (JsonKeys::Plain, pair),
        (Some(_), Some(_)) => return Err(form(&"it has both pairs of a name and a number")),
        (None, None) => return Err(form(&"it lacks a name or a number")),
    };
    let name: Cow<'_, str> = serde_json::from_str(name.get())
        .map_err(|error| form(&format_args!("the name is no string ({error})")))?;
    let integer = |value: &RawValue| value.get().parse().map_err(|_| BadJson::Number);
    let sum = match side {
        Side::Client => None,
        Side::Server => object.get("sum").map(integer).transpose()?,
    };
    Ok(Parts {
        keys,
        name: name.into_owned(),
        number: integer(number)?,
        sum,
    })
}

/// Writes one object.
pub(super) fn encode(
    k: JsonKeys,
    side: Side,
    name: &str,
    number: &Integer,
    sum: Option<&Integer>,
) -> String {
    let (name_key, number_key) = keys(k, side);
    let name = serde_json::Value::from(name);
    let sum = sum.map(|sum| format!(r#", "sum": {sum}"#));
    let sum = sum.unwrap_or_default();
    format!(r#"{{"{name_key}": {name}, "{number_key}": {number}{sum}}}"#)
}

/// An object in which no key comes twice.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    fn get(&self, key: &str) -> Option<&'a RawValue> {
        let mut members = self.0.iter();
        members.find(|(k, _)| k == key).map(|(_, value)| *value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

/// A key without a copy, where it holds no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // Few members stay cheap to compare; an object is bounded by the length of a request.
        let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            if members.iter().any(|(k, _)| *k == key) {
                return Err(A::Error::custom("a member comes twice"));
            }
            members.push((key, value));
        }
        Ok(Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(JsonKeys, String, String), BadJson> {
        let parts = parse(Side::Client, text)?;
        Ok((parts.keys, parts.name, parts.number.to_string()))
    }

    #[test]
    fn either_pair_of_keys_is_read() {
        let sided = read(r#"{"client_name": "A Client", "client_number": 25, "more": [{}]}"#);
        let good = |keys| Ok((keys, "A Client".to_owned(), "25".to_owned()));
        assert_eq!(sided, good(JsonKeys::Sided));
        let plain = read(r#"{"number":25,"name":"A Client","client_name":"x"}"#);
        assert_eq!(plain, good(JsonKeys::Plain));
        let escaped = read(r#"{"na\u006de":"A\u0020Client","number":25}"#);
        assert_eq!(escaped, good(JsonKeys::Plain));
    }

    #[test]
    fn both_pairs_or_a_member_that_comes_twice_are_refused() {
        for text in [
            r#"{"client_name": "a", "client_number": 5, "name": "a", "number": 5}"#,
            r#"{"name": "a", "number": 5, "number": 5}"#,
            r#"{"name": "a", "n\u0061me": "a", "number": 5}"#,
            r#"{"name": "a", "number": 5, "more": 1, "more": 1}"#,
            r#"{"client_name": "a", "client_number": 1, "client_number": 2}"#,
            r#"{"client_name": "a", "number": 5}"#,
            r#"{"name": 5, "number": 5}"#,
            r#"{"name": "\ud800", "number": 5}"#,
            r#"{"name": "a", "number": 007}"#,
            r#"{"name": "a", "number": NaN}"#,
            r#"{"name": "a"}"#,
            r#"[{"name": "a", "number": 5}]"#,
            "{}",
        ] {
            assert!(matches!(read(text), Err(BadJson::Form(_))), "{text}");
        }
    }

    #[test]
    fn a_number_is_an_integer_of_any_size() {
        let huge = "9".repeat(50);
        let text = format!(r#"{{"name": "a", "number": -{huge}}}"#);
        assert_eq!(read(&text).unwrap().2, format!("-{huge}"));
        for number in ["\"25\"", "2.0", "1e2", "null", "[1]", "true"] {
            let text = format!(r#"{{"name": "a", "number": {number}}}"#);
            assert_eq!(read(&text), Err(BadJson::Number), "{number}");
        }
    }
}
