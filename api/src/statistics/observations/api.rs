use actix_web::{HttpMessage, HttpRequest, get, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{
    Breakdown, Disclosure, ImportId, ObservationId, ObservationStatus,
    rules::{Cells, RowProblem},
    sheet, store,
};
use crate::{
    access::{By, policy::needs},
    geography::areas::AreaId,
    kernel::{At, Db, Fault, Listed, Page, Paging, Problem, Query, Reply, Result, extract, page::Selection, request, say},
    statistics::indicators::{IndicatorId, store as indicators},
};

/// What an indicator was, where, when and for whom (värde).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    pub id: ObservationId,
    /// Grows by one with each change.
    pub version: i64,
    pub indicator_id: IndicatorId,
    pub area_id: AreaId,
    /// A year, quarter (`2023K1`) or month (`2023M05`).
    #[schema(example = "2023")]
    pub period: String,
    pub breakdown: Breakdown,
    /// The value in the indicator's unit; null when there is none to show.
    pub value: Option<f64>,
    /// The count above the line.
    pub numerator: Option<f64>,
    /// The count below the line.
    pub denominator: Option<f64>,
    pub status: ObservationStatus,
    pub disclosure: Disclosure,
    /// The import that brought it.
    pub import_id: ImportId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What is known of a value at one of its versions.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedValue {
    /// The version of the value.
    pub version: i64,
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
    pub status: ObservationStatus,
}

/// What a value was before it was changed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FormerValue {
    /// The version of the value that this was.
    pub version: i64,
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
    pub status: ObservationStatus,
    /// The import that brought it.
    pub import_id: ImportId,
    /// When it was stored.
    pub updated_at: DateTime<Utc>,
}

/// A value with what it was before.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObservationWithHistory {
    #[serde(flatten)]
    pub observation: Observation,
    /// What it was before each change, newest first.
    pub former: Vec<FormerValue>,
}

/// One row to import.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewObservation {
    /// The code of the area; leading zeros count.
    #[schema(min_length = 1, max_length = 20, example = "0127")]
    pub area_code: String,
    /// A year, quarter (`2023K1`) or month (`2023M05`).
    #[schema(min_length = 4, max_length = 7, example = "2023")]
    pub period: String,
    #[serde(default)]
    pub breakdown: Breakdown,
    /// The value; worked out from the counts when left out.
    pub value: Option<f64>,
    /// The count above the line.
    pub numerator: Option<f64>,
    /// The count below the line.
    pub denominator: Option<f64>,
    pub status: Option<ObservationStatus>,
}

/// Rows of statistics to import.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewObservationImport {
    #[schema(min_items = 1, max_items = 20_000)]
    pub rows: Vec<NewObservation>,
}

/// What came of an import (import av statistik). Every row is either in or reported.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservationImport {
    /// Null when nothing was stored: for a dry run, and when all rows were there already.
    pub id: Option<ImportId>,
    /// Whether it was only tried.
    pub dry_run: bool,
    pub indicator_id: IndicatorId,
    /// Where the numbers come from.
    pub source: String,
    /// Under what terms they may be used.
    pub licence: Option<String>,
    pub rows_read: i32,
    /// Rows that were new.
    pub rows_created: i32,
    /// Rows that changed what was there.
    pub rows_changed: i32,
    /// Rows that said what was there already.
    pub rows_unchanged: i32,
    /// Rows that were not stored; `errors` says why.
    pub rows_refused: i32,
    pub errors: Vec<RowProblem>,
    /// What is odd about rows that were stored.
    pub warnings: Vec<RowProblem>,
    pub created_at: DateTime<Utc>,
}

/// What is imported, and from where.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ImportOptions {
    /// The code of the indicator that the rows are values of. Required.
    #[param(nullable = false, max_length = 64, example = "disposable_income")]
    pub indicator: Option<String>,
    /// Where the numbers come from. Required.
    #[param(nullable = false, max_length = 500, example = "SCB")]
    pub source: Option<String>,
    /// Under what terms they may be used.
    #[param(nullable = false, max_length = 100, example = "CC0")]
    pub licence: Option<String>,
    /// Only tell what would happen.
    #[serde(default)]
    #[param(required = false, default = false)]
    pub dry_run: bool,
}

/// Which values to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ObservationFilter {
    /// Values of this indicator.
    #[param(nullable = false)]
    pub indicator_id: Option<IndicatorId>,
    /// Values of this area.
    #[param(nullable = false)]
    pub area_id: Option<AreaId>,
    /// Values of this period.
    #[param(nullable = false, max_length = 7, example = "2023")]
    pub period: Option<String>,
}

/// List values
///
/// Values in the order in which they came in.
#[utoipa::path(tag = "statistics", operation_id = "listObservations", params(ObservationFilter, Paging),
    responses((status = 200, description = "A page of values", body = Page<Observation>)), extensions(("x-permission" = json!("statistics.read"))))]
#[get("/observations")]
async fn list(
    by: By<needs::ReadStatistics>,
    Query(filter): Query<ObservationFilter>,
    Query(paging): Query<Paging>,
    db: Data<Db>,
) -> Result<Listed<Observation>> {
    Listed::of(by, paging, async move |by, paging| store::list(&filter, paging, by, &db).await).await
}

/// Show a value
///
/// One value by its id, with what it was before each change. A value that a later import changed without saying how sure it is
/// has the status `revised`. Of a value that is kept back now the earlier numbers are not told.
#[utoipa::path(tag = "statistics", operation_id = "getObservation", params(Selection),
    responses((status = 200, description = "The value", body = ObservationWithHistory)), extensions(("x-permission" = json!("statistics.read"))))]
