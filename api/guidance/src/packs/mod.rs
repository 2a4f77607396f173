//! Packs of reference data (datapaket) that an installation starts with. They have versions and may be loaded any number of
//! times. Records that the installation has changed are not overwritten.
//!
//! Sources, all open: the codes and names of counties, municipalities and RegSO 2020 and the organisation numbers come from
//! Statistics Sweden, Upphandlingsmyndigheten and Kolada; the indicators from the guidance for municipalities and regions
//! of 2020 (`vagledning-2020`). Labels and English names are our own.

mod store;

use serde::Deserialize;
use serde_json::Value;

use crate::kernel::{
    Db, Problem, Result, hash,
    record::{Table, impersonal_table},
    request::Call,
};

/// The tables of this resource.
pub const TABLES: &[Table] = &[impersonal_table("pack", "name version digest loaded_at")];

const AREAS: &str = include_str!("areas.csv");

const ACTORS: &str = include_str!("actors.csv");

const INDICATORS: &str = include_str!("indicators.csv");

const CODELISTS: &str = include_str!("codelists.json");

/// One row of `areas.csv`; parents come before their parts.
#[derive(Debug, Deserialize)]
struct AreaRow {
    level: crate::geography::areas::AreaLevel,
    version: String,
    code: String,
    parent: String,
    name: String,
}

/// One row of `actors.csv`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActorRow {
    kind: crate::registry::actors::ActorKind,
    name: String,
    area_code: String,
    organisation_number: String,
    number_scope: String,
    county_code: String,
    municipality_code: String,
    kolada_id: String,
}

/// One row of `indicators.csv`; lists are separated by `|`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndicatorRow {
    number: i32,
    code: String,
    name_sv: String,
    name_en: String,
    statistical_area: crate::statistics::indicators::StatisticalArea,
    value_kind: crate::statistics::indicators::ValueKind,
    unit: Option<String>,
    variants: String,
    polarity: crate::statistics::indicators::Polarity,
    available_from: Option<i32>,
    recommended_from: Option<i32>,
    series_breaks: String,
    update_note: Option<String>,
}

/// The name and version of the pack of the country's division and public actors.
pub const SWEDEN: (&str, &str) = ("sverige", "2026.2");

/// The name and version of the pack of the guidance.
pub const GUIDANCE: (&str, &str) = ("vagledning-2020", "2026.1");

/// Loads each pack whose present content is not loaded yet.
///
/// # Errors
/// When the database does not answer.
pub async fn load(db: &Db) -> Result<()> {
    let call = Call::of_installation();
    let digest = hash::sha256_hex(format!("{AREAS}{ACTORS}").as_bytes());
    db.transaction(&call, async |w| {
        if store::is_loaded(SWEDEN.0, &digest, w).await? {
            return Ok(());
        }
        store::put_areas(&parse_rows::<AreaRow>(AREAS)?, w).await?;
        store::put_actors(SWEDEN.0, &parse_rows::<ActorRow>(ACTORS)?, w).await?;
        store::mark_loaded(SWEDEN, &digest, w).await
    })
    .await?;
    let digest = hash::sha256_hex(format!("{CODELISTS}{INDICATORS}").as_bytes());
    db.transaction(&call, async |w| {
        if store::is_loaded(GUIDANCE.0, &digest, w).await? {
            return Ok(());
        }
        let codelists: Value = serde_json::from_str(CODELISTS)?;
        store::put_codelists(GUIDANCE.0, &codelists, w).await?;
        store::put_indicators(GUIDANCE.0, parse_rows::<IndicatorRow>(INDICATORS)?, w).await?;
        store::mark_loaded(GUIDANCE, &digest, w).await
    })
    .await
}

fn parse_rows<T: serde::de::DeserializeOwned>(table: &str) -> Result<Vec<T>> {
    csv::Reader::from_reader(table.as_bytes()).deserialize().collect::<Result<_, _>>().map_err(|error| Problem::internal(&error))
}
