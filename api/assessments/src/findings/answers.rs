//! A statistical answer, frozen with everything that is needed to read it: values, indicator, areas and sources, and a summary
//! when the values can be compared.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    geography::areas::{Area, AreaId, AreaLevel},
    statistics::{
        indicators::{Indicator, IndicatorId, Polarity, ValueKind},
        observations::{Breakdown, ImportId, Observation, ObservationId, ObservationStatus, ObservedValue},
    },
};

/// The indicator, with its names at the time of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasuredIndicator {
    pub id: IndicatorId,
    pub code: String,
    pub name_sv: String,
    pub name_en: String,
    pub value_kind: ValueKind,
    /// The unit of the values; null when they have none.
    pub unit: Option<String>,
    pub polarity: Polarity,
}

/// An area, with its name at the time of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasuredArea {
    pub id: AreaId,
    pub level: AreaLevel,
    /// The version of the division that the area belongs to.
    pub version: String,
    pub code: String,
    pub name: String,
}

impl From<Area> for MeasuredArea {
    fn from(area: Area) -> Self {
        Self { id: area.id, level: area.level, version: area.version, code: area.code, name: area.name }
    }
}

/// The source of values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueOrigin {
    /// The import that brought the values.
    pub import_id: ImportId,
    pub source: String,
    /// The terms of use; null when they are not known.
    pub licence: Option<String>,
}

/// The reason why the values of an answer were not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SummaryGap {
    /// No area has a value.
    NoValues,
    /// The values are of several periods.
    SeveralPeriods,
    /// The values are of several groups.
    SeveralBreakdowns,
    /// The values are of several variants.
    SeveralVariants,
    /// The lowest value is 0 or less, so only the ratio is missing.
    NotPositive,
}

/// The answer to a statistical query, as it was at the time of the query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatisticalAnswer {
    /// The code of the indicator.
    pub indicator: String,
    /// The indicator. Missing in answers that were frozen before names were included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub measured: Option<MeasuredIndicator>,
    /// The areas asked about. Missing in answers that were frozen before names were included.
    #[serde(default)]
    pub areas: Vec<MeasuredArea>,
    /// The sources of the values. Missing in answers that were frozen before names were included.
    #[serde(default)]
    pub origins: Vec<ValueOrigin>,
    /// The values found, ordered by area and period.
    pub observations: Vec<Observation>,
    /// Number of areas asked about. An area that was named twice counts once.
    pub areas_asked: i32,
    /// Number of those areas that have a value.
    pub areas_with_value: i32,
    /// The lowest value. Values are compared only when they have the same period, group and variant.
    pub lowest: Option<f64>,
    /// The highest value.
    pub highest: Option<f64>,
    /// The highest value minus the lowest.
    pub difference: Option<f64>,
    /// The highest value divided by the lowest; null when that is not defined.
    pub ratio: Option<f64>,
    /// The reason why `lowest`, `highest`, `difference` and `ratio` are null, or only `ratio`; null when none of them is.
    #[serde(default)]
    pub summary_gap: Option<SummaryGap>,
}

/// An observation that has changed since it was frozen.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangedObservation {
    pub observation_id: ObservationId,
    pub area_id: AreaId,
    pub period: String,
    pub breakdown: Breakdown,
    /// The value in the evidence.
    pub frozen: ObservedValue,
    /// The present value; null when the observation has been removed.
    pub present: Option<ObservedValue>,
}

/// Builds an answer, with a summary when the values can be compared.
pub(super) fn build_answer(
    indicator: &Indicator,
    areas: Vec<MeasuredArea>,
    origins: Vec<ValueOrigin>,
    observations: Vec<Observation>,
) -> StatisticalAnswer {
    let fields = &indicator.fields;
    let gap = find_gap(&observations);
    let values = || observations.iter().filter(|_| gap.is_none()).filter_map(|observation| observation.value);
    let (lowest, highest) = (values().reduce(f64::min), values().reduce(f64::max));
    let ratio = lowest.zip(highest).filter(|(lowest, _)| *lowest > 0.0).map(|(lowest, highest)| highest / lowest);
    let with_value: BTreeSet<_> = observations.iter().filter(|found| found.value.is_some()).map(|found| found.area_id).collect();
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    StatisticalAnswer {
        indicator: fields.code.clone(),
        measured: Some(MeasuredIndicator {
            id: indicator.id,
            code: fields.code.clone(),
            name_sv: fields.name_sv.clone(),
            name_en: fields.name_en.clone(),
            value_kind: fields.value_kind,
            unit: fields.unit.clone(),
            polarity: fields.polarity,
        }),
        areas_asked: count(areas.len()),
        areas_with_value: count(with_value.len()),
        areas,
        origins,
        difference: lowest.zip(highest).map(|(lowest, highest)| highest - lowest),
        summary_gap: gap.or_else(|| ratio.is_none().then_some(SummaryGap::NotPositive)),
        ratio,
        lowest,
        highest,
        observations,
    }
}

/// Returns the reason why these observations cannot be compared, or `None` when they can.
fn find_gap(observations: &[Observation]) -> Option<SummaryGap> {
    let mut with_value = observations.iter().filter(|observation| observation.value.is_some());
    let Some(first) = with_value.next() else { return Some(SummaryGap::NoValues) };
    let group = |breakdown: &Breakdown| Breakdown { variant: None, ..breakdown.clone() };
    let first_group = group(&first.breakdown);
    with_value.find_map(|other| {
        if other.period != first.period {
            Some(SummaryGap::SeveralPeriods)
        } else if group(&other.breakdown) != first_group {
            Some(SummaryGap::SeveralBreakdowns)
        } else {
            (other.breakdown.variant != first.breakdown.variant).then_some(SummaryGap::SeveralVariants)
        }
    })
}

/// The observations of a frozen answer. Reads every form of answer that was ever stored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Frozen {
    observations: Vec<FrozenObservation>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FrozenObservation {
    id: ObservationId,
    version: i64,
    area_id: AreaId,
    period: String,
    #[serde(default)]
    breakdown: Breakdown,
    value: Option<f64>,
    numerator: Option<f64>,
    denominator: Option<f64>,
    status: ObservationStatus,
}

/// Returns the observations of a frozen answer that differ from their present values.
pub(super) fn compare_with_present(answer: &str, present: &HashMap<ObservationId, ObservedValue>) -> Vec<ChangedObservation> {
    // A frozen answer is served in any case, also when it cannot be compared.
    let frozen: Frozen = serde_json::from_str(answer).unwrap_or_else(|error| {
        tracing::warn!(%error, "a frozen answer cannot be compared with the present values");
        Frozen::default()
    });
    let changed = frozen.observations.into_iter().filter_map(|seen| {
        let frozen = ObservedValue {
            version: seen.version,
            value: seen.value,
            numerator: seen.numerator,
            denominator: seen.denominator,
            status: seen.status,
        };
        let present = present.get(&seen.id);
        // A new version may differ only in members that are not compared here.
        let same = present.is_some_and(|present| *present == ObservedValue { version: present.version, ..frozen.clone() });
        (!same).then(|| ChangedObservation {
            observation_id: seen.id,
            area_id: seen.area_id,
            period: seen.period,
            breakdown: seen.breakdown,
            frozen,
            present: present.cloned(),
        })
    });
    changed.collect()
}