#[get("/observations/{observationId}")]
async fn show(by: By<needs::ReadStatistics>, At(id): At<ObservationId>, db: Data<Db>) -> Result<Reply<ObservationWithHistory>> {
    let observation = store::find(id, db.reader()).await?;
    let former = store::former(&observation, db.reader()).await?;
    Reply::shown(&by, observation.version, &ObservationWithHistory { observation, former })
}

/// Import values
///
/// As JSON, or as a CSV table (`text/csv`) with semicolon, comma or tab, decimal comma or point, and headings in Swedish or
/// English: områdeskod/areaCode, period, kön/sex, ålder/age, född/born, bakgrund/background, variant, värde/value,
/// täljare/numerator, nämnare/denominator, status. `..` and `.` stand for values that are not there; what is kept back or
/// missing is stored without numbers. What cannot be is refused: a share outside 0–100, a count with decimals, a value that
/// contradicts its counts, a variant that the indicator does not have. Rows that are there
/// already are brought up to date; a row that cannot be stored is reported and the others are stored. An import has at most
/// 20,000 rows; a table with more is refused whole (413).
#[utoipa::path(tag = "statistics", operation_id = "createObservationImport", params(ImportOptions),
    request_body(content((NewObservationImport = "application/json"), (String = "text/csv"))),
    responses((status = 201, description = "What came of it", body = ObservationImport,
        headers(("ETag" = String, description = "Identifies the report; missing for a dry run, which leaves none."), ("Location" = String, description = "Where the report is; missing for a dry run.")))),
    extensions(("x-permission" = json!("statistics.write"))))]
#[post("/observation-imports")]
async fn create(
    by: By<needs::WriteStatistics>,
    Query(options): Query<ImportOptions>,
    request: HttpRequest,
    db: Data<Db>,
) -> Result<Reply<ObservationImport>> {
    let mut missing = Vec::new();
    for (name, value) in [("indicator", &options.indicator), ("source", &options.source)] {
        if value.as_deref().is_none_or(|text| text.trim().is_empty()) {
            missing.push(Fault::of_parameter(name, "required", say!("Ange {name} i adressen.", "Give {name} in the address.")));
        }
    }
    let (Some(code), Some(source), true) = (&options.indicator, &options.source, missing.is_empty()) else {
        return Err(Problem::parameters(missing));
    };
    let indicator = indicators::by_code(code, db.reader()).await?.ok_or_else(|| {
        Problem::parameters(vec![Fault::of_parameter(
            "indicator",
            "not-found",
            say!(
                "Det finns ingen indikator med koden {code}; se GET /indicators.",
                "There is no indicator with the code {code}; see GET /indicators."
            ),
        )])
    })?;
    let rows = match request.content_type().to_ascii_lowercase().as_str() {
        "text/csv" => {
            let meta = request::meta(&request).ok_or_else(|| Problem::internal(&"an import without meta"))?;
            store::Gathered::of_table(&sheet::decode(&meta.body)?, &indicator.fields)?
        }
        _ => store::Gathered::of(cells(extract::checked(&request)?), &indicator.fields)?,
    };
    let source = store::Source { indicator: &indicator, source, licence: options.licence.as_deref(), dry_run: options.dry_run };
    db.write(&by, async |w| {
        let imported = store::import(&by.reach, &source, &rows, w).await?;
        match imported.id {
            Some(id) => Reply::created("/observation-imports", id, 1, &imported),
            None => Reply::done("/observations", &imported),
        }
    })
    .await
}

/// Rows of JSON as the cells that a table would have.
fn cells(import: NewObservationImport) -> impl Iterator<Item = Cells> {
    let number = |number: Option<f64>| number.map(|number| number.to_string());
    let row = move |(at, row): (usize, NewObservation)| {
        let status =
            row.status.and_then(|status| serde_json::to_value(status).ok()).and_then(|status| status.as_str().map(ToOwned::to_owned));
        let cells = [
            ("areaCode", Some(row.area_code)),
            ("period", Some(row.period)),
            ("sex", row.breakdown.sex),
            ("age", row.breakdown.age),
            ("born", row.breakdown.born),
            ("background", row.breakdown.background),
            ("regionOfBirth", row.breakdown.region_of_birth),
            ("timeInSweden", row.breakdown.time_in_sweden),
            ("variant", row.breakdown.variant),
            ("value", number(row.value)),
            ("numerator", number(row.numerator)),
            ("denominator", number(row.denominator)),
            ("status", status),
        ];
        Cells { number: at + 1, fault: None, cells: cells.into_iter().filter_map(|(name, text)| text.map(|text| (name, text))).collect() }
    };
    import.rows.into_iter().enumerate().map(row)
}

/// Show an import
///
/// What came of an import, row by row where rows were refused.
#[utoipa::path(tag = "statistics", operation_id = "getObservationImport",
    responses((status = 200, description = "What came of it", body = ObservationImport)), extensions(("x-permission" = json!("statistics.write"))))]
#[get("/observation-imports/{importId}")]
async fn outcome(by: By<needs::WriteStatistics>, At(id): At<ImportId>, db: Data<Db>) -> Result<Reply<ObservationImport>> {
    Reply::computed(&by, &store::report(id, by.language, db.reader()).await?)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(show).service(create).service(outcome);
}
