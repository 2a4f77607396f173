//! The schema's history, one file per change, for both databases. Each migration runs in a transaction of its own.

mod columns;
mod m0001_kernel;
mod m0002_access;
mod m0003_reference;
mod m0004_geography;
mod m0005_registry;
mod m0006_forums;
mod m0007_statistics;
mod m0008_assessments;
mod m0009_interventions;
mod m0010_priorities;
mod m0011_accounts;
mod m0012_federation;
mod m0013_limits;
mod m0014_audit;
mod m0015_privacy;
mod m0016_disclosure;
mod m0017_events;
mod m0018_registry;
mod m0019_sources;
mod m0020_merge;
mod m0021_imports;
mod m0022_webhooks;
mod m0025_homes;
mod m0026_pieces;
mod m0027_likenesses;
mod m0028_usual_addresses;
mod m0030_words;
mod m0031_former_values;
mod m0032_bodies;
mod m0033_confirmed;
mod m0034_life_cycles;
mod m0040_numbers;
mod m0041_targets;
mod m0042_answers;
mod m0043_plans;
mod m0044_public_bodies;
mod m0045_words;
mod m0046_details;
mod m0047_once;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_kernel::Migration),
            Box::new(m0002_access::Migration),
            Box::new(m0003_reference::Migration),
            Box::new(m0004_geography::Migration),
            Box::new(m0005_registry::Migration),
            Box::new(m0006_forums::Migration),
            Box::new(m0007_statistics::Migration),
            Box::new(m0008_assessments::Migration),
            Box::new(m0009_interventions::Migration),
            Box::new(m0010_priorities::Migration),
            Box::new(m0011_accounts::Migration),
            Box::new(m0012_federation::Migration),
            Box::new(m0013_limits::Migration),
            Box::new(m0014_audit::Migration),
            Box::new(m0016_disclosure::Migration),
            Box::new(m0015_privacy::Migration),
            Box::new(m0017_events::Migration),
            Box::new(m0018_registry::Migration),
            Box::new(m0019_sources::Migration),
            Box::new(m0020_merge::Migration),
            Box::new(m0021_imports::Migration),
            Box::new(m0022_webhooks::Migration),
            Box::new(m0025_homes::Migration),
            Box::new(m0026_pieces::Migration),
            Box::new(m0027_likenesses::Migration),
            Box::new(m0028_usual_addresses::Migration),
            Box::new(m0030_words::Migration),
            Box::new(m0031_former_values::Migration),
            Box::new(m0032_bodies::Migration),
            Box::new(m0033_confirmed::Migration),
            Box::new(m0034_life_cycles::Migration),
            Box::new(m0040_numbers::Migration),
            Box::new(m0041_targets::Migration),
            Box::new(m0042_answers::Migration),
            Box::new(m0043_plans::Migration),
            Box::new(m0044_public_bodies::Migration),
            Box::new(m0045_words::Migration),
            Box::new(m0046_details::Migration),
            Box::new(m0047_once::Migration),
        ]
    }
}
