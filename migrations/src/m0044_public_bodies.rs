//! A mark that changes whenever an actor of the reference data does, so that the service need not read those actors for each new
//! actor that is compared with them. An actor becomes one of them by an update, after it has been inserted.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

const SQLITE: &[&str] = &[
    "INSERT INTO installation (name, value) VALUES ('public_bodies', hex(randomblob(16)))",
    "CREATE TRIGGER actor_of_pack_updated AFTER UPDATE ON actor WHEN NEW.pack IS NOT NULL OR OLD.pack IS NOT NULL \
     BEGIN UPDATE installation SET value = hex(randomblob(16)) WHERE name = 'public_bodies'; END",
    "CREATE TRIGGER actor_of_pack_deleted AFTER DELETE ON actor WHEN OLD.pack IS NOT NULL \
     BEGIN UPDATE installation SET value = hex(randomblob(16)) WHERE name = 'public_bodies'; END",
];

const POSTGRES: &[&str] = &[
    "INSERT INTO installation (name, value) VALUES ('public_bodies', gen_random_uuid()::text)",
    "CREATE FUNCTION public_bodies_changed() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN UPDATE installation SET value = gen_random_uuid()::text WHERE name = 'public_bodies'; RETURN NULL; END $$",
    "CREATE TRIGGER actor_of_pack_updated AFTER UPDATE ON actor FOR EACH ROW WHEN (NEW.pack IS NOT NULL OR OLD.pack IS NOT NULL) \
     EXECUTE FUNCTION public_bodies_changed()",
    "CREATE TRIGGER actor_of_pack_deleted AFTER DELETE ON actor FOR EACH ROW WHEN (OLD.pack IS NOT NULL) \
     EXECUTE FUNCTION public_bodies_changed()",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = if manager.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE };
        for statement in statements {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
