//! The contract in the forms in which it is served.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::Value;

use super::{document, older};

/// The contract with a public address, written in its forms at the first request.
#[derive(Debug)]
pub struct Documents {
    public_url: String,
    forms: OnceLock<Forms>,
}

/// The forms in which the contract is served.
#[derive(Debug)]
pub struct Forms {
    /// `OpenAPI` 3.1 as JSON.
    pub json: Bytes,
    /// The same as YAML.
    pub yaml: Bytes,
    /// The contract in `OpenAPI` 3.0.3, as JSON.
    pub older: Bytes,
}

impl Documents {
    /// The contract with a public address.
    #[must_use]
    pub fn new(public_url: &str) -> Self {
        Self { public_url: public_url.to_owned(), forms: OnceLock::new() }
    }

    /// All its forms.
    #[must_use]
    pub fn forms(&self) -> &Forms {
        self.forms.get_or_init(|| {
            let document = document(&self.public_url);
            let yaml = yaml_serde::to_string(&document).unwrap_or_default();
            Forms { json: pretty_json(&document), yaml: yaml.into(), older: pretty_json(&older(&document)) }
        })
    }
}

fn pretty_json(document: &Value) -> Bytes {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text.into()
}
