//! Stores the rows of packs, through the stores of their rooms.

use std::collections::HashMap;

use sea_orm::{ActiveValue::Set, EntityTrait, QuerySelect, entity::prelude::*};
use serde_json::Value;

use super::{ActorRow, AreaRow, IndicatorRow};
use crate::{
    geography::areas::{AreaId, table as area},
    kernel::{Result, Write, text},
    reference::codelists::store as codelists,
    registry::actors::{Identifier, IdentifierScope, NewActor, rules::ORGANISATION_NUMBER, store as actors},
    statistics::indicators::{NewIndicator, store as indicators},
};

/// Packs that are loaded.
mod pack {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "pack")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub version: String,
        pub digest: String,
        pub loaded_at: ChronoDateTimeUtc,
    }
    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Whether a pack is loaded with exactly this content. `digest` is SHA-256 in hexadecimal.
pub(super) async fn is_loaded(name: &str, digest: &str, w: &Write<'_>) -> Result<bool> {
    Ok(pack::Entity::find_by_id(name).one(&w.tx).await?.is_some_and(|pack| pack.digest == digest))
}

/// Records that a pack is loaded.
pub(super) async fn mark_loaded((name, version): (&str, &str), digest: &str, w: &Write<'_>) -> Result<()> {
    pack::Entity::delete_by_id(name).exec(&w.tx).await?;
    let row = pack::ActiveModel {
        name: Set(name.to_owned()),
        version: Set(version.to_owned()),
        digest: Set(digest.to_owned()),
        loaded_at: Set(w.now),
    };
    pack::Entity::insert(row).exec_without_returning(&w.tx).await?;
    Ok(())
}

/// Stores the areas that do not exist yet. Existing ones keep their ids.
pub(super) async fn put_areas(rows: &[AreaRow], w: &Write<'_>) -> Result<()> {
    let present: Vec<(String, AreaId, String)> = area::Entity::find()
        .select_only()
        .columns([area::Column::Code, area::Column::Id, area::Column::Path])
        .into_tuple()
        .all(&w.tx)
        .await?;
    let mut known: HashMap<String, (AreaId, String)> = present.into_iter().map(|(code, id, path)| (code, (id, path))).collect();
    let mut new = Vec::new();
    for row in rows {
        if known.contains_key(&row.code) {
            continue;
        }
        let parent = known.get(&row.parent).cloned();
        let id: AreaId = w.new_id();
        let path = format!("{}{}/", parent.as_ref().map_or("", |(_, path)| path), row.code);
        new.push(area::ActiveModel {
            id: Set(id),
            level: Set(row.level),
            version: Set(row.version.clone()),
            code: Set(row.code.clone()),
            name: Set(row.name.clone()),
            name_fold: Set(text::fold(&row.name)),
            name_sort: Set(text::sort_key(&row.name)),
            parent_id: Set(parent.map(|(id, _)| id)),
            path: Set(path.clone()),
            category: Set(None),
            valid_from: Set(None),
            valid_to: Set(None),
            created_at: Set(w.now),
            updated_at: Set(w.now),
        });
        known.insert(row.code.clone(), (id, path));
    }
    while !new.is_empty() {
        let chunk: Vec<_> = new.drain(..new.len().min(500)).collect();
        area::Entity::insert_many(chunk).exec_without_returning(&w.tx).await?;
    }
    Ok(())
}

/// Stores the country's regions and municipalities.
pub(super) async fn put_actors(pack: &str, rows: &[ActorRow], w: &Write<'_>) -> Result<()> {
    let areas: Vec<(String, AreaId)> = area::Entity::find()
        .select_only()
        .columns([area::Column::Code, area::Column::Id])
        .filter(area::Column::Level.ne(crate::geography::areas::AreaLevel::Regso))
        .into_tuple()
        .all(&w.tx)
        .await?;
    let areas: HashMap<_, _> = areas.into_iter().collect();
    for row in rows {
        let identifier = |scheme: &str, value: &str, scope: IdentifierScope| {
            (!value.is_empty()).then(|| Identifier {
                scheme: scheme.to_owned(),
                value: value.to_owned(),
                scope,
                valid_from: None,
                valid_to: None,
            })
        };
        // A municipality that also has a region's duties has one number for both.
        let scope = if row.number_scope == "parent" { IdentifierScope::Parent } else { IdentifierScope::Own };
        let identifiers: Vec<_> = [
            identifier(ORGANISATION_NUMBER, &row.organisation_number, scope),
            identifier("county_code", &row.county_code, IdentifierScope::Own),
            identifier("municipality_code", &row.municipality_code, IdentifierScope::Own),
            identifier("kolada_id", &row.kolada_id, IdentifierScope::Own),
        ]
        .into_iter()
        .flatten()
        .collect();
        let area = areas.get(&row.area_code).copied();
        let new = NewActor {
            kind: row.kind,
            sector: None,
            name: row.name.clone(),
            other_names: Vec::new(),
            former_names: Vec::new(),
            parent_id: None,
            seat_area_id: area,
            areas_served: area.into_iter().collect(),
            policy_domains: Vec::new(),
            target_groups: Vec::new(),
            focus: None,
            working_methods: Vec::new(),
            languages: Vec::new(),
            website: None,
            contact_points: Vec::new(),
            founded: None,
            dissolved: None,
            identifiers,
            status: crate::registry::actors::ActorStatus::Active,
            visibility: crate::access::Visibility::Public,
        };
        actors::put_from_pack(pack, "kolada_id", &row.kolada_id, new, w).await?;
    }
    Ok(())
}

/// Stores every codelist with its labels.
pub(super) async fn put_codelists(pack: &str, all: &Value, w: &Write<'_>) -> Result<()> {
    for (codelist, codes) in all.as_object().into_iter().flatten() {
        for (ordinal, (code, names)) in codes.as_object().into_iter().flatten().enumerate() {
            let name = |at: usize| names[at].as_str().unwrap_or_default();
            codelists::put_from_pack(pack, codelist, i32::try_from(ordinal).unwrap_or_default(), code, (name(0), name(1)), w).await?;
        }
    }
    Ok(())
}

/// Stores the indicators of the guidance.
pub(super) async fn put_indicators(pack: &str, rows: Vec<IndicatorRow>, w: &Write<'_>) -> Result<()> {
    for row in rows {
        let parts = |text: &str| text.split('|').filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>();
        let new = NewIndicator {
            number: Some(row.number),
            code: row.code,
            name_sv: row.name_sv,
            name_en: row.name_en,
            statistical_area: row.statistical_area,
            value_kind: row.value_kind,
            unit: row.unit,
            variants: parts(&row.variants),
            polarity: row.polarity,
            available_from: row.available_from,
            recommended_from: row.recommended_from,
            update_note: row.update_note,
            series_breaks: parts(&row.series_breaks).iter().filter_map(|year| year.parse().ok()).collect(),
        };
        indicators::put(pack, new, w).await?;
    }
    Ok(())
}
