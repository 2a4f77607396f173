//! The audit log: its entries, the chain that links them, and the chain's head. Triggers refuse to change or remove any of it.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

use super::columns::index;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // No reference to users, records or actors, because an entry outlasts them.
        let mut entry = Table::create();
        entry
            .table("audit_entry")
            .col(uuid("id").primary_key())
            .col(timestamp_with_time_zone("at"))
            .col(uuid_null("user_id"))
            .col(text("credential"))
            .col(text("address"))
            .col(text("request_id"))
            .col(text("operation"))
            .col(text("outcome"))
            .col(integer("status"))
            .col(text_null("record_kind"))
            .col(uuid_null("record_id"))
            .col(uuid_null("actor_id"))
            .col(text_null("detail"));
        manager.create_table(entry).await?;
        for columns in [["user_id", "id"], ["actor_id", "id"], ["record_id", "id"]] {
            index(manager, "audit_entry", &columns, false).await?;
        }
        index(manager, "audit_entry", &["at"], false).await?;
        index(manager, "audit_entry", &["request_id"], false).await?;
        // Entries that are committed and not yet in the chain.
        manager.create_table(Table::create().table("audit_pending").col(uuid("entry_id").primary_key()).take()).await?;
        // No reference to the entries either: when old entries are disposed of, their links stay.
        let mut link = Table::create();
        link.table("audit_link").col(big_integer("position").primary_key()).col(uuid("entry_id").unique_key()).col(text("hash"));
        manager.create_table(link).await?;
        let mut head = Table::create();
        head.table("audit_head").col(integer("id").primary_key()).col(big_integer("position")).col(text("hash"));
        manager.create_table(head).await?;
        let run = async |sql: &str| manager.get_connection().execute_unprepared(sql).await.map(drop);
        run(&format!("INSERT INTO audit_head (id, position, hash) VALUES (1, 0, '{}')", "0".repeat(64))).await?;
        let guards = if manager.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE };
        for guard in guards {
            run(guard).await?;
        }
        Ok(())
    }
}

const SQLITE: &[&str] = &[
    "CREATE TRIGGER audit_entry_pending AFTER INSERT ON audit_entry BEGIN INSERT INTO audit_pending (entry_id) VALUES (NEW.id); END",
    "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    "CREATE TRIGGER audit_link_no_update BEFORE UPDATE ON audit_link BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    "CREATE TRIGGER audit_link_no_delete BEFORE DELETE ON audit_link BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    "CREATE TRIGGER audit_head_no_return BEFORE UPDATE ON audit_head WHEN NEW.position <= OLD.position \
     BEGIN SELECT RAISE(ABORT, 'the head of the audit log only goes forward'); END",
    "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
];

const POSTGRES: &[&str] = &[
    "CREATE FUNCTION audit_pending() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN INSERT INTO audit_pending (entry_id) VALUES (NEW.id); RETURN NULL; END $$",
    "CREATE TRIGGER audit_entry_pending AFTER INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_pending()",
    "CREATE FUNCTION audit_refused() RETURNS trigger LANGUAGE plpgsql AS \
     $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
    "CREATE TRIGGER audit_entry_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_refused()",
    "CREATE TRIGGER audit_link_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_link FOR EACH STATEMENT EXECUTE FUNCTION audit_refused()",
    "CREATE TRIGGER audit_head_kept BEFORE DELETE OR TRUNCATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION audit_refused()",
    "CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head FOR EACH ROW WHEN (NEW.position <= OLD.position) \
     EXECUTE FUNCTION audit_refused()",
];
