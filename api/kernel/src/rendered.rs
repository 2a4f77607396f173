//! Records as they stand in answers, written from what is stored without being read.

use serde::Serialize;
use serde_json::Value;

use super::problem::{Problem, Result};

/// The JSON of a record.
#[derive(Clone, Debug)]
pub struct Rendered(Vec<u8>);

impl Rendered {
    /// Writes a record.
    ///
    /// # Errors
    /// When it cannot be written as JSON (500).
    pub fn of(record: &impl Serialize) -> Result<Self> {
        Ok(Self(serde_json::to_vec(record)?))
    }

    /// Joins the members of three objects to one object. The one between is JSON already.
    ///
    /// # Errors
    /// When the first or the last cannot be written as JSON, or the one between is no object with members (500).
    pub fn joined(before: &impl Serialize, between: &str, after: &impl Serialize) -> Result<Self> {
        let members = between.strip_prefix('{').and_then(|between| between.strip_suffix('}')).filter(|members| !members.is_empty());
        let members = members.ok_or_else(|| Problem::internal(&"a stored part of a record is no object with members"))?;
        let mut text = Vec::with_capacity(members.len() + 800);
        serde_json::to_writer(&mut text, before)?;
        text.pop();
        text.push(b',');
        text.extend_from_slice(members.as_bytes());
        let end = text.len();
        serde_json::to_writer(&mut text, after)?;
        text[end] = b',';
        Ok(Self(text))
    }
}

/// What an answer can consist of: something to be written as JSON, or something written already.
pub trait Item {
    /// Appends the JSON.
    ///
    /// # Errors
    /// When it cannot be written as JSON (500).
    fn write(&self, text: &mut Vec<u8>) -> Result<()>;

    /// Returns the members.
    ///
    /// # Errors
    /// When it cannot be written as JSON (500).
    fn value(&self) -> Result<Value>;
}

impl<T: Serialize> Item for T {
    fn write(&self, text: &mut Vec<u8>) -> Result<()> {
        Ok(serde_json::to_writer(text, self)?)
    }

    fn value(&self) -> Result<Value> {
        Ok(serde_json::to_value(self)?)
    }
}

impl Item for Rendered {
    fn write(&self, text: &mut Vec<u8>) -> Result<()> {
        text.extend_from_slice(&self.0);
        Ok(())
    }

    fn value(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn three_objects_become_one() -> Result<()> {
        let joined = Rendered::joined(&json!({"a": 1}), r#"{"b":"}","c":null}"#, &json!({"d": [2]}))?;
        assert_eq!(joined.value()?.to_string(), r#"{"a":1,"b":"}","c":null,"d":[2]}"#);
        assert!(["{}", "", "[1]", "null"].iter().all(|between| Rendered::joined(&json!({"a": 1}), between, &json!({"d": 2})).is_err()));
        Ok(())
    }
}
