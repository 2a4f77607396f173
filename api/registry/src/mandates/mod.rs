//! Mandates (mandat): what an actor may decide, fund or do in a policy domain and an area, and on which ground. No other
//! register has this. It shows which actors must take part when a question is decided.

mod api;
pub mod store;
pub mod table;
mod types;

pub use api::routes;
pub use types::*;

use crate::kernel::record::{Bilingual, End, Owner, Record, actor_column, text_columns, text_table};

/// The declaration of this kind of record.
pub const RECORD: Record = Record::new("mandate", Owner::Actor("actor_id"), &[
    text_table(
        "mandate",
        Bilingual("Mandat", "Mandates"),
        &[text_columns("legal_basis", "listMandates getMandate")],
        "id version:int created_at updated_at actor_id policy_domain area_id powers:json basis confirmer valid_from valid_to visibility deleted_at",
    ).actors(&[actor_column("actor_id").same(&["policy_domain", "area_id", "powers", "basis", "legal_basis", "valid_from", "valid_to"])]),
]).part_of("actor", "actor_id").areas(&["area_id"]).ends(End::RemovedAt("deleted_at")).disclosable();
