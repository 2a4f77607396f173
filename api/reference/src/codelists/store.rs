//! Queries of codes, the check of codes that a caller gives, and the codes of packs.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryOrder, QuerySelect, QueryTrait, entity::prelude::*};

use super::{Codelist, CodelistEntry, table, types::EntryFilter};
use crate::kernel::{Db, Fault, Page, Paging, Problem, Result, Write, page::Key, request::Call, say, text};

/// The codelist of policy domains, which an installation may extend.
pub const POLICY_DOMAIN: &str = "PolicyDomain";

fn view(row: table::Model) -> CodelistEntry {
    CodelistEntry { id: row.id, codelist: row.codelist, code: row.code, name_sv: row.name_sv, name_en: row.name_en }
}

pub(super) async fn list(filter: &EntryFilter, paging: &Paging, call: &Call, db: &Db) -> Result<Page<CodelistEntry>> {
    let select = table::Entity::find().apply_if(filter.codelist.clone(), |select, name| select.filter(table::Column::Codelist.eq(name)));
    let keys = vec![
        Key::column(table::Column::Codelist, |row: &table::Model| row.codelist.clone().into()),
        Key::column(table::Column::Ordinal, |row: &table::Model| row.ordinal.into()),
        Key::column(table::Column::Id, |row: &table::Model| row.id.into()),
    ];
    Ok(paging.fetch(select, keys, call, db).await?.map(view))
}

pub(super) async fn find(name: &str, db: &Db) -> Result<Codelist> {
    let entries: Vec<_> = table::Entity::find()
        .filter(table::Column::Codelist.eq(name))
        .order_by_asc(table::Column::Ordinal)
        .order_by_asc(table::Column::Id)
        .all(db.reader())
        .await?
        .into_iter()
        .map(view)
        .collect();
    if entries.is_empty() { Err(Problem::not_found()) } else { Ok(Codelist { codelist: name.to_owned(), entries }) }
}

/// Returns a fault for each of these codes that is not in a codelist, as [`faults_of_unknown`] does.
///
/// # Errors
/// When the database does not answer.
pub async fn unknown_code_faults(codelist: &str, codes: &[String], pointer: &str, db: &impl ConnectionTrait) -> Result<Vec<Fault>> {
    if codes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(faults_of_unknown(&all_codes(codelist, db).await?, codelist, codes, pointer))
}

/// Returns all codes of a codelist, in its order.
///
/// # Errors
/// When the database does not answer.
pub async fn all_codes(codelist: &str, db: &impl ConnectionTrait) -> Result<Vec<String>> {
    Ok(table::Entity::find()
        .select_only()
        .column(table::Column::Code)
        .filter(table::Column::Codelist.eq(codelist))
        .order_by_asc(table::Column::Ordinal)
        .into_tuple()
        .all(db)
        .await?)
}

/// Returns a fault for each code that is not among `known`. The JSON Pointer is that of the list with the index of the code. A
/// single code at a pointer that does not end with `s` is no list, and its pointer gets no index.
#[must_use]
pub fn faults_of_unknown(known: &[String], codelist: &str, codes: &[String], pointer: &str) -> Vec<Fault> {
    codes
        .iter()
        .enumerate()
        .filter(|(_, code)| !known.contains(code))
        .map(|(at, code)| {
            let meant = text::nearest(code, known.iter().map(String::as_str)).map_or_else(|| known.join(", "), ToOwned::to_owned);
            let place = if codes.len() == 1 && !pointer.ends_with('s') { pointer.to_owned() } else { format!("{pointer}/{at}") };
            Fault::at_pointer(
                place,
                "not-in-list",
                say!(
                    "Koden {code} finns inte i kodlistan {codelist}. Menade du {meant}? Alla koder står i GET /codelists/{codelist}.",
                    "The code {code} is not in the codelist {codelist}. Did you mean {meant}? All codes stand in GET /codelists/{codelist}."
                ),
            )
        })
        .collect()
}

/// Stores a code of a pack, as a new row or in place of the old one. A code that the installation has edited stays as it is. `names`
/// are the labels in Swedish and English.
///
/// # Errors
/// When the database does not answer.
pub async fn put_from_pack(pack: &str, codelist: &str, ordinal: i32, code: &str, names: (&str, &str), w: &Write<'_>) -> Result<()> {
    let present =
        table::Entity::find().filter(table::Column::Codelist.eq(codelist)).filter(table::Column::Code.eq(code)).one(&w.tx).await?;
    let mut row = table::ActiveModel {
        updated_at: Set(w.now),
        ordinal: Set(ordinal),
        name_sv: Set(names.0.to_owned()),
        name_en: Set(names.1.to_owned()),
        ..Default::default()
    };
    match present {
        Some(present) if present.edited || (present.ordinal == ordinal && present.name_sv == names.0 && present.name_en == names.1) => {}
        Some(present) => {
            row.id = Set(present.id);
            row.version = Set(present.version + 1);
            row.update(&w.tx).await?;
        }
        None => {
            row.id = Set(w.new_id());
            row.version = Set(1);
            row.created_at = Set(w.now);
            row.codelist = Set(codelist.to_owned());
            row.code = Set(code.to_owned());
            row.pack = Set(Some(pack.to_owned()));
            row.edited = Set(false);
            row.insert(&w.tx).await?;
        }
    }
    Ok(())
}
