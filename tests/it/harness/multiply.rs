//! Makes a small database large: every row is copied by SQL until its table has many rows. Columns, keys and references are read
//! from the catalogue of the database, so a new table needs nothing here.
//!
//! Copy `n` of a row has ids that begin with `n`, and refers to copy `n` of the rows that the row refers to. So each copied record
//! has as many parts as its original. Where the original refers to a row that is not copied, such as an area, or that has fewer copies,
//! the copy refers to another row of that table, so that no row gets all copies.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};

/// Tables that do not grow with use, or are emptied as fast as they fill. Their rows stay as they are, and copies refer to them.
pub const SMALL: [&str; 11] = [
    "access_epoch",
    "area",
    "audit_head",
    "audit_pending",
    "codelist_entry",
    "indicator",
    "installation",
    "journal_counter",
    "pack",
    "seaql_migrations",
    "signing_key",
];

/// Columns with texts that differ from row to row, beside those that a unique index makes different.
const DIFFERENT: [&str; 7] = ["_fold", "_sort", "_key", "external_id", "hash", "request_id", "value"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Id,
    Text,
    Bytes,
    Int,
    Time,
    Day,
    Other,
}

#[derive(Debug, Default)]
struct Source {
    columns: Vec<(String, Form)>,
    /// The columns of each unique index and of the primary key.
    unique: BTreeMap<String, Vec<String>>,
    /// The table that each column with a foreign key refers to.
    refers: BTreeMap<String, String>,
    rows: u64,
}

impl Source {
    fn form(&self, column: &str) -> Form {
        self.columns.iter().find(|(name, _)| name == column).map_or(Form::Other, |(_, form)| *form)
    }
}

/// Copies the rows of all large tables until each has at least `wanted` rows. No service may use the database meanwhile. Returns the
/// large tables, with the number of rows that they had before.
pub fn multiply(url: &str, wanted: u64) -> BTreeMap<String, u64> {
    let url = url.to_owned();
    let work = async move {
        let db = sea_orm::Database::connect(ConnectOptions::new(url).max_connections(1).to_owned()).await.unwrap();
        let tables = Multiplier { db, wanted }.run().await;
        tables.into_iter().map(|(name, table)| (name, table.rows)).collect()
    };
    thread::spawn(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)).join().unwrap()
}

struct Multiplier {
    db: DatabaseConnection,
    wanted: u64,
}

impl Multiplier {
    fn on_postgres(&self) -> bool {
        self.db.get_database_backend() == DbBackend::Postgres
    }

    async fn execute(&self, sql: &str) {
        if let Err(error) = self.db.execute_unprepared(sql).await {
            panic!("{sql}: {error}");
        }
    }

    /// Rows of texts.
    async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let rows = self.db.query_all_raw(Statement::from_string(self.db.get_database_backend(), sql)).await.unwrap();
        rows.iter()
            .map(|row| {
                (0..row.column_names().len()).map(|at| row.try_get_by_index::<Option<String>>(at).unwrap().unwrap_or_default()).collect()
            })
            .collect()
    }

    async fn run(self) -> BTreeMap<String, Source> {
        let tables = self.sources().await;
        let copies: BTreeMap<String, u64> = tables
            .iter()
            .filter(|(name, source)| !SMALL.contains(&name.as_str()) && source.rows > 0)
            .map(|(name, source)| (name.clone(), self.wanted.div_ceil(source.rows) - 1))
            .collect();
        let mut restore = Vec::new();
        if self.on_postgres() {
            self.execute("SET session_replication_role = replica").await;
        } else {
            for pragma in
                ["foreign_keys = OFF", "journal_mode = MEMORY", "synchronous = OFF", "cache_size = -500000", "temp_store = MEMORY"]
            {
                self.execute(&format!("PRAGMA {pragma}")).await;
            }
            for row in self.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").await {
                self.execute(&format!("DROP TRIGGER {}", row[0])).await;
                restore.push(row[1].clone());
            }
        }
        self.execute("CREATE TEMP TABLE copies (n bigint PRIMARY KEY)").await;
        let most = copies.values().max().copied().unwrap_or_default();
        self.execute(&format!(
            "INSERT INTO copies WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {most}) SELECT n FROM series"
        ))
        .await;
        // The ids of rows that are not copied, numbered by table, with the number of rows of the table.
        let id = if self.on_postgres() { "uuid" } else { "blob" };
        self.execute(&format!("CREATE TEMP TABLE kept (id {id} PRIMARY KEY, source text, number bigint, total bigint)")).await;
        for (name, source) in tables.iter().filter(|(name, _)| SMALL.contains(&name.as_str())) {
            if source.form("id") == Form::Id {
                let rows = format!("SELECT id, '{name}', ROW_NUMBER() OVER (ORDER BY id) - 1, COUNT(*) OVER () FROM {name}");
                self.execute(&format!("INSERT INTO kept {rows}")).await;
            }
        }
        self.execute("CREATE INDEX kept_number ON kept (source, number)").await;
        // The same for rows that are copied.
        self.execute(&format!("CREATE TEMP TABLE copied (id {id} PRIMARY KEY, source text, number bigint, total bigint)")).await;
        for (name, source) in tables.iter().filter(|(name, _)| copies.contains_key(*name)) {
            if source.form("id") == Form::Id {
                let rows = format!("SELECT id, '{name}', ROW_NUMBER() OVER (ORDER BY id) - 1, COUNT(*) OVER () FROM {name}");
                self.execute(&format!("INSERT INTO copied {rows}")).await;
            }
        }
        self.execute("CREATE INDEX copied_number ON copied (source, number)").await;
        self.execute("ANALYZE").await;
        for (name, source) in tables.iter().filter(|(name, _)| copies.contains_key(*name)) {
            self.copy(name, source, &copies).await;
        }
        if self.on_postgres() {
            for row in self
                .rows("SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND column_default LIKE 'nextval(%'")
                .await
            {
                let [table, column] = [&row[0], &row[1]];
                self.execute(&format!("SELECT setval(pg_get_serial_sequence('{table}', '{column}'), (SELECT MAX({column}) FROM {table}))")).await;
            }
        } else {
            self.execute("INSERT INTO search_words (search_words) VALUES ('rebuild')").await;
            for trigger in restore {
                self.execute(&trigger).await;
            }
        }
        self.execute("UPDATE audit_head SET position = (SELECT MAX(position) FROM audit_link) WHERE position < (SELECT MAX(position) FROM audit_link)")
            .await;
        self.execute("DROP TABLE copies").await;
        self.execute("DROP TABLE kept").await;
        self.execute("DROP TABLE copied").await;
        // The service keeps no statistics on SQLite.
        self.execute(if self.on_postgres() { "VACUUM ANALYZE" } else { "DROP TABLE IF EXISTS sqlite_stat1" }).await;
        let mut tables = tables;
        tables.retain(|name, _| copies.contains_key(name));
        tables
    }

    /// The tables of the service with all that the catalogue says of them.
    async fn sources(&self) -> BTreeMap<String, Source> {
        let mut tables: BTreeMap<String, Source> = BTreeMap::new();
        let (columns, unique, refers) = if self.on_postgres() {
            (
                "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = 'public' \
                 ORDER BY table_name, ordinal_position",
                "SELECT class.relname::text, index.indexrelid::text, attribute.attname::text FROM pg_index AS index \
                 JOIN pg_class AS class ON class.oid = index.indrelid JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid \
                 AND attribute.attnum = ANY(index.indkey) WHERE index.indisunique AND class.relnamespace = 'public'::regnamespace",
                "SELECT class.relname::text, attribute.attname::text, other.relname::text FROM pg_constraint AS rule \
                 JOIN pg_class AS class ON class.oid = rule.conrelid JOIN pg_class AS other ON other.oid = rule.confrelid \
                 JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attnum = rule.conkey[1] \
                 WHERE rule.contype = 'f' AND class.relnamespace = 'public'::regnamespace",
            )
        } else {
            (
                "SELECT tables.name, columns.name, columns.type FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
                 WHERE tables.type = 'table' ORDER BY tables.name, columns.cid",
                "SELECT tables.name, indexes.name, columns.name FROM sqlite_master AS tables, pragma_index_list(tables.name) AS indexes, \
                 pragma_index_info(indexes.name) AS columns WHERE tables.type = 'table' AND indexes.\"unique\" \
                 UNION ALL SELECT tables.name, 'primary', columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
                 WHERE tables.type = 'table' AND columns.pk > 0",
                "SELECT tables.name, keys.\"from\", keys.\"table\" FROM sqlite_master AS tables, pragma_foreign_key_list(tables.name) AS keys \
                 WHERE tables.type = 'table'",
            )
        };
        for row in self.rows(columns).await {
            let [table, column, kind] = row.try_into().unwrap();
            if table.starts_with("sqlite_") || table.starts_with("search_words") {
                continue;
            }
            let form = match kind.to_lowercase().as_str() {
                "uuid" | "uuid_text" => Form::Id,
                "text" | "varchar" | "character varying" => Form::Text,
                "bytea" | "blob" => Form::Bytes,
                "integer" | "bigint" => Form::Int,
                "timestamp with time zone" | "timestamp_with_timezone_text" => Form::Time,
                "date" | "date_text" => Form::Day,
                kind if kind.starts_with("varchar") => Form::Text,
                kind if kind.starts_with("varbinary") || kind.starts_with("blob") => Form::Bytes,
                _ => Form::Other,
            };
            tables.entry(table).or_default().columns.push((column, form));
        }
        for row in self.rows(unique).await {
            let [table, index, column] = row.try_into().unwrap();
            if let Some(source) = tables.get_mut(&table) {
                source.unique.entry(index).or_default().push(column);
            }
        }
        for row in self.rows(refers).await {
            let [table, column, other] = row.try_into().unwrap();
            if let Some(source) = tables.get_mut(&table) {
                source.refers.insert(column, other);
            }
        }
        for (name, source) in &mut tables {
            source.rows = self.rows(&format!("SELECT CAST(COUNT(*) AS text) FROM {name}")).await[0][0].parse().unwrap();
        }
        tables
    }

    /// Copies the rows of one table.
    async fn copy(&self, name: &str, source: &Source, copies: &BTreeMap<String, u64>) {
        let times = copies[name];
        // The number of copies of the row that a column refers to; none for rows that are not copied.
        let referred = |column: &str| match source.refers.get(column) {
            Some(other) => copies.get(other).copied().unwrap_or_default(),
            None => u64::MAX,
        };
        // In each unique index one column differs in every copy.
        let mut different = BTreeSet::new();
        for columns in source.unique.values() {
            let of = |form: Form| columns.iter().filter(move |column| source.form(column) == form);
            let id = of(Form::Id).filter(|column| referred(column) > 0).max_by_key(|column| referred(column));
            let chosen =
                id.or_else(|| of(Form::Text).next_back()).or_else(|| of(Form::Int).next_back()).or_else(|| of(Form::Bytes).next_back());
            different.extend(chosen.map(String::as_str));
        }
        let mut values = Vec::new();
        for (column, form) in &source.columns {
            let is_different = different.contains(column.as_str());
            let own = format!("own.{column}");
            values.push(match form {
                Form::Id => {
                    let (of, known) = (referred(column), source.refers.contains_key(column));
                    let new = if is_different || of >= times || of == 0 {
                        self.id(&own, "n")
                    } else {
                        // There are fewer copies of each row that is referred to, so copies refer to those of other rows too.
                        let id = self.id("other.id", &format!("((n - 1) % {of} + 1)"));
                        format!(
                            "(SELECT {id} FROM copied AS mine JOIN copied AS other ON other.source = mine.source \
                             AND other.number = (mine.number + (n - 1) / {of}) % mine.total WHERE mine.id = {own})"
                        )
                    };
                    let other = format!(
                        "(SELECT other.id FROM kept AS mine JOIN kept AS other ON other.source = mine.source \
                         AND other.number = (mine.number + n) % mine.total WHERE mine.id = {own})"
                    );
                    match (of, known) {
                        (0, _) => other,
                        (_, true) => new,
                        (_, false) if column == "id" => new,
                        _ => format!("COALESCE({other}, {new})"),
                    }
                }
                // A copy is no row of a reference pack.
                Form::Text if column == "pack" => "NULL".to_owned(),
                // Callers see some rows of each table and not others.
                Form::Text if column == "visibility" => format!("CASE WHEN n % 2 = 0 THEN {own} ELSE 'public' END"),
                Form::Text if is_different || DIFFERENT.iter().any(|end| column.ends_with(end)) => format!("{own} || '-' || n"),
                Form::Bytes if DIFFERENT.iter().any(|end| column.ends_with(end)) => {
                    if self.on_postgres() {
                        format!("{own} || convert_to(n::text, 'UTF8')")
                    } else {
                        format!("CAST({own} || CAST(n AS text) AS blob)")
                    }
                }
                Form::Int if is_different => format!("{own} + n * (SELECT MAX({column}) - MIN({column}) + 1 FROM {name})"),
                Form::Time if self.on_postgres() => format!("{own} + n * interval '1 second'"),
                Form::Time => format!("strftime('%Y-%m-%dT%H:%M:%S', substr({own}, 1, 19), n || ' seconds') || substr({own}, 20)"),
                Form::Day if self.on_postgres() => format!("{own} + (n % 1000)::int"),
                Form::Day => format!("date({own}, (n % 1000) || ' days')"),
                _ => own,
            });
        }
        // A change lacks a position for a moment only.
        let waiting = if name == "event" { " AND own.position IS NOT NULL" } else { "" };
        let columns: Vec<_> = source.columns.iter().map(|(column, _)| column.as_str()).collect();
        self.execute(&format!(
            "INSERT INTO {name} ({}) SELECT {} FROM copies CROSS JOIN {name} AS own WHERE n <= {times}{waiting}",
            columns.join(", "),
            values.join(", ")
        ))
        .await;
    }

    /// The id of a copy: the number of the copy in the first four bytes.
    fn id(&self, own: &str, number: &str) -> String {
        if self.on_postgres() {
            format!("(lpad(to_hex({number}), 8, '0') || substr(replace({own}::text, '-', ''), 9))::uuid")
        } else {
            // `hex` makes an empty text of null.
            format!("iif({own} IS NULL, NULL, unhex(printf('%08x', {number}) || substr(hex({own}), 9)))")
        }
    }
}
